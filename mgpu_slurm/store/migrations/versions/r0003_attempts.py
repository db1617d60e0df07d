"""Earlier runs of requeued jobs."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.create_table(
        "attempts",
        sa.Column("job_id", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("restart", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("uid", sa.BigInteger, nullable=False),
        sa.Column("array_job_id", sa.BigInteger, nullable=False),
        sa.Column("submit_time", sa.Float, nullable=False),
        sa.Column("end_time", sa.Float, nullable=False),
        sa.Column("record", sa.LargeBinary, nullable=False),
    )
    op.create_index("attempts_by_array", "attempts", ["array_job_id"])
    op.create_index("attempts_by_user", "attempts", ["uid", "submit_time"])
    op.create_index("attempts_by_end", "attempts", ["end_time"])
