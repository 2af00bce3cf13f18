"""The commands for people: who may sign in, what is printed, and what is refused."""

import json
import os
import re
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from earnest import Marketplace
from earnest.cli import app
from earnest.marketplace.people import PersonShown, Seat
from earnest.marketplace.shown import AccountShown, ClientShown, MemberShown

LINK = re.compile(r"/password/([A-Za-z0-9_-]{43})\n")
ANA = "ana@example.com"


def run(database: str, *arguments: str) -> Result:
    own = {name: None for name in os.environ if name.startswith("EARNEST_")}
    return CliRunner().invoke(app, ["people", *arguments, "--database", database], env=own)


def listed(database: str) -> list[dict[str, object]]:
    found: list[dict[str, object]] = json.loads(run(database, "list", "--json").stdout)["people"]
    return found


def test_somebody_is_added_with_all_they_may_act_as(database: str) -> None:
    with Marketplace.open(database) as market:
        account = market.open_account(kind="individual", plan="basic", external_id="ana")
        other = market.open_account(kind="individual", plan="plus")
        agency = market.open_account(kind="agency", plan="agency")
        tom, dan = market.add_member(agency.id), market.create_client(external_id="dan")
        assert isinstance(account, AccountShown)
        assert isinstance(tom, MemberShown)
        assert isinstance(dan, ClientShown)
    where = ("--account", "ext:ana", "--account", other.id, "--member", tom.id, "--client", "ext:dan", "--operator")
    added = run(database, "add", "Ana@example.com", "--name", "Ana", *where)
    assert (added.exit_code, added.stderr) == (0, "")
    assert added.stdout.startswith("Ana@example.com may sign in; `earnest people link Ana@example.com`")
    with Marketplace.open(database) as market:
        person = market.person_by_email(ANA)
        assert person is not None
        assert person.name == "Ana"
        assert sorted(person.seats, key=str) == sorted(
            [
                *(Seat("account", account.id), Seat("account", other.id), Seat("member", tom.id)),
                *(Seat("client", dan.id), Seat("operator")),
            ],
            key=str,
        )


@pytest.mark.parametrize(
    ("arguments", "code", "complaint"),
    [
        ((ANA,), 2, "at least one of --account, --member, --client and --operator"),
        (("ana", "--operator"), 1, "email: expected an address"),
        ((ANA, "--operator", "--name", ""), 1, "name: expected"),
        ((ANA, "--account", "ext:nobody"), 1, "--account: no such account"),
        ((ANA, "--member", "mem_1"), 1, "--member: no such member"),
        ((ANA, "--client", "cli_1"), 1, "--client: no such client"),
        ((ANA, "--account", "ext:acme"), 1, "--member mem_…"),
        (("BEN@example.com", "--operator"), 1, "somebody has this address already"),
    ],
)
def test_what_can_t_be_is_refused(database: str, arguments: tuple[str, ...], code: int, complaint: str) -> None:
    with Marketplace.open(database) as market:
        market.open_account(kind="agency", plan="agency", external_id="acme")
        market.create_person(email="ben@example.com")
    refused = run(database, "add", *arguments)
    assert (refused.exit_code, refused.stdout) == (code, "")
    assert complaint in re.sub(r"[\s│]+", " ", refused.stderr)
    assert len(listed(database)) == 1


def test_a_link_is_printed_and_nothing_else_and_sets_a_password(database: str) -> None:
    run(database, "add", ANA, "--operator")
    first, second = run(database, "link", ANA), run(database, "link", "ANA@example.com", "--url", "https://a.example/")
    assert (first.exit_code, first.stderr, second.stderr) == (0, "", "")
    assert LINK.fullmatch(first.stdout)
    assert second.stdout.startswith("https://a.example/password/")
    secret = LINK.search(second.stdout)
    assert secret is not None
    with Marketplace.open(database) as market:
        assert isinstance(market.set_password(secret[1], "a long walk home"), PersonShown)
    assert re.search(rf"{ANA} +\d{{4}}-\d\d-\d\d +yes +operator\n", run(database, "list").stdout)


def test_somebody_is_removed_while_a_server_knows_them(database: str) -> None:
    run(database, "add", ANA, "--operator")
    with Marketplace.open(database) as market:
        secret = market.sign_in_as(market.people().items[0].id).secret
        assert market.session(secret) is not None
        assert run(database, "remove", "Ana@example.com").stdout == f"{ANA} is removed\n"
        assert market.session(secret) is None
    assert listed(database) == []
    for command in ("remove", "link"):
        unknown = run(database, command, ANA)
        assert (unknown.exit_code, unknown.stdout) == (1, "")
        assert "nobody has this address" in unknown.stderr


def test_all_people_are_listed_however_many_and_no_secret_of_theirs(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("earnest.cli.people_commands.PEOPLE_AT_ONCE", 2)
    for number in range(5):
        run(database, "add", f"{number}@example.com", "--operator")
    people = listed(database)
    assert sorted(str(each["email"]) for each in people) == [f"{number}@example.com" for number in range(5)]
    assert people[0].keys() >= {"id", "email", "name", "seats", "has_password", "created_at"}
    assert not people[0].keys() & {"password", "link", "secret"}


def test_no_command_for_people_makes_a_database(tmp_path: Path) -> None:
    for arguments in (("list",), ("add", ANA, "--operator"), ("link", ANA), ("remove", ANA)):
        assert run(f"sqlite:///{tmp_path}/no.db", *arguments).exit_code == 3
    assert not (tmp_path / "no.db").exists()
