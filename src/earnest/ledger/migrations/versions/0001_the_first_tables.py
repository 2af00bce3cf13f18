"""The first tables."""

from alembic import op

from earnest.ledger.schema import METADATA

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make the tables."""
    METADATA.create_all(op.get_bind())
