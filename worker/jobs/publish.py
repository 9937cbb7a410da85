"""The job that makes imported weights servable."""

import threading

from safetensors.torch import load_file
from sqlalchemy import update

from app.core.database.tables import Model
from app.core.files import storage_keys
from app.core.jobs import leases
from app.core.jobs.leases import Lease
from app.core.results.model import PublishResult
from worker.context import Context
from worker.data.preprocessing import model_preprocessing
from worker.errors import JobError
from worker.jobs.entry_point import main
from worker.models.initial_weights import with_weights
from worker.models.onnx_cache import OnnxCache
from worker.models.servable import write_graph


def publish(context: Context, lease: Lease, _stop: threading.Event) -> None:
    """Export the graph; the model becomes ready in the same transaction that ends the job."""
    model_id = str(lease.spec["model"])
    with context.database.reading() as session:
        model = session.get(Model, model_id)
    if model is None:
        raise JobError("model_not_found", f"The model '{model_id}' has been deleted.")
    preprocessing = model_preprocessing(model)
    weights = load_file(context.storage.path(storage_keys.model_file(model_id, storage_keys.WEIGHTS)))
    network = with_weights(model.backbone, preprocessing.size, weights)
    with context.storage.incoming() as scratch:
        write_graph(
            network,
            preprocessing,
            model.classes,
            scratch,
            temperature=1.0,
            known=None,
            cache=OnnxCache(context.storage),
        )
        with context.database.writing() as session:
            leases.fence(session, lease)
            for name in (storage_keys.GRAPH, storage_keys.CARD):
                context.storage.keep(scratch / name, storage_keys.model_file(model_id, name))
            session.execute(update(Model).where(Model.id == model_id).values(status="ready"))
            leases.succeed(session, lease, PublishResult(model=model_id))


if __name__ == "__main__":
    main(publish)
