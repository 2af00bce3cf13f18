"""What the service keeps: API keys, webhook endpoints and deliveries, leases, a sandbox's clock."""

import sqlalchemy as sa
from alembic import op

from earnest.ledger.schema import Id

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Make the tables. Those for events were never offered to anybody, so what replaces them begins empty."""
    op.drop_table("event")
    op.drop_table("endpoint")
    op.create_table(
        "endpoint",
        sa.Column("endpoint_id", Id(), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("secret", sa.Text(), nullable=False),
        sa.Column("kinds", sa.Text(), nullable=True),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column("old_secret", sa.Text(), nullable=True),
        sa.Column("old_secret_until", sa.BigInteger(), nullable=True),
        sa.Column("failing_since", sa.BigInteger(), nullable=True),
        sa.Column("paused_at", sa.BigInteger(), nullable=True),
        sa.Column("paused_because", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("endpoint_id"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "delivery",
        sa.Column("account_id", Id(), nullable=False),
        sa.Column("seq", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("endpoint_id", Id(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("recorded_at", sa.BigInteger(), nullable=False),
        sa.Column("payload", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("next_at", sa.BigInteger(), nullable=False),
        sa.Column("tried_at", sa.BigInteger(), nullable=True),
        sa.Column("answered", sa.Integer(), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("account_id", "seq", "endpoint_id"),
        sqlite_with_rowid=False,
    )
    waits = sa.text("status = 'waiting'")
    op.create_index(
        "delivery_waiting",
        "delivery",
        ["endpoint_id", "account_id", "seq"],
        postgresql_where=waits,
        sqlite_where=waits,
    )
    failed = sa.text("status = 'failed'")
    op.create_index(
        "delivery_failed",
        "delivery",
        ["endpoint_id", "recorded_at"],
        postgresql_where=failed,
        sqlite_where=failed,
    )
    op.create_index("delivery_by_time", "delivery", ["endpoint_id", "recorded_at"])
    op.create_table(
        "told",
        sa.Column("account_id", Id(), nullable=False),
        sa.Column("boundary", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["account.account_id"]),
        sa.PrimaryKeyConstraint("account_id", "boundary"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "api_key",
        sa.Column("key_id", Id(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("bound_to", Id(), nullable=True),
        sa.Column("rate_limit", sa.Text(), nullable=True),
        sa.Column("expires_at", sa.BigInteger(), nullable=True),
        sa.Column("revoked_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("key_id"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "lease",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("holder", sa.Text(), nullable=False),
        sa.Column("until", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "sandbox",
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("now", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("number"),
        sqlite_with_rowid=False,
    )
