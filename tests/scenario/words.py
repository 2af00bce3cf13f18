"""The language of the scenario tables: their steps, and what can be expected of a moment."""

import copy
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time
from typing import Any

from earnest.rules.pack import convert_pack
from tests.packs import change
from tests.scenario.world import Answer, Line, LotSeen, ProposalSeen, Size, View, World

# Reading: dates, amounts, and what a table changes in the pack

_DATE = r"\d{1,2} [A-Z][a-z]{2}(?: \d{4})?(?: \d{2}:\d{2}(?::\d{2})?)?"
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_MONEY = r"\d+(?:\.\d\d)?"
_NAME = r"[a-z][a-z0-9-]*"


def date_of(text: str, year: int) -> datetime:
    """Read `3 Jan`, `3 Jan 14:30` or `3 Jan 2025 14:30`, in UTC; without a time it is 00:00."""
    if not re.fullmatch(_DATE, text):
        raise ValueError(f"expected a date such as '3 Jan', '3 Jan 14:30' or '3 Jan 2025', got '{text}'")
    day, month, *rest = text.split()
    if rest and ":" not in rest[0]:
        year = int(rest.pop(0))
    if month not in _MONTHS:
        raise ValueError(f"expected a month such as {', '.join(_MONTHS[:3])}, got '{month}'")
    clock = time.fromisoformat(rest[0]) if rest else time()
    return datetime.combine(date(year, _MONTHS.index(month) + 1, int(day)), clock, UTC)


def say_date(at: datetime) -> str:
    text = f"{at.day} {_MONTHS[at.month - 1]} {at.year}"
    return text if not (at.hour or at.minute or at.second) else f"{text} {at:%H:%M:%S}".removesuffix(":00")


def _money(text: str) -> int:
    """Read an amount such as 20 or 499.99 as minor units."""
    whole, _, cents = text.partition(".")
    return int(whole) * 100 + int(cents or 0)


def _say_money(amount: int) -> str:
    return f"{amount // 100}.{amount % 100:02}"


def size_of(text: str) -> Size:
    """Read a job's type and size; the words after the type may come in any order."""
    kind, *words = text.split()
    size = Size(kind)
    for word in words:
        if re.fullmatch(_MONEY, word):
            size = replace(size, budget=_money(word))
        elif word in ("under_1_month", "1_to_3_months", "3_to_6_months", "over_6_months"):
            size = replace(size, duration=word)
        elif word in ("under_30", "30_or_more"):
            size = replace(size, weekly_hours=word)
        else:
            raise ValueError(f"unknown word '{word}' in a job's size")
    return size


def _value(text: str) -> int | bool | str | None:
    if re.fullmatch(r"\d+", text):
        return int(text)
    return {"true": True, "false": False, "none": None}.get(text, text)


def change_pack(pack: dict[str, Any], text: str) -> None:
    """Apply `field = value, …` to a pack's last revision, or to the pack where the field is the pack's own."""
    for each in text.split(","):
        path, equals, value = (part.strip() for part in each.partition("="))
        if not equals:
            raise ValueError(f"expected 'field = value', got '{each.strip()}'")
        try:
            change(pack, {path: _value(value)}, revision=-1)
        except (KeyError, StopIteration, TypeError) as error:
            raise ValueError(f"unknown field '{path}' of the pack") from error
    convert_pack(pack)


def revise_pack(pack: dict[str, Any], text: str) -> None:
    """Add a revision to a pack, else like the one before it: `2 from 2024-03-01 with field = value, …`."""
    match = re.fullmatch(r"(\d+) from (\d{4}-\d\d-\d\d) with (.*)", text)
    if match is None:
        raise ValueError(f"expected 'NUMBER from YYYY-MM-DD with field = value', got '{text}'")
    revision = copy.deepcopy(pack["revisions"][-1])
    revision.update(number=int(match[1]), effective_from=date.fromisoformat(match[2]))
    pack["revisions"].append(revision)
    change_pack(pack, match[3])


# The steps: what can be done

