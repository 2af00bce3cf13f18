"""How a page says things to one reader: translated text; numbers, dates, money and connects in their locale's way.

Catalogues are `locale/LANGUAGE.po`; English is what the source says. Days and months are those of the pack's zone.
"""

from datetime import date, datetime, time, timedelta
from decimal import Decimal
from functools import lru_cache
from io import BytesIO
from pathlib import Path

from babel import Locale, dates, numbers
from babel.lists import format_list
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.support import NullTranslations, Translations

from earnest.marketplace.shown import Money
from earnest.rules.pack import Pack

CATALOGUES = Path(__file__).with_name("locale")
SOURCE = "en"
"""The language of the source, which needs no catalogue."""

REGIONS = ("en_US", "en_GB", "en_AU", "en_CA", "en_IE", "en_IN", "en_NZ")
"""Where the same language writes dates and numbers in another way."""

MOST_HEADER = 200


def N_(text: str) -> str:  # noqa: N802 - what extraction looks for
    """Mark a text that is translated where it is used."""
    return text


@lru_cache(maxsize=1)
def languages() -> tuple[str, ...]:
    """Return the languages there are, the source's first."""
    return (SOURCE, *sorted(path.stem for path in CATALOGUES.glob("*.po")))


@lru_cache(maxsize=64)
def catalogue(language: str) -> NullTranslations:
    """Return the translations of a language; English is translated into itself."""
    path = CATALOGUES / f"{language}.po"
    if language == SOURCE or not path.is_file():
        return NullTranslations()
    compiled = BytesIO()
    with path.open("rb") as source:
        write_mo(compiled, read_po(source, locale=language))
    compiled.seek(0)
    return Translations(compiled)


@lru_cache(maxsize=1024)
def _negotiated(accepted: str) -> str:
    """Return the locale that suits an Accept-Language header best, of those there are."""
    wanted = []
    for part in accepted.split(","):
        tag, _, weight = part.strip().partition(";q=")
        try:
            wanted.append((-float(weight or 1), tag.strip().replace("-", "_")))
        except ValueError:
            continue
    known = {each.lower(): each for each in (*REGIONS, *languages())}
    for _, tag in sorted(wanted, key=lambda each: each[0]):
        for asked in (tag.lower(), tag.lower().partition("_")[0]):
            if asked in known:
                return known[asked]
    return SOURCE


class Words:
    """The words, numbers and dates of one locale, with the names and the currency of one pack."""

    def __init__(self, locale: str, pack: Pack, translations: NullTranslations | None = None) -> None:
        self.locale = Locale.parse(locale)
        self.language = self.locale.language
        self.tag = locale.replace("_", "-")
        self.pack = pack
        self._translations = translations or catalogue(self.language)
        self._zone = pack.calendar.zone
        self.gettext = self._translations.gettext
        self.ngettext = self._translations.ngettext

    def number(self, number: float) -> str:
        """Return a whole number with its thousands parted."""
        return numbers.format_decimal(number, locale=self.locale)

    def short(self, number: int) -> str:
        """Return a whole number in as little room as a chart has: thousands as "1.2K"."""
        return numbers.format_compact_decimal(number, locale=self.locale, fraction_digits=1)

    def percent(self, hundredths: int) -> str:
        """Return so many of a hundred."""
        return numbers.format_percent(hundredths / 100, locale=self.locale)

    @property
    def token(self) -> str:
        """What one connect is called."""
        return self.pack.file.token.singular

    @property
    def tokens(self) -> str:
        """What several connects are called."""
        return self.pack.file.token.plural

    def connects(self, connects: int) -> str:
        """Return a number of connects with the pack's word for them, such as `1 connect` or `60 connects`."""
        return f"{self.number(connects)} {self.token if abs(connects) == 1 else self.tokens}"

    def signed(self, connects: int) -> str:
        """Return what came with a plus, what went with a minus sign."""
        sign = "+" if connects > 0 else "\N{MINUS SIGN}" if connects < 0 else ""
        return f"{sign}{self.number(abs(connects))}"

    def money(self, money: Money) -> str:
        """Return an amount of money in major units."""
        amount = Decimal(money.amount).scaleb(-self.pack.file.currency.minor_digits)
        return numbers.format_currency(amount, money.currency, locale=self.locale)

    def minor_units(self, amount: int) -> str:
        """Return an amount of the pack's currency, given in minor units."""
        return self.money(Money(amount, self.pack.file.currency.code))

    def day(self, at: datetime | date) -> str:
        """Return a day in the pack's zone, such as `1 Feb 2026`."""
        return dates.format_date(self._local_day(at), "medium", locale=self.locale)

    def day_month(self, at: datetime | date) -> str:
        """Return a day without its year, such as `1 Feb`, for what lies near."""
        return dates.format_skeleton("MMMd", self._local_day(at), locale=self.locale)

    def month(self, at: datetime | date) -> str:
        """Return a month and its year, such as `February 2026`."""
        return dates.format_skeleton("yMMMM", self._local_day(at), locale=self.locale)

    def month_short(self, at: datetime | date) -> str:
        """Return a month's short name, for a chart."""
        return dates.format_skeleton("MMM", self._local_day(at), locale=self.locale)

    def deadline(self, at: datetime) -> str:
        """Return till when something can be used that ends at a time: by the end of the day before, at midnight."""
        local = at.astimezone(self._zone)
        if local.time() == time():
            return self.gettext("the end of %(day)s") % {"day": self.day(local.date() - timedelta(days=1))}
        return self.moment(at)

    def moment(self, at: datetime) -> str:
        """Return a day and a time in the pack's zone, which is named."""
        local = at.astimezone(self._zone)
        clock = dates.format_time(local, "short", tzinfo=self._zone, locale=self.locale)
        return f"{self.day(at)}, {clock} {local.tzname()}"

    def iso(self, at: datetime | date) -> str:
        """Return a time for the `datetime` attribute of a time element."""
        return at.isoformat()

    def listed(self, things: list[str]) -> str:
        """Return things as a list in a sentence: `a, b and c`."""
        return format_list(things, locale=self.locale)

    def _local_day(self, at: datetime | date) -> date:
        return at.astimezone(self._zone).date() if isinstance(at, datetime) else at


def locale_of(accepted: str | None) -> str:
    """Return the locale for a reader whose browser sends this Accept-Language header."""
    return _negotiated((accepted or SOURCE)[:MOST_HEADER])
