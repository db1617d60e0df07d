"""Reservations."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.create_table(
        "reservations",
        sa.Column("name", sa.String(255), primary_key=True),
        sa.Column("record", sa.LargeBinary, nullable=False),
    )
