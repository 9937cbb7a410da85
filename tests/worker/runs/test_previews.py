"""Previews are PNG files of the same images in every epoch."""

import io

import numpy as np
from PIL import Image

from tests.worker.synthetic_data import VIEW, packed_images
from worker.runs.previews import Preview
from worker.training.data.batches import LoaderOptions
from worker.training.methods.base import Method
from worker.training.methods.continuation import Continuation
from worker.training.methods.linear_probe import LinearProbe
from worker.training.methods.rotation import Rotation
from worker.training.models.backbones import build_backbone


def rotation() -> Rotation:
    network = build_backbone("squeezenet1_1", 4, 32, seed=0)
    return Rotation(network, VIEW, crop_scale=(0.5, 1.0), continuation=Continuation(), seed=0)


def preview(method: Method) -> Preview:
    feed = LoaderOptions(training=False, batch_size=4, seed=0, workers=0)
    return Preview(method, method.batches(packed_images([0] * 8), np.arange(8), feed))


def test_a_preview_is_a_png_and_the_same_every_time() -> None:
    shown = preview(rotation())
    first = shown.png()
    assert first is not None
    assert first == shown.png()
    with Image.open(io.BytesIO(first)) as image:
        assert image.format == "PNG"
        assert image.width > 32


def test_a_method_without_a_picture_has_no_preview() -> None:
    method = LinearProbe(build_backbone("squeezenet1_1", 2, 32, seed=0), VIEW, label_smoothing=0.0, class_weights=None)
    assert preview(method).png() is None


def test_a_preview_leaves_the_method_in_training_mode() -> None:
    method = rotation()
    method.train()
    preview(method).png()
    assert method.training
