"""Alembic's way in: a step at a time, on the connection it was given."""

from alembic import context

from earnest.ledger.schema import METADATA

context.configure(
    connection=context.config.attributes["connection"], target_metadata=METADATA, transaction_per_migration=False
)
with context.begin_transaction():
    context.run_migrations()
