"""The first tables."""

import sqlalchemy as sa
from alembic import op

from earnest.ledger.schema import Id

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "account",
        sa.Column("account_id", Id(), nullable=False),
        sa.Column("touched_at", sa.BigInteger(), nullable=False),
        sa.Column("cycle_start", sa.BigInteger(), nullable=False),
        sa.Column("cycle_end", sa.BigInteger(), nullable=False),
        sa.Column("due_at", sa.BigInteger(), nullable=False),
        sa.Column("n", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("seq", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("balance", sa.BigInteger(), nullable=False),
        sa.Column("debt", sa.BigInteger(), nullable=False),
        sa.Column("judge_on", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("counted_from", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("fee_unpaid", sa.Boolean(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("plan", sa.Text(), nullable=False),
        sa.Column("lots", sa.Text(), nullable=False),
        sa.Column("chosen_plan", sa.Text(), nullable=True),
        sa.Column("standing", sa.Text(), nullable=True),
        sa.CheckConstraint("balance >= 0 and debt >= 0", name="account_never_negative"),
        sa.PrimaryKeyConstraint("account_id"),
        postgresql_with={"fillfactor": 80},
        sqlite_with_rowid=False,
    )
    op.create_table(
        "client",
        sa.Column("client_id", Id(), nullable=False),
        sa.Column("recorded_at", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.Text(), nullable=True),
        sa.Column("external_id", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("client_id"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "endpoint",
        sa.Column("endpoint_id", Id(), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("endpoint_id"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "entry",
        sa.Column("account_id", Id(), nullable=False),
        sa.Column("n", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("connects", sa.BigInteger(), nullable=False),
        sa.Column("plan", sa.Text(), nullable=False),
        sa.Column("balance_after", sa.BigInteger(), nullable=False),
        sa.Column("effective_at", sa.BigInteger(), nullable=False),
        sa.Column("recorded_at", sa.BigInteger(), nullable=False),
        sa.Column("lot", sa.Integer(), autoincrement=False, nullable=True),
        sa.Column("source", sa.Text(), nullable=True),
        sa.Column("root", sa.Integer(), autoincrement=False, nullable=True),
        sa.Column("expires_at", sa.BigInteger(), nullable=True),
        sa.Column("purchase", sa.Integer(), autoincrement=False, nullable=True),
        sa.Column("unit_price", sa.BigInteger(), nullable=True),
        sa.Column("job_id", Id(), nullable=True),
        sa.Column("proposal", sa.Integer(), autoincrement=False, nullable=True),
        sa.Column("pays_debt", sa.Boolean(), nullable=True),
        sa.Column("note", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("account_id", "n"),
        sqlite_with_rowid=False,
    )
    if op.get_context().dialect.name == "postgresql":
        op.create_index("entry_effective_at", "entry", ["effective_at"], unique=False, postgresql_using="brin")
    op.create_table(
        "event",
        sa.Column("account_id", Id(), nullable=False),
        sa.Column("seq", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("recorded_at", sa.BigInteger(), nullable=False),
        sa.Column("payload", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("account_id", "seq"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "external",
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("external_id", sa.Text(), nullable=False),
        sa.Column("id", Id(), nullable=False),
        sa.PrimaryKeyConstraint("kind", "external_id"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "job",
        sa.Column("job_id", Id(), nullable=False),
        sa.Column("client_id", Id(), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("price", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("hires", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("posted_at", sa.BigInteger(), nullable=False),
        sa.Column("lapses_at", sa.BigInteger(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("budget", sa.BigInteger(), nullable=True),
        sa.Column("duration", sa.Text(), nullable=True),
        sa.Column("weekly_hours", sa.Text(), nullable=True),
        sa.Column("closed_at", sa.BigInteger(), nullable=True),
        sa.Column("close_reason", sa.Text(), nullable=True),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column("skills", sa.Text(), nullable=True),
        sa.Column("external_id", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("job_id"),
        sqlite_with_rowid=False,
    )
    op.create_index("job_by_client", "job", ["client_id", "job_id"], unique=False)
    op.create_table(
        "lane",
        sa.Column("lane_id", Id(), nullable=False),
        sa.Column("batch", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("lane_id"),
        postgresql_with={"fillfactor": 10},
        sqlite_with_rowid=False,
    )
    op.create_table(
        "letter",
        sa.Column("account_id", Id(), nullable=False),
        sa.Column("n", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("letter", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("account_id", "n"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "proposal",
        sa.Column("account_id", Id(), nullable=False),
        sa.Column("n", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("job_id", Id(), nullable=False),
        sa.Column("attempt", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("connects_spent", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("invited", sa.Boolean(), nullable=False),
        sa.Column("submitted_at", sa.BigInteger(), nullable=False),
        sa.Column("taken", sa.Text(), nullable=False),
        sa.Column("worker", sa.Integer(), autoincrement=False, nullable=True),
        sa.Column("returned_at", sa.BigInteger(), nullable=True),
        sa.Column("bid", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("account_id", "n"),
        sa.UniqueConstraint("job_id", "account_id", "attempt", name="proposal_once"),
        postgresql_with={"fillfactor": 90},
        sqlite_with_rowid=False,
    )
    op.create_table(
        "request",
        sa.Column("owner_id", Id(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("recorded_at", sa.BigInteger(), nullable=False),
        sa.Column("fingerprint", sa.Text(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("owner_id", "key"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "revision",
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("effective_from", sa.Text(), nullable=False),
        sa.Column("fingerprint", sa.Text(), nullable=False),
        sa.Column("canonical", sa.Text(), nullable=False),
        sa.Column("recorded_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("number"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "task",
        sa.Column("job_id", Id(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("started_at", sa.BigInteger(), nullable=False),
        sa.Column("done_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("job_id", "kind"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "charge",
        sa.Column("account_id", Id(), nullable=False),
        sa.Column("seq", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("plan", sa.Text(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("charged_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"],
            ["account.account_id"],
        ),
        sa.PrimaryKeyConstraint("account_id", "seq"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "invitation",
        sa.Column("account_id", Id(), nullable=False),
        sa.Column("job_id", Id(), nullable=False),
        sa.Column("invited_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"],
            ["account.account_id"],
        ),
        sa.PrimaryKeyConstraint("account_id", "job_id"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "member",
        sa.Column("account_id", Id(), nullable=False),
        sa.Column("seq", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("added_at", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.Text(), nullable=True),
        sa.Column("can_propose", sa.Boolean(), nullable=True),
        sa.Column("removed_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["account_id"],
            ["account.account_id"],
        ),
        sa.PrimaryKeyConstraint("account_id", "seq"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "notice",
        sa.Column("account_id", Id(), nullable=False),
        sa.Column("seq", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("noticed_at", sa.BigInteger(), nullable=False),
        sa.Column("connects", sa.BigInteger(), nullable=False),
        sa.Column("plan", sa.Text(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["account_id"],
            ["account.account_id"],
        ),
        sa.PrimaryKeyConstraint("account_id", "seq"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "profile",
        sa.Column("account_id", Id(), nullable=False),
        sa.Column("opened_at", sa.BigInteger(), nullable=False),
        sa.Column("recorded_at", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.Text(), nullable=True),
        sa.Column("external_id", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["account_id"],
            ["account.account_id"],
        ),
        sa.PrimaryKeyConstraint("account_id"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "purchase",
        sa.Column("account_id", Id(), nullable=False),
        sa.Column("seq", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("connects", sa.BigInteger(), nullable=False),
        sa.Column("unit_price", sa.BigInteger(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("requested_at", sa.BigInteger(), nullable=False),
        sa.Column("decided_at", sa.BigInteger(), nullable=True),
        sa.Column("refusal", sa.Text(), nullable=True),
        sa.Column("owed", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["account_id"],
            ["account.account_id"],
        ),
        sa.PrimaryKeyConstraint("account_id", "seq"),
        sqlite_with_rowid=False,
    )