_BY = rf"(?:(?P<by>{_NAME}) of )?"
_ACCOUNT = rf"(?P<account>{_NAME})"
_JOB = rf"(?P<job>{_NAME})"
_JOBS = rf"(?P<job>{_NAME}(?:\.\.{_NAME})?)"
_PURCHASE = rf"(?P<purchase>{_NAME})"
_CLIENT = rf"(?P<client>{_NAME})"
_SIZE = r"(?P<size>(?:fixed|hourly)(?: \S+)*)"
_NUMBER = r"(?P<connects>\d+)"

Args = dict[str, Any]
Do = Callable[[World, Args, datetime], Answer | None]

# The runner looks after every step anyway.
NOTHING: Do = lambda w, a, at: None  # noqa: E731

VERBS: list[tuple[str, Do]] = [
    (
        rf"{_ACCOUNT} joins on (?P<plan>\w+)(?: as an? (?P<kind>individual|agency))?(?: as of (?P<opened>{_DATE}))?",
        lambda w, a, at: w.join(a["account"], a["kind"], a["plan"], a["opened"], at),
    ),
    (
        rf"(?P<member>{_NAME}) joins {_ACCOUNT} as (?P<role>owner|admin|member)",
        lambda w, a, at: w.add_member(a["account"], a["member"], a["role"], at),
    ),
    (
        rf"{_ACCOUNT} (?P<lets>lets|forbids) (?P<member>{_NAME}) propose",
        lambda w, a, at: w.let_propose(a["account"], a["member"], a["lets"] == "lets", at),
    ),
    (rf"{_CLIENT} posts {_JOBS} {_SIZE}", lambda w, a, at: w.post(a["job"], a["client"], a["size"], at)),
    (rf"{_CLIENT} edits {_JOBS} to {_SIZE}", lambda w, a, at: w.edit(a["job"], a["size"], at)),
    (rf"{_CLIENT} invites {_ACCOUNT} to {_JOBS}", lambda w, a, at: w.invite(a["account"], a["job"], at)),
    (rf"{_BY}{_ACCOUNT} proposes to {_JOBS}", lambda w, a, at: w.propose(a["account"], a["job"], a["by"], at)),
    (rf"{_ACCOUNT} withdraws from {_JOBS}", lambda w, a, at: w.withdraw(a["account"], a["job"], at)),
    (rf"{_CLIENT} declines {_ACCOUNT} on {_JOBS}", lambda w, a, at: w.decline(a["account"], a["job"], at)),
    (rf"{_CLIENT} hires {_ACCOUNT} on {_JOB}", lambda w, a, at: w.hire(a["account"], a["job"], at)),
    (
        rf"{_CLIENT} closes {_JOBS} (?P<reason>cancelled|filled|removed)",
        lambda w, a, at: w.close(a["job"], a["reason"], at),
    ),
    (rf"{_JOBS} lapses", lambda w, a, at: w.lapse(a["job"], at)),
    (
        rf"{_BY}{_ACCOUNT} buys {_NUMBER} as {_PURCHASE}",
        lambda w, a, at: w.buy(a["account"], a["purchase"], a["connects"], a["by"], at),
    ),
    (rf"{_PURCHASE} is confirmed", lambda w, a, at: w.confirm(a["purchase"], at)),
    (rf"{_PURCHASE} is reversed", lambda w, a, at: w.reverse(a["purchase"], at)),
    (rf"{_BY}{_ACCOUNT} moves to (?P<plan>\w+)", lambda w, a, at: w.change_plan(a["account"], a["plan"], a["by"], at)),
    (rf"{_BY}{_ACCOUNT} keeps the plan", lambda w, a, at: w.keep_plan(a["account"], a["by"], at)),
    (
        rf"fee of {_ACCOUNT} (?P<paid>unpaid|paid)",
        lambda w, a, at: w.report_fee(a["account"], a["paid"] == "paid", at),
    ),
    (
        rf"operator grants {_ACCOUNT} {_NUMBER}(?: until (?P<until>{_DATE}))?",
        lambda w, a, at: w.grant(a["account"], a["connects"], a["until"], at),
    ),
    (rf"operator revokes {_NUMBER} from {_ACCOUNT}", lambda w, a, at: w.revoke(a["account"], a["connects"], at)),
    (rf"operator suspends {_ACCOUNT}", lambda w, a, at: w.suspend(a["account"], at)),
    (rf"operator lifts {_ACCOUNT}", lambda w, a, at: w.lift(a["account"], at)),
    (rf"operator upholds {_ACCOUNT}", lambda w, a, at: w.uphold(a["account"], at)),
    (rf"{_ACCOUNT} appeals", lambda w, a, at: w.appeal(a["account"], at)),
    (rf"{_ACCOUNT} is settled", lambda w, a, at: w.settle(a["account"], at)),
    (rf"{_ACCOUNT} looks", NOTHING),
]


