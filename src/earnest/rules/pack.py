"""Rule packs: every number and every choice of the rules, as data (RULES, all sections).

A pack is a TOML file, decoded once into frozen values. A mistake in it is a `PackError` that names the field by its
path and says what was expected. Revisions in force are immutable: `canonical_text` and `fingerprint` are what a
store keeps to notice a change, and `differences` names the fields that changed.
"""

import hashlib
import re
import reprlib
import tomllib
from bisect import bisect_right
from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import Annotated, Any, Literal, get_args, get_type_hints
from zoneinfo import ZoneInfo

import msgspec

from earnest.rules.account import MOST_CONNECTS, MOST_MINOR_UNITS, Kind
from earnest.rules.calendar import EARLIEST, LATEST, Calendar

Connects = Annotated[int, msgspec.Meta(ge=0, le=MOST_CONNECTS)]
MinorUnits = Annotated[int, msgspec.Meta(ge=0, le=MOST_MINOR_UNITS)]
Price = Annotated[int, msgspec.Meta(ge=1, le=1000)]
Text = Annotated[str, msgspec.Meta(min_length=1, max_length=2000)]


_CURRENCY = r"^[A-Z]{3}\Z"
_NAME = r"^[a-z][a-z0-9_-]{0,62}\Z"
_CODE = r"^[a-z][a-z0-9_]{0,31}\Z"

LONGEST_QUOTED = 60
"""How many characters of a wrong value a message repeats."""


class _Quote(reprlib.Repr):
    """Quotes a value as far as it helps: a table of tables, or a number of a thousand digits, buries the sentence."""

    def __init__(self) -> None:
        super().__init__()
        self.maxstring = self.maxother = LONGEST_QUOTED

    def repr_int(self, value: int, _level: int) -> str:
        return repr(value) if abs(value) <= MOST_MINOR_UNITS else "a number far beyond"


_QUOTE = _Quote()

# What msgspec expects, in plain words; the first that fits.
_IN_WORDS = (
    (re.escape(f"`str` matching regex {_CURRENCY!r}"), "three capital letters"),
    (re.escape(f"`str` matching regex {_NAME!r}"), "small letters, digits, _ and -, at most 63, a letter first"),
    (re.escape(f"`str` matching regex {_CODE!r}"), "small letters, digits and _, at most 32, a letter first"),
    (r"`int` >= (.*)", r"a whole number of at least \1"),
    (r"`int` <= (.*)", r"a whole number of at most \1"),
    (r"`int`.*", "a whole number"),
    (r"`bool`", "true or false"),
    (r"`date.*", "a date such as 2027-03-01, without quotes"),
    (r"`str` of length >= (.*)", r"a text of at least \1 characters"),
    (r"`str` of length <= (.*)", r"a text of at most \1 characters"),
    (r"`str`", "a text in quotes"),
    (r"`array` of length .*", "at least one"),
    (r"`array`", "a list"),
    (r"`object.*", "a table of fields"),
)


class PackError(ValueError):
    """A mistake in a rule pack; its text says where, what was expected and what was found, a line a mistake."""


