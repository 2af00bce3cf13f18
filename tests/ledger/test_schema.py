"""The tables: what a migration makes is what rows and schema say, and nothing in them bars a spread database."""

import ast
import re
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext

from earnest.ledger import migrate
from earnest.ledger.errors import SchemaError
from earnest.ledger.ids import NOBODY
from earnest.ledger.rows import TABLES, Row, columns
from earnest.ledger.schema import METADATA
from tests.stores import STORES

ROOT = Path(__file__).parent.parent.parent
LEDGER = ROOT / "src" / "earnest" / "ledger"
WRITING = [path for path in LEDGER.glob("*.py") if path.name != "migrate.py"]
WRITING += (ROOT / "src" / "earnest" / "marketplace").glob("*.py")
WRITING += (ROOT / "src" / "earnest" / "relay").glob("*.py")

BY_ACCOUNT = [table for table in METADATA.sorted_tables if "account_id" in table.c]
APART = {"external", "request", "job", "client", "task", "revision", "endpoint", "lane", "api_key", "lease", "sandbox"}
APART |= {"person", "seat", "session", "attempt", "audit_run"}
"""Tables that belong to no account: directories, what callers without one asked for, and the ledger's own."""

HOLDS = {"UUID": "id", "INTEGER": "int", "BIGINT": "int", "BOOLEAN": "bool", "TEXT": "str"}


def engine(url: str) -> sa.Engine:
    return sa.create_engine(url.replace("postgresql://", "postgresql+psycopg://", 1), poolclass=sa.NullPool)


def test_a_migrated_database_is_what_the_schema_says(database: str) -> None:
    with engine(database).connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": False})
        different = compare_metadata(context, METADATA)
        if connection.dialect.name == "sqlite":
            # It has no such index and needs none.
            different = [each for each in different if each[1].name != "entry_effective_at"]
        assert different == []
        found = sa.inspect(connection)
        for table in METADATA.sorted_tables:
            types = [(column.name, str(column.type.compile(connection.dialect))) for column in table.c]
            if connection.dialect.name == "sqlite":
                sql = f"select name, type from pragma_table_info('{table}')"  # noqa: S608
                assert [tuple(row) for row in connection.exec_driver_sql(sql)] == types
            else:
                kept = found.get_columns(table.name)
                assert [(each["name"], str(each["type"].compile(connection.dialect))) for each in kept] == types
            key = found.get_pk_constraint(table.name)["constrained_columns"]
            assert key == [column.name for column in table.primary_key]


@pytest.mark.parametrize("row", TABLES, ids=lambda row: TABLES[row].name)
def test_a_row_has_the_columns_of_its_table_in_their_order(row: type[Row]) -> None:
    table = METADATA.tables[TABLES[row].name]
    kept = [(column.name, HOLDS[str(column.type.compile(sa.dialects.postgresql.dialect()))]) for column in table.c]
    assert [(column.name, column.holds) for column in columns(row)] == kept
    assert [column.name for column in table.primary_key] == [column.name for column in columns(row)][: TABLES[row].key]
    optional = {
        field for field, default in zip(row.__struct_fields__[::-1], row.__struct_defaults__[::-1], strict=False)
    }
    assert {column.name for column in table.c if column.nullable} == optional


def test_every_table_has_its_row() -> None:
    assert {table.name for table in TABLES.values()} == set(METADATA.tables)
    assert {table.name for table in METADATA.sorted_tables} - {table.name for table in BY_ACCOUNT} == APART


@pytest.mark.parametrize("table", BY_ACCOUNT, ids=lambda table: table.name)
def test_every_key_of_what_an_account_owns_bears_the_account(table: sa.Table) -> None:
    assert next(iter(table.primary_key)).name == "account_id"
    unique = [part for part in table.constraints if isinstance(part, sa.UniqueConstraint)]
    unique += [index for index in table.indexes if index.unique]
    assert all("account_id" in part.columns for part in unique)
    assert all(key.column.name == key.parent.name == "account_id" for key in table.foreign_keys)


@pytest.mark.parametrize("name", sorted(APART))
def test_nothing_refers_across_to_or_from_what_no_account_owns(name: str) -> None:
    assert not METADATA.tables[name].foreign_keys
    refer = {key.column.table.name for table in METADATA.sorted_tables for key in table.foreign_keys}
    assert refer == {"account"}


