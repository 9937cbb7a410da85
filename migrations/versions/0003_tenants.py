"""tenants: keys, limits, and an owner for everything. What was there belongs to the operators."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

NAMED_WITHIN = {"aliases": ["name"], "idempotency": ["scope", "key"]}
LISTED = ("datasets", "models", "jobs")


def owner() -> sa.Column[str]:
    return sa.Column("tenant", sa.String(length=40), nullable=False, server_default="local")


def upgrade() -> None:
    op.create_table(
        "tenants",
        sa.Column("name", sa.String(length=40), nullable=False),
        sa.Column("storage_bytes", sa.BigInteger(), nullable=True),
        sa.Column("images", sa.BigInteger(), nullable=True),
        sa.Column("jobs", sa.Integer(), nullable=True),
        sa.Column("requests", sa.Integer(), nullable=True),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_tenants")),
    )
    op.create_table(
        "keys",
        owner(),
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("scope", sa.String(length=10), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.Column("expires_at", sa.Double(), nullable=True),
        sa.Column("revoked_at", sa.Double(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_keys")),
    )
    op.create_index("ix_keys_tenant_created_at", "keys", ["tenant", "created_at", "id"])
    for table in LISTED:
        with op.batch_alter_table(table) as batch:
            batch.add_column(owner())
            batch.drop_index(f"ix_{table}_created_at")
            batch.create_index(f"ix_{table}_tenant_created_at", ["tenant", "created_at", "id"])
    with op.batch_alter_table("jobs") as batch:
        batch.drop_index("ix_jobs_type_created_at")
        batch.create_index("ix_jobs_tenant_type_created_at", ["tenant", "type", "created_at", "id"])
    with op.batch_alter_table("datasets") as batch:
        batch.add_column(sa.Column("packed_bytes", sa.BigInteger(), nullable=False, server_default="0"))
    for table, columns in NAMED_WITHIN.items():
        with op.batch_alter_table(table) as batch:
            batch.add_column(owner())
            batch.drop_constraint(f"pk_{table}", type_="primary")
            batch.create_primary_key(f"pk_{table}", ["tenant", *columns])


def downgrade() -> None:
    for table, columns in NAMED_WITHIN.items():
        op.execute(f"DELETE FROM {table} WHERE tenant != 'local'")  # noqa: S608 - names of our own
        with op.batch_alter_table(table) as batch:
            batch.drop_constraint(f"pk_{table}", type_="primary")
            batch.drop_column("tenant")
            batch.create_primary_key(f"pk_{table}", columns)
    with op.batch_alter_table("datasets") as batch:
        batch.drop_column("packed_bytes")
    with op.batch_alter_table("jobs") as batch:
        batch.drop_index("ix_jobs_tenant_type_created_at")
        batch.create_index("ix_jobs_type_created_at", ["type", "created_at", "id"])
    for table in LISTED:
        with op.batch_alter_table(table) as batch:
            batch.drop_index(f"ix_{table}_tenant_created_at")
            batch.create_index(f"ix_{table}_created_at", ["created_at", "id"])
            batch.drop_column("tenant")
    op.drop_table("keys")
    op.drop_table("tenants")
