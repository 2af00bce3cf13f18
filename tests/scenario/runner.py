"""Runs the scenario tables in tests/scenarios (their language is explained in the README there).

A table is read whole before anything happens, so that an unknown word is an error with its file and line. The
runner knows no engine: it drives a `World`, and whatever keeps accounts can be one. Besides the expectations that
are written down it holds every step of every scenario to what always has to be so (`_watch`).
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import accumulate
from pathlib import Path
from typing import Any

from tests.packs import raw_article
from tests.scenario import words
from tests.scenario.words import Args, Do, Expectation, Moment
from tests.scenario.world import Answer, View, World


class ScenarioError(Exception):
    """A table that cannot be read: an unknown word, a date out of order, a scenario that expects nothing."""


class MismatchError(AssertionError):
    """A scenario went otherwise than its table says; the text has a paragraph for each expectation not met."""


@dataclass(frozen=True)
class Step:
    """One thing that happens. `account` and `job` are what it is about, where it is about one."""

    line: int
    text: str
    at: datetime
    do: Do
    args: Args
    expectations: tuple[Expectation, ...]


@dataclass
class Scenario:
    """One table: its title, the sentences of RULES.md it shows, its pack and its steps."""

    file: str
    line: int
    title: str
    year: int | None
    pack: dict[str, Any]
    rules: tuple[str, ...] = ()
    steps: list[Step] = field(default_factory=list)
    accounts: dict[str, str] = field(default_factory=dict)  # with their plans
    purchases: dict[str, str] = field(default_factory=dict)  # with their accounts

    def __str__(self) -> str:
        return f"{self.file}:{self.title}"


def read_scenarios(text: str, file: str) -> list[Scenario]:
    """Read a file of scenarios; their pack is the article's, where they do not say otherwise.

    Raises ScenarioError, with file and line, for whatever is not in the language of the tables.
    """
    scenarios: list[Scenario] = []
    year: int | None = None
    for number, raw in enumerate(text.splitlines(), start=1):
        line = raw.partition("#")[0].strip()
        try:
            if not line:
                continue
            head = re.fullmatch(r"([a-z]+): +(.*)", line)
            if head is not None and head[1] == "scenario":
                scenarios.append(Scenario(file, number, head[2], year, raw_article()))
            elif head is not None and head[1] == "year" and not scenarios:
                year = int(head[2])
            elif not scenarios:
                raise ValueError(f"expected 'scenario: title', got '{line}'")
            elif head is not None:
                _head(scenarios[-1], head[1], head[2])
            else:
                _step(scenarios[-1], number, line)
        except ValueError as error:
            raise ScenarioError(f"{file}:{number}: {error}\n    {raw.strip()}") from error
    for scenario in scenarios:
        if not any(step.expectations for step in scenario.steps):
            raise ScenarioError(f"{file}:{scenario.line}: a scenario has to expect something: {scenario.title}")
        if not scenario.rules:
            raise ScenarioError(f"{file}:{scenario.line}: a scenario has to name its rules: {scenario.title}")
    return scenarios


def read_folder(folder: Path) -> list[Scenario]:
    """Read all scenarios of a folder, in the order of its files."""
    return [
        scenario
        for path in sorted(folder.glob("*.txt"))
        for scenario in read_scenarios(path.read_text(encoding="utf-8"), path.name)
    ]


def _head(scenario: Scenario, name: str, text: str) -> None:
    if scenario.steps:
        raise ValueError(f"'{name}:' stands above the steps of a scenario")
    if name == "rules":
        scenario.rules = tuple(rule.strip() for rule in text.split(","))
    elif name == "year":
        scenario.year = int(text)
    elif name == "pack":
        words.change_pack(scenario.pack, text)
    elif name == "revision":
        words.revise_pack(scenario.pack, text)
    else:
        raise ValueError(f"unknown word '{name}:'")


def _step(scenario: Scenario, number: int, text: str) -> None:
    """Read one line of a table; a range such as job-1..job-8 is so many steps, and what is expected comes last."""
    if scenario.year is None:
        raise ValueError("say 'year: 2024' before the first step")
    when, *columns = re.split(r"\s{2,}", text)
    at = words.date_of(when, scenario.year)
    if scenario.steps and at < scenario.steps[-1].at:
        raise ValueError("a step cannot come before the one above it")
    if not columns:
        raise ValueError("expected WHEN, two spaces, WHAT")
    do, match = _verb(columns[0])
    args = _args(scenario, match)
    expectations = tuple(_expectation(scenario, column) for column in columns[1:])
    jobs = list(_jobs(args.get("job")))
    for job in jobs:
        told = expectations if job == jobs[-1] else ()
        scenario.steps.append(Step(number, text, at, do, {**args, "job": job}, told))


def _verb(text: str) -> tuple[Do, re.Match[str]]:
    for pattern, do in words.VERBS:
        match = re.fullmatch(pattern, text)
        if match is not None:
            return do, match
    raise ValueError(f"unknown words '{text}'")


def _jobs(text: str | None) -> Iterator[str | None]:
    """Yield the jobs that a name or a range such as job-1..job-8 stands for."""
    match = re.fullmatch(r"(.*?)(\d+)\.\.\1(\d+)", text or "")
    if match is None:
        if text is not None and ".." in text:
            raise ValueError(f"expected a range such as job-1..job-8, got '{text}'")
        yield text
        return
    if int(match[2]) >= int(match[3]):
        raise ValueError(f"expected a range upwards, got '{text}'")
    for number in range(int(match[2]), int(match[3]) + 1):
        yield f"{match[1]}{number}"


def _args(scenario: Scenario, match: re.Match[str]) -> Args:
    """Read what a step says, and remember whom and what it brings into the scenario."""
    assert scenario.year is not None
    args: Args = match.groupdict()
    for name in ("opened", "until"):
        if args.get(name):
            args[name] = words.date_of(args[name], scenario.year)
    if "size" in args:
        args["size"] = words.size_of(args["size"])
    if "connects" in args:
        args["connects"] = int(args["connects"])
    if "opened" in args:
        kinds = {plan["code"]: plan["kind"] for plan in scenario.pack["revisions"][0]["plans"]}
        if args["plan"] not in kinds:
            raise ValueError(f"unknown plan '{args['plan']}'")
        args["kind"] = args["kind"] or kinds[args["plan"]]
        scenario.accounts[args["account"]] = args["plan"]
    elif args.get("account") is not None and args["account"] not in scenario.accounts:
        raise ValueError(f"unknown account '{args['account']}': it has not joined")
    if "purchase" in args:
        if "account" in args:
            scenario.purchases[args["purchase"]] = args["account"]
        elif args["purchase"] not in scenario.purchases:
            raise ValueError(f"unknown purchase '{args['purchase']}'")
        args["account"] = scenario.purchases[args["purchase"]]
    return args


def _expectation(scenario: Scenario, text: str) -> Expectation:
    assert scenario.year is not None
    subject, rest = None, text
    first, _, after = text.partition(" ")
    if first in scenario.accounts and first not in words.WORDS:
        subject, rest = first, after
    # Two words before one: `pending plan` is no `plan`.
    for word in sorted(words.WORDS, key=len, reverse=True):
        if rest == word or rest.startswith(f"{word} "):
            value = words.WORDS[word].parse(rest[len(word) :].strip(), scenario.year)
            return Expectation(text, subject, word, value)
    raise ValueError(f"unknown word '{rest.partition(' ')[0]}'")


# Running


def run(scenario: Scenario, world: World, *, touched_daily: bool = False) -> None:
    """Let a scenario happen in a world and hold it to its table.

    With `touched_daily` every account is also written up at each midnight between the steps, which must not make a
    difference to anything (RULES 3.6). Raises MismatchError with every expectation that was not met.
    """
    mismatches: list[str] = []
    seen: dict[str, View] = {}  # each account as last looked at
    marks: dict[str, View] = {}  # each account as of its own last step
    last: datetime | None = None
    for step in scenario.steps:
        if touched_daily and last is not None:
            _touch(world, seen, last, step.at)
        last = step.at
        # Only where nothing is expected to change: a refusal out of turn fails anyway.
        still = step.do is words.NOTHING or any(expectation.word == "refused" for expectation in step.expectations)
        before = {account: world.look(account, step.at) for account in seen if still}
        answer = step.do(world, step.args, step.at)
        account: str | None = step.args.get("account")
        job: str | None = step.args.get("job")
        if answer is not None and "opened" in step.args and account is not None and answer.refused is None:
            seen[account] = world.look(account, step.at)
        wrong = [] if answer is None or answer.refused is None else _refused(step, answer)
        if answer is not None and answer.refused is None:
            before.clear()
        after = {each: world.look(each, step.at) for each in seen}
        for each, view in after.items():
            wrong.extend(_watch(each, seen.get(each), before.get(each), view, step.at))
        for expectation in step.expectations:
            about = expectation.subject or account
            moment = Moment(
                answer or Answer(),
                after.get(about) if about else None,
                marks.get(about) if about else None,
                job,
                world.job_status(job, step.at) if job and expectation.word == "job" else None,
            )
            actual = expectation.mismatch(moment)
            if actual is not None:
                wrong.append(f"expected {expectation.text}, was {actual}")
        mismatches.extend(f"{scenario.file}:{step.line}: {each}\n    {step.text}" for each in wrong)
        marks.update({each: view for each, view in after.items() if each in _about(step)})
        seen = after
    if mismatches:
        raise MismatchError(f"{scenario.title}\n" + "\n".join(mismatches))


def _about(step: Step) -> set[str | None]:
    """Return the accounts whose step this is: the one it is about, and those it expects something of."""
    return {step.args.get("account"), *(expectation.subject for expectation in step.expectations)}


def _touch(world: World, accounts: Mapping[str, View], last: datetime, until: datetime) -> None:
    midnight = last.replace(hour=0, minute=0, second=0)
    while (midnight := midnight + timedelta(days=1)) <= until:
        for account in accounts:
            world.settle(account, midnight)


def _refused(step: Step, answer: Answer) -> list[str]:
    if any(expectation.word == "refused" for expectation in step.expectations):
        return []
    return [f"expected accepted, was {words.say_refusal((answer.refused, answer.figures))}"]


def _watch(account: str, earlier: View | None, still: View | None, now: View, at: datetime) -> Iterator[str]:
    """Say what must never be so, whatever happens: RULES 3.6, 4.2, 6.3 and 11.

    `earlier` is the account as it was last seen; `still`, where the step must have changed nothing, how it was at this
    very time just before.
    """
    if still is not None and still != now:
        yield f"expected {account} unchanged by a refusal or a look, was changed"
    if earlier is not None and now.lines[: len(earlier.lines)] != earlier.lines:
        yield f"expected {account}'s journal to go on where it was, was rewritten"
    if earlier is not None and now.told[: len(earlier.told)] != earlier.told:
        yield f"expected what {account} was told to go on where it was, was rewritten"
    if earlier is not None and now.charges[: len(earlier.charges)] != earlier.charges:
        yield f"expected {account}'s charges to go on where they were, was rewritten"
    times = [line.effective_at for line in now.lines]
    if times != sorted(times) or (times and times[-1] > at):
        yield f"expected {account}'s journal in order of time, was {', '.join(map(words.say_date, times))}"
    if [line.balance_after for line in now.lines] != list(accumulate(line.connects for line in now.lines)):
        yield f"expected each balance of {account}'s journal to follow from the line's connects, was otherwise"
    if not now.balance == sum(line.connects for line in now.lines) == sum(lot.connects for lot in now.lots):
        yield f"expected {account}'s lines and lots to come to the balance {now.balance}, was otherwise"
    if min([now.balance, now.debt, *(lot.connects for lot in now.lots), *(e.balance_after for e in now.lines)]) < 0:
        yield f"expected nothing of {account} below zero, was so"