# The expectations: what can be said of a moment


@dataclass(frozen=True)
class Moment:
    """What an expectation is held against: the answer to a step, and the account after it.

    `before` is the account as of its own previous step, None where there was none.
    """

    answer: Answer
    view: View | None
    before: View | None
    job: str | None
    job_status: str | None

    @property
    def seen(self) -> View:
        """The account; a step that is about none has to name one in the expectation."""
        if self.view is None:
            raise ValueError("say whose: this step is about no account that exists")
        return self.view

    def since(self, what: str) -> Sequence[Any]:
        """What was added to one of the account's lists since its previous step."""
        now: Sequence[Any] = getattr(self.seen, what)
        return now if self.before is None else now[len(getattr(self.before, what)) :]

    @property
    def proposal(self) -> ProposalSeen:
        """The account's latest proposal for the job of the step."""
        for proposal in reversed(self.seen.proposals):
            if proposal.job == self.job:
                return proposal
        raise ValueError("there is no such proposal")


@dataclass(frozen=True)
class Word:
    """How one expectation is read, what it is held against, and how that is said."""

    parse: Callable[[str, int], Any]
    read: Callable[[Moment], Any]
    say: Callable[[Any], str] = str
    agree: Callable[[Any, Any], bool] = lambda expected, actual: expected == actual


def _shape(pattern: str, example: str, make: Callable[[re.Match[str], int], Any]) -> Callable[[str, int], Any]:
    def parse(text: str, year: int) -> Any:
        match = re.fullmatch(pattern, text)
        if match is None:
            raise ValueError(f"expected {example}, got '{text}'")
        return make(match, year)

    return parse


def _each(parse: Callable[[str, int], Any], none: str) -> Callable[[str, int], Any]:
    """Read a list, its parts separated by commas, or the word for an empty one."""
    return lambda text, year: () if text == none else tuple(parse(part.strip(), year) for part in text.split(","))


def _list(say: Callable[[Any], str], none: str) -> Callable[[Sequence[Any]], str]:
    return lambda values: ", ".join(map(say, values)) or none


_integer = _shape(r"\d+", "a number", lambda m, _: int(m[0]))
_word = _shape(r"\w[\w-]*", "a word", lambda m, _: m[0])
_amount = _shape(_MONEY, "an amount such as 20.00", lambda m, _: _money(m[0]))
_on = _shape(rf"(\d+) on ({_DATE})", "'NUMBER on DATE'", lambda m, year: (int(m[1]), date_of(m[2], year)))
_fact = _shape(r"(\S+) (\d+)", "'WORD NUMBER'", lambda m, _: (m[1], int(m[2])))


def _say_on(loss: tuple[int, datetime]) -> str:
    return f"{loss[0]} on {say_date(loss[1])}"


def _say_fact(fact: tuple[str, int]) -> str:
    return f"{fact[0]} {fact[1]}" if fact[1] else fact[0]


