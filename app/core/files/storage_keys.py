"""Keys of everything in the storage.

incoming/<tmp>/                 scratch folders of writers
partial/<upload>                uploads in parts
uploads/<dataset>.zip           archives as they were uploaded, until they are prepared
datasets/<dataset>/             prepared images
jobs/<job>/                     checkpoints, and artifacts below artifacts/
models/<model>/                 model.safetensors, model.onnx, model.json, seen_images.bin
graphs/<structure>.onnx         exported graphs without weights
"""

from typing import Final, Literal

INCOMING, PARTIAL, UPLOADS, DATASETS = "incoming", "partial", "uploads", "datasets"
JOBS, MODELS, GRAPHS = "jobs", "models", "graphs"
ARTIFACTS = "artifacts"  # of a job
# Of a dataset
IMAGE_NAMES = "names.json"
DIGESTS = "digests.bin"
# Of a model
ModelFile = Literal["model.safetensors", "model.onnx", "model.json", "seen_images.bin"]
WEIGHTS: Final = "model.safetensors"
GRAPH: Final = "model.onnx"
CARD: Final = "model.json"
SEEN_IMAGES: Final = "seen_images.bin"


def partial_upload(upload_id: str) -> str:
    """Return the key of the bytes of an upload so far."""
    return f"{PARTIAL}/{upload_id}"


def archive(dataset_id: str) -> str:
    """Return the key of a dataset's uploaded zip."""
    return f"{UPLOADS}/{dataset_id}.zip"


def dataset(dataset_id: str) -> str:
    """Return the key of a prepared dataset's folder."""
    return f"{DATASETS}/{dataset_id}"


def image_names(dataset_id: str) -> str:
    """Return the key of the images' paths in the archive; datasets of old versions have no such file."""
    return f"{dataset(dataset_id)}/{IMAGE_NAMES}"


def image_digests(dataset_id: str) -> str:
    """Return the key of the images' digests; datasets of old versions have no such file."""
    return f"{dataset(dataset_id)}/{DIGESTS}"


def job(job_id: str) -> str:
    """Return the key of the folder of a job's checkpoints and artifacts."""
    return f"{JOBS}/{job_id}"


def checkpoint(job_id: str, checkpoint_id: str) -> str:
    """Return the key of a training job's saved state."""
    return f"{job(job_id)}/{checkpoint_id}.safetensors"


def artifact(job_id: str, artifact_id: str) -> str:
    """Return the key of an image or a table that a job made."""
    return f"{job(job_id)}/{ARTIFACTS}/{artifact_id}"


def model(model_id: str) -> str:
    """Return the key of a model's folder."""
    return f"{MODELS}/{model_id}"


def model_file(model_id: str, name: ModelFile) -> str:
    """Return the key of one of a model's files."""
    return f"{model(model_id)}/{name}"


def graph(structure: str) -> str:
    """Return the key of a structure's exported graph, without weights."""
    return f"{GRAPHS}/{structure}.onnx"
