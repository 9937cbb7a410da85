"""A job's preprocessing is its initial model's, at the job's own image size."""

from app.core.database.tables import Model
from app.core.models.preprocessing import IMAGENET_MEAN, IMAGENET_STD
from app.core.specs import Pretrain
from worker.data.preprocessing import (
    from_input,
    imagenet_preprocessing,
    job_preprocessing,
    model_preprocessing,
    to_input,
)

INPUT = {"size": 64, "resize": 70, "mean": [0.1, 0.2, 0.3], "std": [0.4, 0.5, 0.6]}
MODEL = Model(id="mdl_1", input=INPUT)


def spec(size: int) -> Pretrain:
    method = {"kind": "supervised"}
    return Pretrain.model_validate({"type": "pretrain", "dataset": "ds_1", "method": method, "image_size": size})


def test_from_random_weights_it_is_imagenets() -> None:
    view = job_preprocessing(spec(64), None)
    assert (view.size, view.mean, view.std) == (64, IMAGENET_MEAN, IMAGENET_STD)
    assert view == imagenet_preprocessing(64)
    assert view.resize > 64


def test_pretrained_weights_of_torchvision_see_224_pixels() -> None:
    assert imagenet_preprocessing().size == 224


def test_from_a_model_it_is_the_models_own() -> None:
    view = model_preprocessing(MODEL)
    assert (view.size, view.resize, view.mean, view.std) == (
        64,
        70,
        (0.1, 0.2, 0.3),
        (0.4, 0.5, 0.6),
    )
    assert job_preprocessing(spec(64), MODEL) == view


def test_at_another_size_only_the_normalisation_is_the_models() -> None:
    view = job_preprocessing(spec(96), MODEL)
    assert (view.size, view.mean, view.std) == (96, (0.1, 0.2, 0.3), (0.4, 0.5, 0.6))
    assert view.resize == imagenet_preprocessing(96).resize


def test_the_apis_fields_hold_all_of_it() -> None:
    view = model_preprocessing(MODEL)
    assert from_input(to_input(view)) == view
