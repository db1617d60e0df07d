"""Alembic's entry point: runs the revisions on the connection that store/migrate.py hands over."""

from alembic import context

from mgpu_slurm.store.schema import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
with context.begin_transaction():
    context.run_migrations()
