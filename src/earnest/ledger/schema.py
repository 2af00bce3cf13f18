"""The tables of both stores, for the migrations. What their columns mean is told in `rows.py`.

Nothing here bars a database spread over machines: whatever an account owns has a key that begins with the account's
id, foreign keys stay within the account's family, and there are no sequences, triggers or defaults: ids, numbers and
times come from the application.
"""

from typing import Any

import sqlalchemy as sa
from sqlalchemy.types import UserDefinedType


class Id(UserDefinedType[bytes]):
    """Sixteen bytes: `uuid` where the store has such a type, else a blob declared as one."""

    cache_ok = True

    def get_col_spec(self, **_: Any) -> str:
        """Return the type's name."""
        return "UUID"


METADATA = sa.MetaData()


def _table(name: str, *parts: sa.schema.SchemaItem, fillfactor: int | None = None) -> sa.Table:
    """Return a table kept in the order of its key on SQLite, with room for updates in place on PostgreSQL."""
    options: dict[str, Any] = {"sqlite_with_rowid": False}
    if fillfactor is not None:
        options["postgresql_with"] = {"fillfactor": fillfactor}
    return sa.Table(name, METADATA, *parts, **options)


def _id(name: str, *parts: sa.schema.SchemaItem, key: bool = False, null: bool = False) -> sa.Column[Any]:
    return sa.Column(name, Id(), *parts, primary_key=key, nullable=null)


def _owner(*, hot: bool = False) -> sa.Column[Any]:
    """Return the column of the account a row belongs to.

    Where a submission writes, the store isn't made to look the account up again for every row: the batch that writes
    the row has locked the account, and the audit reports rows of accounts that don't exist.
    """
    return _id("account_id", *(() if hot else (sa.ForeignKey("account.account_id"),)), key=True)


def _int(name: str, *, key: bool = False, null: bool = False) -> sa.Column[Any]:
    return sa.Column(name, sa.Integer(), primary_key=key, nullable=null, autoincrement=False)


def _big(name: str, *, null: bool = False) -> sa.Column[Any]:
    return sa.Column(name, sa.BigInteger(), nullable=null)


def _text(name: str, *, key: bool = False, null: bool = False) -> sa.Column[Any]:
    return sa.Column(name, sa.Text(), primary_key=key, nullable=null)


def _bool(name: str, *, null: bool = False) -> sa.Column[Any]:
    return sa.Column(name, sa.Boolean(), nullable=null)


