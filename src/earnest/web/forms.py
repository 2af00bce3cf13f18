"""Reading a form: what was sent, field by field, and in plain words what is wrong with it.

A form that has errors is shown again with everything its sender has typed.
"""

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation

from earnest.rules.account import MOST_MINOR_UNITS
from earnest.rules.calendar import EARLIEST, LATEST
from earnest.web.words import Words

_DIGITS = re.compile(r"\d{1,12}")
_SAID = re.compile(r"([A-Za-z_]\w*): expected (.*?)(?:, got .*)?", re.DOTALL)


class Form:
    """What was sent, and what is wrong with it. A field that isn't as it has to be reads as None."""

    def __init__(self, sent: Mapping[str, str], words: Words) -> None:
        self.sent = sent
        self.errors: dict[str, str] = {}
        self._words = words

    def __getitem__(self, name: str) -> str:
        """Return a field as it was sent, for showing it again."""
        return self.sent.get(name, "")

    def say(self, name: str, sentence: str) -> None:
        """Note what is wrong with a field; the first that is said of it stands."""
        self.errors.setdefault(name, sentence)

    def text(self, name: str, most: int, *, needed: bool = True) -> str | None:
        """Return a text without the blanks around it; None where there is none."""
        # A browser sends line ends as two characters each.
        value = self.sent.get(name, "").replace("\r\n", "\n").strip()
        if not value:
            if needed:
                self.say(name, self._words.gettext("Please fill this in."))
            return None
        if len(value) > most:
            said = self._words.gettext("Please use at most %(most)s characters; these are %(count)s.")
            self.say(name, said % {"most": self._words.number(most), "count": self._words.number(len(value))})
            return None
        if any(ord(char) < 32 and char not in "\n\t" for char in value) or _is_broken(value):
            self.say(name, self._words.gettext("There are characters in this that can’t be kept."))
            return None
        return value

    def whole(self, name: str, least: int, most: int, *, needed: bool = True) -> int | None:
        """Return a whole number within bounds."""
        value = re.sub(r"[\s,.'\u202f\u00a0]", "", self.sent.get(name, ""))
        if not value and not needed:
            return None
        if not _DIGITS.fullmatch(value) or not least <= int(value) <= most:
            said = self._words.gettext("Please give a whole number from %(least)s to %(most)s.")
            self.say(name, said % {"least": self._words.number(least), "most": self._words.number(most)})
            return None
        return int(value)

    def money(self, name: str, *, needed: bool = True) -> int | None:
        """Return an amount in minor units of the pack's currency, given in major ones as in 1,500.00."""
        value = self.sent.get(name, "").strip().replace("\u00a0", "").replace(" ", "")
        if not value and not needed:
            return None
        digits = self._words.pack.file.currency.minor_digits
        # The last point or comma parts the fraction, if what follows can be one.
        whole, mark, fraction = value, "", ""
        found = re.fullmatch(r"(.*)([.,])(\d*)", value)
        if found is not None and len(found[3]) <= digits:
            whole, mark, fraction = found[1], found[2], found[3]
        whole = re.sub(r"[,.'](?=\d{3}(?:\D|$))", "", whole)
        try:
            if not re.fullmatch(r"\d{1,15}", whole or ("0" if mark else "")):
                raise InvalidOperation
            amount = int(Decimal(f"{whole or 0}.{fraction or 0}").scaleb(digits))
        except InvalidOperation:
            amount = -1
        if not 0 <= amount <= MOST_MINOR_UNITS:
            example = self._words.minor_units(1500 * 10**digits)
            self.say(name, self._words.gettext("Please give an amount, such as %(example)s.") % {"example": example})
            return None
        return amount

    def choice(self, name: str, choices: Iterable[str], *, needed: bool = True) -> str | None:
        """Return one of a few."""
        value = self.sent.get(name, "")
        if not value and not needed:
            return None
        if value not in tuple(choices):
            self.say(name, self._words.gettext("Please choose one of these."))
            return None
        return value

    def day(self, name: str, *, needed: bool = True) -> datetime | None:
        """Return the end of a day in the pack's zone, in UTC; of one that a marketplace can mean."""
        value = self.sent.get(name, "")
        if not value and not needed:
            return None
        try:
            day = datetime.strptime(value, "%Y-%m-%d").replace(tzinfo=self._words.pack.calendar.zone)
            end = (day + timedelta(days=1)).astimezone(UTC)
            if not EARLIEST <= day.astimezone(UTC) < end <= LATEST:
                raise ValueError(value)
            return end
        except (ValueError, OverflowError):
            self.say(name, self._words.gettext("Please give a day, as in 2026-03-31."))
            return None

    def ticked(self, name: str) -> bool:
        """Say whether a box is ticked."""
        return self.sent.get(name) is not None

    def complain(self, error: ValueError, field: str | None = None) -> None:
        """Note what a use case says of an argument; raises the error again where it is about none.

        `field` is where it was filled in, if that is called otherwise than the argument.
        """
        said = _SAID.fullmatch(str(error))
        if said is None:
            raise error
        self.say(field or said[1], self._words.gettext("Please give %(expected)s.") % {"expected": said[2]})


def _is_broken(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:
        return True
    return False
