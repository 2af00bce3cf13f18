"""Bringing a database to this version's tables, and telling which version it has.

Alembic does it, and is imported only where something has to be migrated. Steps only lead forward: a database of a
newer version is refused, and an older version is brought back by restoring a copy.
"""

import re
from pathlib import Path
from typing import Any

from earnest.ledger.errors import SchemaError, UnavailableError

STEPS = ("0001", "0002", "0003")
"""The steps, in their order; `migrations/versions` has a file for each."""

_MIGRATIONS = Path(__file__).parent / "migrations"


def check(version: str | None) -> None:
    """Raise SchemaError where a database isn't of this version, saying what to do."""
    if version == STEPS[-1]:
        return
    if version is None:
        raise SchemaError("the database has none of Earnest's tables; `earnest migrate` makes them")
    if version not in STEPS:
        raise SchemaError(
            f"the database is of version {version}, which a newer Earnest made; this one knows up to {STEPS[-1]}: "
            "install the newer one, or restore a copy from before it was migrated"
        )
    raise SchemaError(f"the database is of version {version}; `earnest migrate` brings it to {STEPS[-1]}")


def migrate(url: str) -> tuple[str | None, str]:
    """Bring a database to this version's tables; return the version before and after.

    Everything happens in one transaction. Of two that migrate at once, one finds it done. Raises SchemaError for a
    database of a newer version, UnavailableError where it can't be reached.
    """
    import sqlalchemy as sa
    from alembic import command
    from alembic.config import Config
    from alembic.runtime.migration import MigrationContext

    # "postgres://" is the same, but not to SQLAlchemy.
    address = re.sub("^postgres(ql)?://", "postgresql+psycopg://", url)
    engine = sa.create_engine(address, poolclass=sa.NullPool)
    if engine.dialect.name == "sqlite":
        sa.event.listen(engine, "connect", _by_hand)
        sa.event.listen(engine, "begin", lambda connection: connection.exec_driver_sql("begin immediate"))
    try:
        with engine.begin() as connection:
            if engine.dialect.name == "postgresql":
                # Only so that of two one waits instead of failing; the version's own table decides.
                connection.exec_driver_sql("select pg_advisory_xact_lock(hashtext('earnest migrate'))")
            before = MigrationContext.configure(connection).get_current_revision()
            if before is not None and before not in STEPS:
                check(before)
            config = Config()
            config.set_main_option("script_location", str(_MIGRATIONS))
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
    except sa.exc.OperationalError as error:
        raise UnavailableError(f"{engine.dialect.name}: {str(error.orig).strip()}") from error
    finally:
        engine.dispose()
    return before, STEPS[-1]


def _by_hand(connection: Any, _: object) -> None:
    """Let SQLite's driver begin no transactions of its own, so that tables are made in one too."""
    connection.isolation_level = None
    connection.execute("pragma journal_mode = wal")
