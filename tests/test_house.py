"""The house's conventions, as tests: what review should not have to look for."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal, get_args, get_origin, get_type_hints

import pytest

from earnest.rules import commands, decide
from earnest.rules.outcome import Refusal
from earnest.rules.pack import PackFile, Revision
from tests.scenario.runner import read_folder

ROOT = Path(__file__).parent.parent
SOURCES = sorted((ROOT / "src").rglob("*.py"))
RULES = [path for path in SOURCES if "rules" in path.parts]
NOBODYS_NAMES = {"util", "utils", "helper", "helpers", "manager", "service", "base", "common", "misc"}


def calls(source: str) -> Iterator[str]:
    """The names of all that is called in a source, as far as they are written out."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call):
            yield ast.unparse(node.func)


def numbers(source: str) -> set[int | float]:
    """The numbers that stand in the functions of a source."""
    functions = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.FunctionDef)]
    constants = [node for function in functions for node in ast.walk(function) if isinstance(node, ast.Constant)]
    return {node.value for node in constants if type(node.value) in (int, float)}


def asks_the_clock(call: str) -> bool:
    return re.fullmatch(r"(.*\.)?(now|utcnow|today)|time\.\w+|(monotonic|perf_counter)(_ns)?|time_ns", call) is not None


@pytest.mark.parametrize("path", RULES, ids=lambda path: path.name)
def test_the_rules_ask_no_clock_and_know_no_fractions(path: Path) -> None:
    made = set(calls(path.read_text(encoding="utf-8")))
    assert not {call for call in made if asks_the_clock(call)}
    assert not made & {"float", "round", "open", "print", "input", "Decimal"}


def test_what_asks_the_clock_is_found() -> None:
    source = "x = datetime.now(UTC)\ny = date.today()\nz = time.time()\nw = perf_counter()\nv = book.now"
    assert [call for call in calls(source) if asks_the_clock(call)] == [
        "datetime.now",
        "date.today",
        "time.time",
        "perf_counter",
    ]


# A month has at least 28 days and a year twelve months, a percentage is of a hundred; the rest counts and indexes.
COUNTING = {-1, 0, 1, 2, 12, 28, 100}


@pytest.mark.parametrize("path", RULES, ids=lambda path: path.name)
def test_no_number_of_the_rules_stands_in_code(path: Path) -> None:
    assert numbers(path.read_text(encoding="utf-8")) <= COUNTING


def test_a_number_of_the_rules_in_code_is_found() -> None:
    assert numbers("BOUND = 7\ndef f(a=1):\n    return 60 if a else 0.5") == {1, 60, 0.5}


def test_names_are_the_domains() -> None:
    paths = [*SOURCES, *(ROOT / "tests").rglob("*.py"), *(ROOT / "bench").rglob("*.py")]
    assert not [path for path in paths if NOBODYS_NAMES & set(path.stem.split("_"))]


def test_every_command_has_what_decides_it() -> None:
    decided_apart = {commands.Open, commands.Settle, commands.GiveBack}
    assert set(decide._HANDLERS) | decided_apart == set(get_args(commands.Command))


@pytest.mark.parametrize("refusal", Refusal)
def test_every_refusal_is_explained_to_users(refusal: Refusal) -> None:
    assert f"`{refusal.value}`" in (ROOT / "docs" / "rules.md").read_text(encoding="utf-8")


def choices(part: Any, where: str = "") -> Iterator[tuple[str, object]]:
    """Every value of every field of a pack that is a choice."""
    for name, kind in get_type_hints(part).items():
        if get_origin(kind) is Literal and name != "kind":
            yield from ((f"{where}{name}", value) for value in get_args(kind))
        elif kind is bool:
            yield from ((f"{where}{name}", value) for value in (True, False))


PACKS = [scenario.pack for scenario in read_folder(ROOT / "tests" / "scenarios")]


@pytest.mark.parametrize(("field", "value"), [*choices(PackFile), *choices(Revision, "revisions.")])
def test_every_value_of_every_choice_has_a_scenario(field: str, value: object) -> None:
    first, _, second = field.partition(".")
    assert value in [pack["revisions"][0][second] if second else pack[first] for pack in PACKS]


def test_structs_are_frozen() -> None:
    thawed = []
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ClassDef) and "msgspec.Struct" in map(ast.unparse, node.bases):
                frozen = {word.arg: ast.unparse(word.value) for word in node.keywords}.get("frozen")
                if frozen != "True":
                    thawed.append(f"{path.name}: {node.name}")
    assert thawed == []


def test_every_sentence_the_code_refers_to_stands_in_the_rules() -> None:
    told = (ROOT / "docs" / "rules.md").read_text(encoding="utf-8")
    numbered = set(re.findall(r"\*\*(\d+\.\d)\*\*", told)) | set(re.findall(r"^## (\d+)\.", told, re.MULTILINE))
    cited = {
        number
        for path in SOURCES
        for citation in re.findall(r"RULES ([\d., ]+)", path.read_text(encoding="utf-8"))
        for number in re.findall(r"\d+(?:\.\d)?", citation)
    }
    assert len(cited) > 20
    assert cited <= numbered