def _part(text: str, year: int) -> dict[str, Any]:
    """Read a lot (`carried 20 paid of p1 at 1.00 until 1 Feb`) or a line (`expire -60 allotment`): what is said of it.

    The details after the number may be left out, and then are not compared.
    """
    match = re.fullmatch(
        rf"(?P<what>[a-z]+) (?P<connects>[+-]?\d+)(?: (?P<source>allotment|carried|purchase|refund|bonus))?"
        rf"(?: (?P<nature>paid|free))?(?: of {_PURCHASE})?(?: at (?P<unit_price>{_MONEY}))?"
        rf"(?: until (?P<until>{_DATE}))?",
        text,
    )
    if match is None:
        raise ValueError(f"expected such as 'carried 20 paid until 1 Feb' or 'expire -60', got '{text}'")
    said: dict[str, Any] = {key: value for key, value in match.groupdict().items() if value is not None}
    said["connects"] = int(said["connects"])
    if "nature" in said:
        said["nature"] = said["nature"] == "paid"
    if "unit_price" in said:
        said["unit_price"] = _money(said["unit_price"])
    if "until" in said:
        said["until"] = date_of(said["until"], year)
    return said


def _of_lot(lot: LotSeen) -> dict[str, Any]:
    return {**vars(lot), "what": lot.source, "nature": lot.purchase is not None}


def _of_line(line: Line) -> dict[str, Any]:
    return {**vars(line), "what": line.kind, "nature": line.purchase is not None}


def _say_part(part: Mapping[str, Any]) -> str:
    words = [part["what"], f"{part['connects']:+}" if "kind" in part else str(part["connects"])]
    if part["what"] != part["source"] and part["source"]:
        words.append(part["source"])
    if part["nature"]:
        words.append(f"paid of {part['purchase']}")
    if "until" in part:
        words.append(f"until {say_date(part['until'])}")
    return " ".join(words)


def _agree_parts(expected: Sequence[Mapping[str, Any]], actual: Sequence[Mapping[str, Any]]) -> bool:
    """Hold each part to what was said of it, and the list to its length and order."""
    return len(expected) == len(actual) and all(
        part.get(key) == value for said, part in zip(expected, actual, strict=True) for key, value in said.items()
    )


def _refusal(text: str, _: int) -> tuple[str, dict[str, int | str]]:
    code, *figures = text.split()
    if not re.fullmatch(r"[a-z_]+", code) or len(figures) % 2:
        raise ValueError(f"expected 'CODE' or 'CODE figure value …', got '{text}'")
    return code, {key: int(v) if v.isdigit() else v for key, v in zip(figures[::2], figures[1::2], strict=True)}


def say_refusal(refusal: tuple[str | None, Mapping[str, int | str]]) -> str:
    code, figures = refusal
    return "accepted" if code is None else " ".join([f"refused {code}", *(f"{k} {v}" for k, v in figures.items())])


_SUMS = {
    "allot": "granted",
    "bonus": "granted",
    "purchase": "bought",
    "return": "returned",
    "spend": "spent",
    "expire": "expired",
    "forfeit": "forfeited",
    "revoke": "taken_back",
}


def _sums(moment: Moment) -> dict[str, int]:
    """Sum the journal up as RULES 11 does; what came to nothing is left out."""
    sums: Counter[str] = Counter()
    for line in moment.seen.lines:
        if line.kind != "carry":
            sums[_SUMS[line.kind]] += abs(line.connects)
    sums["held"] = sum(lot.connects for lot in moment.seen.lots)
    return {what: connects for what, connects in sums.items() if connects}


def _nature(paid: bool) -> Callable[[Moment], int]:
    return lambda moment: sum(lot.connects for lot in moment.seen.lots if (lot.purchase is not None) == paid)


def _suspension(what: str) -> Callable[[Moment], Any]:
    return lambda moment: None if moment.seen.suspension is None else getattr(moment.seen.suspension, what)


def _say_optional(say: Callable[[Any], str]) -> Callable[[Any], str]:
    return lambda value: "none" if value is None else say(value)


_cycle = _shape(
    rf"({_DATE}) to ({_DATE})", "'DATE to DATE'", lambda m, year: (date_of(m[1], year), date_of(m[2], year))
)
_returned = _shape(r"(\d+) in (\d+)", "'CONNECTS in PROPOSALS'", lambda m, _: (int(m[1]), int(m[2])))
_told = _shape(r"([a-z_]+)(?: (\d+))?", "'forfeited 5' or 'warned'", lambda m, _: (m[1], m[2] and int(m[2])))


