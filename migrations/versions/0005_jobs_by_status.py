"""An index of jobs by status: among a million that have ended, those that wait are found at once."""

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("ix_jobs_tenant_status_created_at", "jobs", ["tenant", "status", "created_at", "id"])


def downgrade() -> None:
    op.drop_index("ix_jobs_tenant_status_created_at", "jobs")
