"""What a simulation does, through the ledger: rehearse."""

import asyncio
import time

import msgspec

from earnest.cli.ledger import ending, without_secrets
from earnest.cli.options import DATABASE, DatabaseOption, JsonOption, PackOption, load_pack
from earnest.cli.posting_commands import (
    ColumnOption,
    FreelancersOption,
    MonthsOption,
    PostingsOption,
    SeedOption,
    simulated,
    sizes_of,
)
from earnest.cli.show import end, progress, put_json, sentences, show
from earnest.ledger.conservation import ConservationError


def rehearse_command(
    file: PostingsOption,
    freelancers: FreelancersOption,
    months: MonthsOption,
    seed: SeedOption,
    database: DatabaseOption = DATABASE,
    pack_name: PackOption = "article",
    column: ColumnOption = None,
    as_json: JsonOption = False,
) -> None:
    """Live the months of a simulation through the ledger, on an empty database, and compare it with the rules.

    Every answer, every balance and lot, and what circulated must be what the rules alone say, and the audit must find
    nothing. The fingerprint is of all accounts: the same seed gives the same one on any database. The database is
    made where it isn't there; it is kept, and one that was broken off can't be gone on with.
    """
    from earnest.lab.rehearse import DifferenceError, NotEmptyError, rehearse

    pack = load_pack(pack_name)
    sizes, skipped = sizes_of(file, column, pack)
    began = time.perf_counter()
    try:
        with ending(database), progress("days") as tell:
            result = asyncio.run(rehearse(database, sizes, freelancers, months, seed, pack, tell))
    except ConservationError as error:
        end(f"connects are not conserved: {error}")
    except DifferenceError as error:
        end(f"{without_secrets(database)}: {error}")
    except NotEmptyError as error:
        end(f"{without_secrets(database)}: {error}; --database names another")
    except ValueError as error:
        end(f"{file}: {error}")
    seconds = time.perf_counter() - began
    if as_json:
        figures = {**msgspec.to_builtins(result), **msgspec.to_builtins(result.figures)}
        del figures["figures"]
        put_json({**figures, "skipped": skipped, "seconds": round(seconds, 1)})
    else:
        show(
            *simulated(result.figures, pack),
            *sentences(
                [
                    f"{result.requests:,} requests took {seconds:,.0f} seconds; every answer, all accounts and what "
                    "circulated are as the rules alone say, and the audit found nothing.",
                    f"Fingerprint: {result.fingerprint}",
                ]
            ),
        )
