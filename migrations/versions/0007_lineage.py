"""lineage: the datasets that a model and its ancestors were trained on, and whether any of them learnt from labels."""

from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

JSON = sa.JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql")
TRAINED_ON, FROM_LABELS = "trained_on", "from_labels"
MODELS = sa.table(
    "models",
    sa.column("id", sa.String),
    sa.column("classes", JSON),
    sa.column("parent", sa.String),
    sa.column("job", sa.String),
    sa.column("dataset", sa.String),
    sa.column(TRAINED_ON, JSON),
    sa.column(FROM_LABELS, sa.Boolean),
)
JOBS = sa.table(
    "jobs", sa.column("id", sa.String), sa.column("type", sa.String), sa.column("spec", JSON), sa.column("result", JSON)
)
TRAINING = ("pretrain", "finetune")

Spec = dict[str, Any]


def upgrade() -> None:
    with op.batch_alter_table("models") as batch:
        batch.add_column(sa.Column(TRAINED_ON, JSON, nullable=False, server_default="[]"))
        batch.add_column(sa.Column(FROM_LABELS, sa.Boolean(), nullable=False, server_default=sa.false()))
    connection = op.get_bind()
    models = {row["id"]: dict(row) for row in connection.execute(sa.select(MODELS)).mappings()}
    if models:
        specs = specs_by_model(connection)
        for model_id in models:
            values = lineage(model_id, models, specs)
            connection.execute(sa.update(MODELS).where(MODELS.c.id == model_id).values(**values))


def downgrade() -> None:
    with op.batch_alter_table("models") as batch:
        batch.drop_column(FROM_LABELS)
        batch.drop_column(TRAINED_ON)


def specs_by_model(connection: sa.Connection) -> dict[str, Spec]:
    """The spec of the training that made each model, of deleted models as well: their jobs are still there."""
    query = sa.select(JOBS.c.spec, JOBS.c.result).where(JOBS.c.type.in_(TRAINING), JOBS.c.result.is_not(None))
    return {result["model"]: spec for spec, result in connection.execute(query) if "model" in (result or {})}


def lineage(model_id: str, models: dict[str, Spec], specs: dict[str, Spec]) -> Spec:
    """A model's values, from its own training and those of its ancestors."""
    generations = list(ancestry(model_id, models, specs))
    datasets = [dataset for name in generations for dataset in datasets_of(models.get(name), specs.get(name))]
    labels = any(learnt_labels(name, models.get(name), specs.get(name)) for name in generations)
    return {TRAINED_ON: sorted(set(datasets)), FROM_LABELS: labels}


def ancestry(model_id: str, models: dict[str, Spec], specs: dict[str, Spec]) -> Iterator[str]:
    """The model, its parent, and so on, as far as rows of models or jobs tell."""
    name: str | None = model_id
    seen: set[str] = set()
    while name and name not in seen:
        yield name
        seen.add(name)
        name = models[name]["parent"] if name in models else specs.get(name, {}).get("init")


def datasets_of(model: Spec | None, spec: Spec | None) -> list[str]:
    """The datasets that one model was itself trained on."""
    if spec is None:
        return [model["dataset"]] if model and model["dataset"] else []
    adapt = spec.get("adapt") or {}
    source = adapt.get("source")
    if source is None:
        return [spec["dataset"]]
    # without an adaptation the job's own dataset only judged
    return [source] if adapt.get("kind", "none") == "none" else [source, spec["dataset"]]


def learnt_labels(name: str, model: Spec | None, spec: Spec | None) -> bool:
    """Whether one model, or torchvision's weights of this name, learnt from labels itself."""
    if spec is not None:
        return spec["type"] == "finetune" or (spec.get("method") or {}).get("kind") == "supervised"
    return len(model["classes"]) > 1 if model else "_Weights." in name
