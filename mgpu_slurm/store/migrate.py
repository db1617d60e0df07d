"""Bringing a database to the present schema: made whole when empty, migrated when older, refused when newer."""

from __future__ import annotations

import os

import sqlalchemy as sa

from mgpu_slurm.store.errors import StoreError
from mgpu_slurm.store.schema import REVISION, metadata

_VERSION = sa.Table("alembic_version", sa.MetaData(), sa.Column("version_num", sa.String(32), primary_key=True))


def bring_up_to_date(connection: sa.Connection) -> None:
    """Runs inside the caller's transaction. Raises StoreError for a database of a later release."""
    tables = sa.inspect(connection).get_table_names()
    if not tables:
        metadata.create_all(connection)
        _VERSION.create(connection)
        connection.execute(_VERSION.insert().values(version_num=REVISION))
        return
    found = connection.execute(sa.select(_VERSION.c.version_num)).scalar() if "alembic_version" in tables else None
    if found == REVISION:
        return
    upgrade(connection, found)


def upgrade(connection: sa.Connection, found: str | None) -> None:
    """Run the revisions after `found`. Alembic is imported here only: a start without migration does not pay for it."""
    from alembic import command
    from alembic.config import Config
    from alembic.util import CommandError

    config = Config()
    config.set_main_option("script_location", os.path.join(os.path.dirname(__file__), "migrations"))
    config.attributes["connection"] = connection
    try:
        command.upgrade(config, "head")
    except CommandError as error:
        raise StoreError(
            f"the database has revision {found}, which this release does not know ({error}): "
            "start the release that wrote it, or a later one"
        ) from error
