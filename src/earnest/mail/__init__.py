"""E-mail: letters to single people, and the posts they leave by.

A post says of each letter whether it was taken, refused for good, or is to be tried again later; who tries again, and
when, is not its business. Nothing here ever tells a log what a letter says or to whom it goes.
"""

from earnest.mail.letter import Letter
from earnest.mail.post import Console, Post, Sent, post_of

__all__ = ["Console", "Letter", "Post", "Sent", "post_of"]
