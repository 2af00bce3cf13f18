"""Who may sign in to the pages: `earnest people add`, `list`, `link`, `remove`. They work beside any server."""

from typing import TYPE_CHECKING, Annotated, NoReturn

import msgspec
import typer

from earnest.cli.ledger import on_ledger
from earnest.cli.options import DATABASE, DatabaseOption, JsonOption, PackOption, load_pack
from earnest.cli.show import end, put, put_json, show, table
from earnest.rules.outcome import Refusal, Refused

if TYPE_CHECKING:
    from earnest.marketplace import AsyncMarketplace
    from earnest.marketplace.people import PersonShown, Seat

PEOPLE_AT_ONCE = 500

people = typer.Typer(name="people", help="People: who may sign in to the pages, and as what.", no_args_is_help=True)

EmailArgument = Annotated[str, typer.Argument(metavar="EMAIL", help="Their e-mail address.")]

_UNFIT = {
    Refusal.EMAIL_TAKEN: "somebody has this address already; `earnest people list` shows them",
    Refusal.UNKNOWN_ACCOUNT: "--account: no such account; expected acc_… or ext: and an external id of this database",
    Refusal.UNKNOWN_MEMBER: "--member: no such member; expected mem_… of somebody who hasn't left",
    Refusal.UNKNOWN_CLIENT: "--client: no such client; expected cli_… or ext: and an external id of this database",
    Refusal.NOT_FOR_THIS_KIND: "--account: an agency's account is entered as one of its members, with --member mem_…",
}


@people.command("add")
def add(
    email: EmailArgument,
    name: Annotated[str | None, typer.Option(help="What they are called.")] = None,
    account: Annotated[
        list[str] | None,
        typer.Option(metavar="ID", help="As the holder of an individual's account: acc_…, or ext: and its id."),
    ] = None,
    member: Annotated[list[str] | None, typer.Option(metavar="ID", help="As this member of an agency: mem_….")] = None,
    client: Annotated[
        list[str] | None, typer.Option(metavar="ID", help="As a client: cli_…, or ext: and the external id.")
    ] = None,
    operator: Annotated[bool, typer.Option("--operator", help="As an operator of the marketplace.")] = False,
    database: DatabaseOption = DATABASE,
    pack_name: PackOption = "article",
) -> None:
    """Let somebody sign in, as one or more of these. They set their password by a link: `earnest people link`."""
    seats = _seats(account or [], member or [], client or [], operator=operator)
    if not seats:
        raise typer.BadParameter("expected at least one of --account, --member, --client and --operator")

    async def work(market: "AsyncMarketplace") -> "PersonShown | Refused":
        return await market.create_person(email=email, name=name, seats=seats)

    try:
        made = on_ledger(database, load_pack(pack_name), work)
    except ValueError as error:
        end(str(error))
    if isinstance(made, Refused):
        end(f"{email}: {_UNFIT[made.code]}")
    show(f"{made.email} may sign in; `earnest people link {made.email}` makes the link to set a password with")


def _seats(accounts: list[str], members: list[str], clients: list[str], *, operator: bool) -> "list[Seat]":
    from earnest.marketplace.people import Seat

    return [
        *(Seat("account", each) for each in accounts),
        *(Seat("member", each) for each in members),
        *(Seat("client", each) for each in clients),
        *([Seat("operator")] if operator else []),
    ]


@people.command("list")
def list_people(
    database: DatabaseOption = DATABASE, pack_name: PackOption = "article", as_json: JsonOption = False
) -> None:
    """List who may sign in, the earliest first, with all they may act as."""
    found = on_ledger(database, load_pack(pack_name), _all)
    if as_json:
        put_json({"people": [msgspec.to_builtins(each) for each in found]})
        return
    rows = [
        (
            each.email,
            each.name or "",
            f"{each.created_at:%Y-%m-%d}",
            "yes" if each.has_password else "no",
            " ".join(seat.target or seat.kind for seat in each.seats),
        )
        for each in found
    ]
    show(table("People", ("address", "name", "since", "password", "seats"), rows))


async def _all(market: "AsyncMarketplace") -> "list[PersonShown]":
    found: list[PersonShown] = []
    cursor: str | None = None
    while True:
        page = await market.people(limit=PEOPLE_AT_ONCE, cursor=cursor)
        found += page.items
        cursor = page.next_cursor
        if cursor is None:
            return found


@people.command("link")
def link(
    email: EmailArgument,
    url: Annotated[
        str, typer.Option(metavar="URL", help="Where the pages are, as in https://connects.example.com.")
    ] = "",
    database: DatabaseOption = DATABASE,
    pack_name: PackOption = "article",
) -> None:
    """Print where somebody sets a password: once, within 7 days, or an hour where it replaces one they have."""
    given = on_ledger(database, load_pack(pack_name), lambda market: market.password_link(email))
    if given is None:
        _nobody(email)
    put(f"{url.rstrip('/')}/password/{given[1]}\n")


@people.command("remove")
def remove(
    email: EmailArgument,
    database: DatabaseOption = DATABASE,
    pack_name: PackOption = "article",
) -> None:
    """Let somebody go: they are signed out at once, and all that is known of them here is deleted."""

    async def work(market: "AsyncMarketplace") -> "PersonShown | None":
        known = await market.person_by_email(email)
        refused = None if known is None else await market.remove_person(known.id)
        return None if refused is not None else known

    removed = on_ledger(database, load_pack(pack_name), work)
    if removed is None:
        _nobody(email)
    show(f"{removed.email} is removed")


def _nobody(email: str) -> NoReturn:
    end(f"{email}: nobody has this address; `earnest people list` shows who may sign in")