_table(
    "account",
    _id("account_id", key=True),
    _big("touched_at"),
    _big("cycle_start"),
    _big("cycle_end"),
    _big("due_at"),
    _int("n"),
    _int("seq"),
    _big("balance"),
    _big("debt"),
    _int("judge_on"),
    _int("counted_from"),
    _bool("fee_unpaid"),
    _text("kind"),
    _text("plan"),
    _text("lots"),
    _text("chosen_plan", null=True),
    _text("standing", null=True),
    sa.CheckConstraint("balance >= 0 and debt >= 0", name="account_never_negative"),
    fillfactor=80,
)
_table(
    "profile",
    _owner(),
    _big("opened_at"),
    _big("recorded_at"),
    _text("name", null=True),
    _text("external_id", null=True),
)
_table("external", _text("kind", key=True), _text("external_id", key=True), _id("id"))
_entry = _table(
    "entry",
    _owner(hot=True),
    _int("n", key=True),
    _text("kind"),
    _big("connects"),
    _text("plan"),
    _big("balance_after"),
    _big("effective_at"),
    _big("recorded_at"),
    _int("lot", null=True),
    _text("source", null=True),
    _int("root", null=True),
    _big("expires_at", null=True),
    _int("purchase", null=True),
    _big("unit_price", null=True),
    _id("job_id", null=True),
    _int("proposal", null=True),
    _bool("pays_debt", null=True),
    _text("note", null=True),
)
# Reports ask for spans of time; lines come nearly in their order, so a few pages of ranges find them.
sa.Index("entry_effective_at", _entry.c.effective_at, postgresql_using="brin").ddl_if(dialect="postgresql")
_table(
    "proposal",
    _owner(hot=True),
    _int("n", key=True),
    _id("job_id"),
    _int("attempt"),
    _text("status"),
    _int("connects_spent"),
    _bool("invited"),
    _big("submitted_at"),
    _text("taken"),
    _int("worker", null=True),
    _big("returned_at", null=True),
    _big("bid", null=True),
    # Not unique over accounts: the account's own key comes with it.
    sa.UniqueConstraint("job_id", "account_id", "attempt", name="proposal_once"),
    fillfactor=90,
)
_table("letter", _owner(hot=True), _int("n", key=True), _text("letter"))
_table("invitation", _owner(), _id("job_id", key=True), _big("invited_at"))
_table(
    "member",
    _owner(),
    _int("seq", key=True),
    _text("role"),
    _big("added_at"),
    _text("name", null=True),
    _bool("can_propose", null=True),
    _big("removed_at", null=True),
)
_table(
    "purchase",
    _owner(),
    _int("seq", key=True),
    _big("connects"),
    _big("unit_price"),
    _text("status"),
    _big("requested_at"),
    _big("decided_at", null=True),
    _text("refusal", null=True),
    _big("owed", null=True),
)
_table("charge", _owner(), _int("seq", key=True), _text("plan"), _big("amount"), _big("charged_at"))
_table(
    "notice",
    _owner(),
    _int("seq", key=True),
    _text("kind"),
    _big("noticed_at"),
    _big("connects"),
    _text("plan", null=True),
    _text("reason", null=True),
)
_delivery = _table(
    "delivery",
    _owner(hot=True),
    _int("seq", key=True),
    _id("endpoint_id", key=True),
    _text("kind"),
    _big("recorded_at"),
    _text("payload"),
    _text("status"),
    _int("attempts"),
    _big("next_at"),
    _big("tried_at", null=True),
    _int("answered", null=True),
    _text("error", null=True),
)
_waits = _delivery.c.status == sa.literal_column("'waiting'")
sa.Index(
    "delivery_waiting",
    _delivery.c.endpoint_id,
    _delivery.c.account_id,
    _delivery.c.seq,
    postgresql_where=_waits,
    sqlite_where=_waits,
)
_failed = _delivery.c.status == sa.literal_column("'failed'")
sa.Index(
    "delivery_failed", _delivery.c.endpoint_id, _delivery.c.recorded_at, postgresql_where=_failed, sqlite_where=_failed
)
sa.Index("delivery_by_time", _delivery.c.endpoint_id, _delivery.c.recorded_at)
_table("told", _owner(), sa.Column("boundary", sa.BigInteger(), primary_key=True, autoincrement=False))
_table(
    "request",
    _id("owner_id", key=True),
    _text("key", key=True),
    _big("recorded_at"),
    _text("fingerprint"),
    _text("outcome"),
)
_job = _table(
    "job",
    _id("job_id", key=True),
    _id("client_id"),
    _text("type"),
    _int("price"),
    _int("hires"),
    _big("posted_at"),
    _big("lapses_at"),
    _text("title"),
    _big("budget", null=True),
    _text("duration", null=True),
    _text("weekly_hours", null=True),
    _big("closed_at", null=True),
    _text("close_reason", null=True),
    _text("description", null=True),
    _text("skills", null=True),
    _text("external_id", null=True),
)
sa.Index("job_by_client", _job.c.client_id, _job.c.job_id)
_table(
    "client",
    _id("client_id", key=True),
    _big("recorded_at"),
    _text("name", null=True),
    _text("external_id", null=True),
)
_table("task", _id("job_id", key=True), _text("kind", key=True), _big("started_at"), _big("done_at", null=True))
_table(
    "revision",
    _int("number", key=True),
    _text("effective_from"),
    _text("fingerprint"),
    _text("canonical"),
    _big("recorded_at"),
)
_table("lane", _id("lane_id", key=True), _big("batch"), fillfactor=10)
_table(
    "endpoint",
    _id("endpoint_id", key=True),
    _text("url"),
    _big("created_at"),
    _text("secret"),
    _text("kinds", null=True),
    _text("description", null=True),
    _text("old_secret", null=True),
    _big("old_secret_until", null=True),
    _big("failing_since", null=True),
    _big("paused_at", null=True),
    _text("paused_because", null=True),
)
_table(
    "api_key",
    _id("key_id", key=True),
    _text("name"),
    _text("scope"),
    _text("digest"),
    _big("created_at"),
    _id("bound_to", null=True),
    _text("rate_limit", null=True),
    _big("expires_at", null=True),
    _big("revoked_at", null=True),
)
_person = _table(
    "person",
    _id("person_id", key=True),
    _text("email"),
    _big("recorded_at"),
    _text("name", null=True),
    _text("password", null=True),
    _text("link", null=True),
    _big("link_until", null=True),
    _bool("mail_off", null=True),
)
sa.Index("person_by_link", _person.c.link)
_seat = _table(
    "seat",
    _id("person_id", key=True),
    _text("kind", key=True),
    _id("target_id", key=True),
    _int("seq", key=True),
    _big("added_at"),
)
sa.Index("seat_by_target", _seat.c.target_id)
_table(
    "seen",
    _id("account_id", key=True),
    _id("person_id", key=True),
    _int("n"),
    _int("notices"),
)
_session = _table(
    "session",
    _text("digest", key=True),
    _id("person_id"),
    _big("created_at"),
    _big("seen_at"),
    _big("until"),
    _text("seat_kind", null=True),
    _id("seat_target", null=True),
    _int("seat_seq", null=True),
)
sa.Index("session_by_person", _session.c.person_id)
_table(
    "attempt",
    _text("name", key=True),
    sa.Column("at", sa.BigInteger(), primary_key=True, autoincrement=False),
    _text("nonce", key=True),
)
_table(
    "audit_run",
    _id("run_id", key=True),
    _big("started_at"),
    _big("done"),
    _big("total"),
    _id("asked_by", null=True),
    _big("finished_at", null=True),
    _text("findings", null=True),
)
_table("lease", _text("name", key=True), _text("holder"), _big("until"))
_table("sandbox", _int("number", key=True), _big("now"))
