"""The first schema."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "jobs",
        sa.Column("job_id", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("gone", sa.Boolean, nullable=False),
        sa.Column("state", sa.String(32), nullable=False),
        sa.Column("uid", sa.BigInteger, nullable=False),
        sa.Column("array_job_id", sa.BigInteger, nullable=False),
        sa.Column("submit_time", sa.Float, nullable=False),
        sa.Column("end_time", sa.Float, nullable=False),
        sa.Column("record", sa.LargeBinary, nullable=False),
    )
    op.create_index("jobs_live", "jobs", ["gone"])
    op.create_index("jobs_by_array", "jobs", ["array_job_id"])
    op.create_index("jobs_by_user", "jobs", ["uid", "submit_time"])
    op.create_index("jobs_by_end", "jobs", ["end_time"])
    op.create_table(
        "scripts",
        sa.Column("job_id", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("script", sa.LargeBinary, nullable=False),
        sa.Column("environment", sa.LargeBinary, nullable=False),
    )
    for name in ("nodes", "partitions"):
        op.create_table(
            name,
            sa.Column("name", sa.String(255), primary_key=True),
            sa.Column("record", sa.LargeBinary, nullable=False),
        )
    op.create_table(
        "requests",
        sa.Column("uid", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("request_id", sa.String(64), primary_key=True),
        sa.Column("time", sa.Float, nullable=False),
        sa.Column("answer", sa.LargeBinary, nullable=False),
    )
    op.create_index("requests_by_time", "requests", ["time"])
    op.create_table(
        "meta",
        sa.Column("key", sa.String(64), primary_key=True),
        sa.Column("value", sa.String(255), nullable=False),
    )
