"""From images to answers: decode in threads, ask the network in batches, word what it says."""

import asyncio
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from app.context import Context
from app.core.errors import conflict, invalid
from app.core.files.images import DECODE_HEADROOM, BadImage, Pixels, decode_image, evaluation_view
from app.core.processes.cpu_count import count_cores
from app.core.settings import Settings
from app.http.responses import ErrorDetail
from app.predictions.inputs import Inputs
from app.predictions.readiness import Choice
from app.predictions.schemas import Embedding, EmbeddingResponse, Failure, Guess, Prediction, PredictionResponse
from app.serving.batching import Output
from app.serving.loaded_model import Card

# A decoded photograph takes 4 bytes for each of up to 64 million pixels: never more at a time than there are cores.
DECODERS = ThreadPoolExecutor(count_cores(), thread_name_prefix="decoder")

Seen = Output | BadImage


async def predict(context: Context, model: Choice, inputs: Inputs, top: int) -> PredictionResponse:
    """Each image's most probable classes. 409 `model_has_no_classes`."""
    if not model.has_classes:
        raise conflict("model_has_no_classes", "The model tells no classes apart; ask for /embeddings.")
    with context.observed.predictions.labels("prediction").time():
        card, seen = await _see(context, model.id, inputs)
    results = [_failure(each) if isinstance(each, BadImage) else prediction(each, card, top) for each in seen]
    return PredictionResponse(model=model.id, results=results)


async def embed(context: Context, model: Choice, inputs: Inputs) -> EmbeddingResponse:
    """Each image's features."""
    with context.observed.predictions.labels("embedding").time():
        _, seen = await _see(context, model.id, inputs)
    results = [
        _failure(each) if isinstance(each, BadImage) else Embedding(embedding=each.features.tolist()) for each in seen
    ]
    return EmbeddingResponse(model=model.id, results=results)


async def _see(context: Context, model_id: str, inputs: Inputs) -> tuple[Card, list[Seen]]:
    served = await context.predictor.served(model_id)
    with served.batcher.room(len(inputs.images)):
        views = await asyncio.gather(*(_view(image, served.card, context.settings) for image in inputs.images))
        if inputs.single and isinstance(views[0], BadImage):
            raise invalid(views[0].code, str(views[0]))
        outputs = iter(await served.batcher.outputs([view for view in views if not isinstance(view, BadImage)]))
    return served.card, [view if isinstance(view, BadImage) else next(outputs) for view in views]


async def _view(image: bytes | BadImage, card: Card, settings: Settings) -> Pixels | BadImage:
    if isinstance(image, BadImage):
        return image
    return await asyncio.get_running_loop().run_in_executor(DECODERS, view_of, image, card, settings)


def view_of(data: bytes, card: Card, settings: Settings) -> Pixels | BadImage:
    """What the network sees of a file, or what is wrong with the file.

    A large JPEG is decoded at a fraction of its size, as it is when a dataset is prepared: a telephone's photograph
    takes a sixth of the time.
    """
    if len(data) > settings.max_image_bytes:
        return BadImage("file_too_large", f"An image file has at most {settings.max_image_bytes} bytes.")
    try:
        found = decode_image(data, settings.max_image_pixels, card.resize * DECODE_HEADROOM)
        return evaluation_view(found.image, card.size, card.resize)
    except BadImage as error:
        return error


def prediction(output: Output, card: Card, top: int) -> Prediction:
    """Probabilities from logits: softmax at the model's temperature."""
    if output.logits is None:
        raise ValueError("a model with classes has no logits")
    scaled = output.logits.astype(np.float64) / card.temperature
    shares = np.exp(scaled - scaled.max())
    shares /= shares.sum()
    order = np.argsort(-shares, kind="stable")[:top]
    guesses = [Guess(label=card.classes[at], probability=float(shares[at])) for at in order]
    first = guesses[0]
    return Prediction(label=first.label, confidence=first.probability, top=guesses, unfamiliar=output.unfamiliar)


def _failure(image: BadImage) -> Failure:
    return Failure(error=ErrorDetail(code=image.code, message=str(image)))