class Token(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a connect is called on the pages."""

    singular: Text
    plural: Text


class Currency(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The currency of prices and fees; its minor unit is the last of `minor_digits` decimal digits."""

    code: Annotated[str, msgspec.Meta(pattern=_CURRENCY)]
    minor_digits: Annotated[int, msgspec.Meta(ge=0, le=4)]


class Band(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Budgets under a bound, in minor units, and the price of a proposal there, in connects."""

    under: Annotated[int, msgspec.Meta(ge=1, le=MOST_MINOR_UNITS)]
    price: Price


class DurationPrices(
    msgspec.Struct,
    frozen=True,
    forbid_unknown_fields=True,
    rename={"one_to_three_months": "1_to_3_months", "three_to_six_months": "3_to_6_months"},
):
    """Connects by how long the work will take."""

    unstated: Price
    under_1_month: Price
    one_to_three_months: Price
    three_to_six_months: Price
    over_6_months: Price


class WeeklyHoursPrices(
    msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename={"thirty_or_more": "30_or_more"}
):
    """Connects on top of the duration's, by hours a week."""

    unstated: Connects
    under_30: Connects
    thirty_or_more: Connects


class PriceCard(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a proposal costs, by a job's type and size (RULES 1)."""

    least: Price
    most: Price
    fixed: tuple[Band, ...]
    fixed_above: Price
    duration: DurationPrices
    weekly_hours: WeeklyHoursPrices


class Plan(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A membership plan (RULES 2): connects and money are whole numbers, money in minor units.

    `carry_limit`: connects carried into the next cycle, at most. `most_held`: the most the account may ever hold,
    None for no limit. `connect_price`: for each connect bought, None where the plan may not buy. `fee`: a month's.
    """

    code: Annotated[str, msgspec.Meta(pattern=_CODE)]
    kind: Kind
    connects: Connects
    carry_limit: Connects
    fee: MinorUnits
    benefits: Text
    most_held: Connects | None = None
    connect_price: MinorUnits | None = None


class Thresholds(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The counts, in connects, at which an account is warned and suspended."""

    warned_at: Annotated[int, msgspec.Meta(ge=1, le=MOST_CONNECTS)]
    suspended_at: Annotated[int, msgspec.Meta(ge=1, le=MOST_CONNECTS)]


class Conduct(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How proposals that never lead to a hire are counted (RULES 9); a kind without thresholds is never judged."""

    # Not from the same day on: a day's status follows from what was known before it.
    counts_from_day: Annotated[int, msgspec.Meta(ge=1, le=3660)]
    counts_to_day: Annotated[int, msgspec.Meta(ge=1, le=3660)]
    individual: Thresholds | None = None
    agency: Thresholds | None = None

    def thresholds(self, kind: Kind) -> Thresholds | None:
        """Return the thresholds for a kind of account."""
        return self.individual if kind == "individual" else self.agency


class AdviceRules(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """When more connects won't help: so many proposals, and fewer hires for a hundred of them (RULES 10)."""

    many_proposals: Annotated[int, msgspec.Meta(ge=1, le=MOST_CONNECTS)]
    few_hires_percent: Annotated[int, msgspec.Meta(ge=0, le=100)]


class Revision(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The rules whole, as they hold from one month on; the choices are explained in the pack file."""

    number: Annotated[int, msgspec.Meta(ge=1, le=MOST_CONNECTS)]
    first_month: Literal["full", "prorated"]
    carry_limit_counts: Literal["carried", "opening"]
    carry_first: Literal["paid", "free"]
    returns_above_most_held: Literal["clip", "keep"]
    upgrade_grants: Literal["difference", "prorated", "full"]
    lapse_days: Annotated[int, msgspec.Meta(ge=1, le=3660)]
    lapse_gives_back: bool
    pending_purchase_hours: Annotated[int, msgspec.Meta(ge=0, le=8760)]
    price_card: PriceCard
    plans: Annotated[tuple[Plan, ...], msgspec.Meta(min_length=1)]
    conduct: Conduct
    advice: AdviceRules
    effective_from: date | None = None

    def plan(self, code: str) -> Plan:
        """Return the plan with a code; raises KeyError where there is none."""
        for plan in self.plans:
            if plan.code == code:
                return plan
        raise KeyError(code)

    def plans_of(self, kind: Kind) -> list[str]:
        """Return the codes of a kind's plans, from low to high."""
        return [plan.code for plan in self.plans if plan.kind == kind]


class PackFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A pack as its file states it."""

    name: Annotated[str, msgspec.Meta(pattern=_NAME)]
    time_zone: str
    cycle: Literal["calendar", "anniversary"]
    burn_first: Literal["free", "paid"]
    token: Token
    currency: Currency
    revisions: Annotated[tuple[Revision, ...], msgspec.Meta(min_length=1)]


class Pack:
    """A rule pack, checked and ready: what its file states, its calendar, and when each revision holds."""

    __slots__ = ("_only", "_starts", "calendar", "file", "free_first", "revisions")

    def __init__(self, file: PackFile) -> None:
        self.file = file
        self.free_first = file.burn_first == "free"
        self.calendar = Calendar(ZoneInfo(file.time_zone), anniversary=file.cycle == "anniversary")
        self.revisions = file.revisions
        self._starts = [self._start(revision) for revision in file.revisions]
        self._only = file.revisions[0] if len(file.revisions) == 1 else None

    def _start(self, revision: Revision) -> datetime:
        day = revision.effective_from
        return self.calendar.day_start(day.toordinal()) if day is not None else datetime.min.replace(tzinfo=UTC)

    def at(self, instant: datetime) -> Revision:
        """Return the revision in force at an instant."""
        return self._only or self.revisions[bisect_right(self._starts, instant) - 1]

    def starts_between(self, after: datetime, until: datetime) -> list[datetime]:
        """Return when revisions come into force after one instant and not after another."""
        if self._only is not None:
            return []
        return self._starts[bisect_right(self._starts, after) : bisect_right(self._starts, until)]

    @property
    def last_start(self) -> datetime:
        """When the last known revision comes into force."""
        return self._starts[-1]


def decode_pack(text: bytes | str) -> Pack:
    """Decode and check a pack's TOML text.

    Raises PackError for a text that is no TOML or no pack, naming each field by its path and what was expected.
    """
    if isinstance(text, bytes):
        try:
            # Some editors begin a file with a byte-order mark.
            text = text.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise PackError(f"expected UTF-8 text: {error}") from error
    try:
        raw = tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        # Besides its own errors tomllib raises Python's, for endless numbers and for nesting without end.
        raise PackError(f"expected TOML: {error}") from error
    return convert_pack(raw)


def convert_pack(raw: dict[str, Any]) -> Pack:
    """Check a pack's data as its TOML text states it; raises PackError as `decode_pack` does."""
    try:
        # TOML has dates of its own, so a text isn't taken for one.
        file = msgspec.convert(raw, PackFile, builtin_types=(date, datetime))
    except msgspec.ValidationError as error:
        raise PackError(_say(str(error), raw)) from error
    mistakes = list(_mistakes(file))
    if mistakes:
        raise PackError("\n".join(mistakes))
    return Pack(file)


_NAMED = re.compile(
    r"Object (?P<flaw>contains unknown|missing required) field `(?P<key>.*?)`(?: - at `\$\.?(?P<path>.*)`)?", re.DOTALL
)


def _say(error: str, raw: Any) -> str:
    """Put the field's path first, then what was expected and what was found there, in plain words."""
    named = _NAMED.fullmatch(error)
    what, _, where = error.partition(" - at `$")
    path = (named["path"] or "") if named is not None else where.removesuffix("`").removeprefix(".")
    try:
        for step in _steps(path):
            raw = raw[step]
    except (LookupError, TypeError):
        # A key may hold anything, also what looks like a path.
        return f"expected the fields of a pack: {what[0].lower()}{what[1:]}"
    if named is not None:
        key = named["key"] if named["key"].isprintable() else repr(named["key"])
        missing = named["flaw"] == "missing required"
        expected = "a value, got none" if missing else f"one of {', '.join(_names(path))}"
        return f"{path}.{key}: expected {expected}" if path else f"{key}: expected {expected}"
    if what.startswith("Invalid enum value"):
        expected = f"one of {', '.join(repr(choice) for choice in get_args(_type_at(path)))}"
    else:
        expected = what.removeprefix("Expected ").split(", got")[0]
        for pattern, words in _IN_WORDS:
            if re.fullmatch(pattern, expected):
                expected = re.sub(pattern, words, expected)
                break
    return f"{path}: expected {expected}, got {_QUOTE.repr(raw)}"


def _steps(path: str) -> list[str | int]:
    return [int(step) if step.isdigit() else step for step in re.findall(r"[^.\[\]]+", path)]


def _type_at(path: str) -> Any:
    """Return the type of the field at a path."""
    kind: Any = PackFile
    for step in _steps(path):
        kind = _bare(get_args(kind)[0] if isinstance(step, int) else _fields(kind)[step])
    return kind


def _fields(kind: Any) -> dict[str | int, Any]:
    hints = get_type_hints(kind)
    return {field.encode_name: hints[field.name] for field in msgspec.structs.fields(kind)}


def _bare(kind: Any) -> Any:
    """Strip what only says that a field may be absent."""
    return get_args(kind)[0] if type(None) in get_args(kind) else kind


def _names(path: str) -> list[str]:
    return [str(name) for name in _fields(_type_at(path))]


def _mistakes(file: PackFile) -> Iterator[str]:
    """Yield what no single field's type can tell, as `path: expected …, got …`."""
    try:
        ZoneInfo(file.time_zone)
    except (KeyError, ValueError, OSError):
        yield f"time_zone: expected the name of a time zone such as 'UTC' or 'Europe/Berlin', got {file.time_zone!r}"
    before: Revision | None = None
    for index, revision in enumerate(file.revisions):
        yield from _revision_mistakes(f"revisions[{index}]", revision, before)
        before = revision


def _revision_mistakes(path: str, revision: Revision, before: Revision | None) -> Iterator[str]:
    start = revision.effective_from
    if before is None:
        if start is not None:
            yield f"{path}.effective_from: expected none, as the first revision holds from the beginning, got {start}"
    else:
        earlier = before.effective_from
        if revision.number <= before.number:
            yield f"{path}.number: expected more than {before.number}, got {revision.number}"
        if start is None:
            yield f"{path}.effective_from: expected the first of a month, got none"
        elif start.day != 1 or not EARLIEST.year < start.year < LATEST.year:
            yield f"{path}.effective_from: expected the first of a month, got {start}"
        elif earlier is not None and start <= earlier:
            yield f"{path}.effective_from: expected a month after {earlier}, as revisions may not overlap, got {start}"
        kinds = {plan.code: plan.kind for plan in revision.plans}
        for plan in before.plans:
            if kinds.get(plan.code) != plan.kind:
                yield f"{path}.plans: expected {plan.code!r} for {plan.kind!r} as before, as accounts may be on it"
    codes = [plan.code for plan in revision.plans]
    for index, plan in enumerate(revision.plans):
        if plan.code in codes[:index]:
            yield f"{path}.plans[{index}].code: expected a code no other plan has, got {plan.code!r}"
        if plan.most_held is not None and plan.most_held < plan.connects:
            yield (
                f"{path}.plans[{index}].most_held: expected at least the month's {plan.connects} connects, "
                f"got {plan.most_held}"
            )
    yield from _price_mistakes(f"{path}.price_card", revision.price_card)
    yield from _conduct_mistakes(f"{path}.conduct", revision.conduct)


def _price_mistakes(path: str, card: PriceCard) -> Iterator[str]:
    if card.most < card.least:
        yield f"{path}.most: expected at least {card.least}, got {card.most}"
    prices = [(f"fixed[{i}].price", band.price) for i, band in enumerate(card.fixed)]
    prices.append(("fixed_above", card.fixed_above))
    prices.extend((f"duration.{name}", price) for name, price in msgspec.to_builtins(card.duration).items())
    for field, price in prices:
        if not card.least <= price <= card.most:
            yield f"{path}.{field}: expected a price from {card.least} to {card.most}, got {price}"
    for i, (low, high) in enumerate(zip(card.fixed, card.fixed[1:], strict=False), start=1):
        if high.under <= low.under:
            yield f"{path}.fixed[{i}].under: expected more than {low.under}, got {high.under}"


def _conduct_mistakes(path: str, conduct: Conduct) -> Iterator[str]:
    if conduct.counts_to_day < conduct.counts_from_day:
        yield f"{path}.counts_to_day: expected at least {conduct.counts_from_day}, got {conduct.counts_to_day}"
    for kind in get_args(Kind):
        limits = conduct.thresholds(kind)
        if limits is not None and limits.suspended_at <= limits.warned_at:
            yield f"{path}.{kind}.suspended_at: expected more than {limits.warned_at}, got {limits.suspended_at}"


def canonical_text(pack: Pack, revision: Revision) -> str:
    """Return one revision, with what the pack states for all of them, as the one text that means it.

    Two files that differ only in layout, comments or order of fields have the same text; the order of plans counts.
    """
    whole: dict[str, Any] = msgspec.to_builtins(pack.file)
    del whole["revisions"]
    whole["revision"] = msgspec.to_builtins(revision)
    return msgspec.json.encode(whole, order="sorted").decode()


def fingerprint(text: str) -> str:
    """Return the SHA-256 of a canonical text, in hexadecimal."""
    return hashlib.sha256(text.encode()).hexdigest()


def differences(old: str, new: str) -> list[str]:
    """Return the paths of the fields in which two canonical texts differ, with both values."""
    return list(_differences("", msgspec.json.decode(old), msgspec.json.decode(new)))


def _differences(path: str, old: Any, new: Any) -> Iterator[str]:
    if isinstance(old, dict) and isinstance(new, dict):
        for key in sorted({*old, *new}):
            yield from _differences(f"{path}.{key}" if path else key, old.get(key), new.get(key))
    elif path == "revision.plans" and [plan["code"] for plan in old] != [plan["code"] for plan in new]:
        # With plans added, taken away or put in another order, each is compared with the one of its code.
        codes = [[plan["code"] for plan in plans] for plans in (old, new)]
        yield f"{path}: was {', '.join(codes[0])}, is {', '.join(codes[1])}"
        became = {plan["code"]: plan for plan in new}
        for plan in old:
            if plan["code"] in became:
                yield from _differences(f"{path}.{plan['code']}", plan, became[plan["code"]])
    elif isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        for index, (was, is_now) in enumerate(zip(old, new, strict=True)):
            yield from _differences(f"{path}[{index}]", was, is_now)
    elif old != new:
        yield f"{path}: was {msgspec.json.encode(old).decode()}, is {msgspec.json.encode(new).decode()}"