def test_no_number_time_or_other_value_comes_from_the_database(database: str) -> None:
    with engine(database).connect() as connection:

        def ask(sql: str) -> list[object]:
            return [row[0] for row in connection.exec_driver_sql(sql)]

        if connection.dialect.name == "postgresql":
            own = "select column_name from information_schema.columns where table_schema = 'public'"
            assert ask(f"{own} and column_default is not null") == []
            assert ask(f"{own} and is_identity = 'YES'") == []
            assert ask("select sequencename from pg_sequences") == []
            assert ask("select tgname from pg_trigger where not tgisinternal") == []
        else:
            assert ask("select name from sqlite_master where type = 'trigger'") == []
            assert ask("select name from sqlite_master where sql like '%autoincrement%'") == []
            for table in METADATA.tables:
                assert ask(f"select name from pragma_table_info('{table}') where dflt_value <> ''") == []  # noqa: S608


FROM_THE_DATABASE = re.compile(
    r"\b(now|random|clock_timestamp|statement_timestamp|transaction_timestamp|gen_random_uuid|uuid_generate_v\d|nextval"
    r"|currval|setval|lastval|last_insert_rowid|randomblob|julianday|strftime|unixepoch|pg_notify"
    r"|pg_(try_)?advisory\w*)\s*\(|\bcurrent_(timestamp|date|time)\b|\blocal(time|timestamp)\b|\breturning\b"
    r"|\b(listen|notify) \w|\bas \(\s*(insert|update|delete)\b"
)
SQL = re.compile(r"^\s*(with|select|insert|update|delete|begin|from|where|order)\b|\b(from|where|values) ")


def statements(source: str) -> list[str]:
    """The texts of a source that are, or are parts of, statements; what stands under a name as its docstring isn't."""
    tree = ast.parse(source)
    told = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    texts = [node for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)]
    return [node.value for node in texts if id(node) not in told and SQL.search(node.value)]


@pytest.mark.parametrize("path", WRITING, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_no_statement_asks_the_database_for_time_chance_or_numbers(path: Path) -> None:
    asked = statements(path.read_text(encoding="utf-8"))
    assert not [text for text in asked if FROM_THE_DATABASE.search(text.lower())]


def test_a_statement_that_asks_the_database_for_time_is_found() -> None:
    found = statements(
        '"""Sets now() in."""\nX = "insert into a values (now())"\nY = f"select {X} from b where nextval(c)"'
    )
    assert [bool(FROM_THE_DATABASE.search(text)) for text in found] == [True, False, True]
    told = (LEDGER / "postgresql_statements.py").read_text(encoding="utf-8")
    assert any("insert into" in text for text in statements(told))


def test_a_database_without_tables_or_of_another_version_is_refused_saying_what_to_do() -> None:
    migrate.check(migrate.STEPS[-1])
    with pytest.raises(SchemaError, match="earnest migrate"):
        migrate.check(None)
    with pytest.raises(SchemaError, match="a newer Earnest"):
        migrate.check("9999")


@pytest.mark.parametrize("store", STORES)
def test_what_an_earlier_version_holds_is_there_after_migrating(
    store: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    url = f"sqlite:///{tmp_path}/old.db"
    if store == "postgresql":
        url = request.getfixturevalue("new_postgres_database")()
    with engine(url).begin() as connection:
        config = Config()
        config.set_main_option("script_location", str(LEDGER / "migrations"))
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
        connection.exec_driver_sql(f"insert into external values ('client', 'dan', '{NOBODY}')")  # noqa: S608
    assert migrate.migrate(url) == ("0001", migrate.STEPS[-1])
    with engine(url).connect() as connection:
        assert connection.exec_driver_sql("select kind, external_id from external").fetchall() == [("client", "dan")]
        assert connection.exec_driver_sql("select * from delivery").fetchall() == []


def test_migrating_twice_changes_nothing(database: str) -> None:
    assert migrate.migrate(database) == (migrate.STEPS[-1], migrate.STEPS[-1])


def test_a_database_of_a_newer_version_is_not_touched(database: str) -> None:
    with engine(database).begin() as connection:
        connection.exec_driver_sql("update alembic_version set version_num = '9999'")
    with pytest.raises(SchemaError, match="9999"):
        migrate.migrate(database)


def test_both_stores_are_tested() -> None:
    assert STORES == ("sqlite", "postgresql")
