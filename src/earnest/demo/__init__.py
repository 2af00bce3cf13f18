"""A demo: three months of a marketplace, lived through the use cases, for whoever wants to look around.

`history.fill` is the way in. The people are in `cast.toml`, what they write is made of `texts.toml`, what happens by
the story is in `episodes.py` and what happens every day in `everyday.py`. All of them are invented.
"""
