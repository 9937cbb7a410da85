"""From images to answers: decode in threads, ask the network in batches, word what it says."""

import asyncio
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from app.context import Context
from app.core.errors import conflict, invalid
from app.core.files.images import DECODE_HEADROOM, BadImage, Pixels, decode_image, evaluation_view
from app.core.models.model_card import ModelCard
from app.core.processes.cpu_count import count_cores
from app.core.settings import Settings
from app.http.responses import ErrorDetail
from app.predictions.inputs import Inputs
from app.predictions.readiness import ResolvedModel
from app.predictions.schemas import Embedding, EmbeddingResponse, Failure, Guess, Prediction, PredictionResponse
from app.serving.batching import Output

# A decoded photograph takes 4 bytes for each of up to 64 million pixels: never more at a time than there are cores.
DECODE_POOL = ThreadPoolExecutor(count_cores(), thread_name_prefix="decoder")

ImageOutput = Output | BadImage


async def predict(context: Context, model: ResolvedModel, inputs: Inputs, top: int) -> PredictionResponse:
    """Each image's most probable classes. 409 `model_has_no_classes`."""
    if not model.has_classes:
        raise conflict(
            "model_has_no_classes", "The model has no classes to predict; ask for /embeddings, or fine-tune it."
        )
    with context.metrics.predictions.labels("prediction").time():
        card, outputs = await _infer(context, model.id, inputs)
    results = [_failure(each) if isinstance(each, BadImage) else prediction(each, card, top) for each in outputs]
    return PredictionResponse(model=model.id, results=results)


async def embed(context: Context, model: ResolvedModel, inputs: Inputs) -> EmbeddingResponse:
    """Each image's features."""
    with context.metrics.predictions.labels("embedding").time():
        _, outputs = await _infer(context, model.id, inputs)
    results = [
        _failure(each) if isinstance(each, BadImage) else Embedding(embedding=each.features.tolist())
        for each in outputs
    ]
    return EmbeddingResponse(model=model.id, results=results)


async def _infer(context: Context, model_id: str, inputs: Inputs) -> tuple[ModelCard, list[ImageOutput]]:
    served = await context.model_cache.get(model_id)
    with served.batcher.reserve(len(inputs.images)):
        views = await asyncio.gather(*(_decode(image, served.card, context.settings) for image in inputs.images))
        if inputs.single and isinstance(views[0], BadImage):
            raise invalid(views[0].code, str(views[0]))
        outputs = iter(await served.batcher.infer([view for view in views if not isinstance(view, BadImage)]))
    return served.card, [view if isinstance(view, BadImage) else next(outputs) for view in views]


async def _decode(image: bytes | BadImage, card: ModelCard, settings: Settings) -> Pixels | BadImage:
    if isinstance(image, BadImage):
        return image
    return await asyncio.get_running_loop().run_in_executor(DECODE_POOL, decode_view, image, card, settings)


def decode_view(data: bytes, card: ModelCard, settings: Settings) -> Pixels | BadImage:
    """Decode a file into the view that the network sees; a BadImage for a file that cannot be used.

    A large JPEG is decoded at a fraction of its size, as it is when a dataset is prepared: a telephone's photograph
    takes a sixth of the time.
    """
    if len(data) > settings.max_image_bytes:
        return BadImage("file_too_large", f"An image file has at most {settings.max_image_bytes} bytes.")
    try:
        decoded = decode_image(data, settings.max_image_pixels, card.input.resize * DECODE_HEADROOM)
        return evaluation_view(decoded.image, card.input.size, card.input.resize, card.input.interpolation)
    except BadImage as error:
        return error


def prediction(output: Output, card: ModelCard, top: int) -> Prediction:
    """Probabilities from logits: softmax at the model's temperature."""
    if output.logits is None:
        raise ValueError("a model with classes has no logits")
    scaled = output.logits.astype(np.float64) / card.temperature
    probabilities = np.exp(scaled - scaled.max())
    probabilities /= probabilities.sum()
    order = np.argsort(-probabilities, kind="stable")[:top]
    top_classes = [Guess(label=card.classes[index], probability=float(probabilities[index])) for index in order]
    first = top_classes[0]
    return Prediction(label=first.label, confidence=first.probability, top=top_classes, unfamiliar=output.unfamiliar)


def _failure(image: BadImage) -> Failure:
    return Failure(error=ErrorDetail(code=image.code, message=str(image)))