def _agree_told(expected: Sequence[tuple[str, int | None]], actual: Sequence[tuple[str, int]]) -> bool:
    return len(expected) == len(actual) and all(
        kind == is_kind and connects in (None, is_connects)
        for (kind, connects), (is_kind, is_connects) in zip(expected, actual, strict=True)
    )


def _or_none(parse: Callable[[str, int], Any], none: str) -> Callable[[str, int], Any]:
    return lambda text, year: None if text == none else parse(text, year)


WORDS: dict[str, Word] = {
    "balance": Word(_integer, lambda m: m.seen.balance),
    "debt": Word(_integer, lambda m: m.seen.debt),
    "paid": Word(_integer, _nature(True)),
    "free": Word(_integer, _nature(False)),
    "status": Word(_word, lambda m: m.seen.status),
    "plan": Word(_word, lambda m: m.seen.plan),
    "pending plan": Word(_or_none(_word, "none"), lambda m: m.seen.pending_plan, _say_optional(str)),
    "cycle": Word(_cycle, lambda m: m.seen.cycle, lambda cycle: " to ".join(map(say_date, cycle))),
    "lots": Word(
        _each(_part, "none"), lambda m: [_of_lot(lot) for lot in m.seen.lots], _list(_say_part, "none"), _agree_parts
    ),
    "lines": Word(
        _each(_part, "none"), lambda m: [_of_line(e) for e in m.since("lines")], _list(_say_part, "none"), _agree_parts
    ),
    "loses": Word(_each(_on, "nothing"), lambda m: m.seen.losses, _list(_say_on, "nothing")),
    "told": Word(_each(_told, "nothing"), lambda m: m.since("told"), _list(_say_fact, "nothing"), _agree_told),
    "charged": Word(_each(_amount, "nothing"), lambda m: m.since("charges"), _list(_say_money, "nothing")),
    "proposal": Word(_word, lambda m: m.proposal.status),
    "worker": Word(_word, lambda m: m.proposal.worker),
    "since": Word(
        _shape(_DATE, "a date", lambda m, y: date_of(m[0], y)), _suspension("since"), _say_optional(say_date)
    ),
    "evidence": Word(_each(_fact, "none"), _suspension("evidence"), _say_optional(_list(_say_fact, "none"))),
    "decision": Word(_or_none(_word, "none"), _suspension("decision"), _say_optional(str)),
    "adds up": Word(
        lambda text, year: dict(_each(_fact, "")(text, year)),
        _sums,
        lambda sums: ", ".join(map(_say_fact, sums.items())),
    ),
    "costs": Word(_integer, lambda m: m.answer.costs),
    "to pay": Word(_amount, lambda m: m.answer.amount, _say_optional(_say_money)),
    "purchase": Word(_word, lambda m: m.answer.purchase),
    "warns": Word(_or_none(_on, "nothing"), lambda m: m.answer.warning, _say_optional(_say_on)),
    "returned": Word(_returned, lambda m: m.answer.returned, _say_optional(lambda r: f"{r[0]} in {r[1]}")),
    "job": Word(_word, lambda m: m.job_status),
    "refused": Word(
        _refusal,
        lambda m: (m.answer.refused, m.answer.figures),
        say_refusal,
        lambda expected, actual: expected[0] == actual[0] and expected[1].items() <= actual[1].items(),
    ),
}


@dataclass(frozen=True)
class Expectation:
    """One expectation as it was read; `subject` is the account it names, None for the step's own."""

    text: str
    subject: str | None
    word: str
    value: Any

    def mismatch(self, moment: Moment) -> str | None:
        """Say what was there instead of what is expected, or None where they agree."""
        word = WORDS[self.word]
        try:
            actual = word.read(moment)
        except ValueError as error:
            return str(error)
        return None if word.agree(self.value, actual) else f"{word.say(actual)}"
