"""A job's preprocessing is its initial model's, at the job's own image size."""

from app.core.database.tables import Model
from app.core.models.preprocessing import IMAGENET_MEAN, IMAGENET_STD, imagenet_input
from app.core.specs import Pretrain
from worker.data.preprocessing import from_input, job_preprocessing, model_preprocessing, to_input

INPUT = {"size": 64, "resize": 70, "mean": [0.1, 0.2, 0.3], "std": [0.4, 0.5, 0.6]}
MODEL = Model(id="mdl_1", input=INPUT)


def spec(size: int, init: str = "random") -> Pretrain:
    job = {"type": "pretrain", "dataset": "ds_1", "method": {"kind": "supervised"}}
    return Pretrain.model_validate({**job, "init": init, "image_size": size})


def test_from_random_weights_it_is_imagenets() -> None:
    view = job_preprocessing(spec(64), None)
    assert (view.size, view.mean, view.std) == (64, IMAGENET_MEAN, IMAGENET_STD)
    assert view == from_input(imagenet_input(64))
    assert view.resize > 64


def test_from_torchvisions_weights_it_is_theirs() -> None:
    view = job_preprocessing(spec(480, "EfficientNet_V2_L_Weights.DEFAULT"), None)
    assert (view.size, view.resize, view.interpolation) == (480, 480, "bicubic")
    assert (view.mean, view.std) == ((0.5, 0.5, 0.5), (0.5, 0.5, 0.5))
    smaller = job_preprocessing(spec(128, "Swin_T_Weights.IMAGENET1K_V1"), None)
    assert (smaller.size, smaller.resize, smaller.interpolation) == (128, round(128 * 232 / 224), "bicubic")


def test_a_model_hands_on_the_interpolation_of_the_weights_that_it_started_from() -> None:
    model = Model(id="mdl_2", input=INPUT | {"interpolation": "bicubic"})
    for size in (64, 96):
        assert job_preprocessing(spec(size), model).interpolation == "bicubic"


def test_from_a_model_it_is_the_models_own() -> None:
    view = model_preprocessing(MODEL)
    assert (view.size, view.resize, view.mean, view.std) == (
        64,
        70,
        (0.1, 0.2, 0.3),
        (0.4, 0.5, 0.6),
    )
    assert job_preprocessing(spec(64), MODEL) == view


def test_at_another_size_the_crop_keeps_its_share_of_the_image() -> None:
    view = job_preprocessing(spec(96), MODEL)
    assert (view.size, view.mean, view.std) == (96, (0.1, 0.2, 0.3), (0.4, 0.5, 0.6))
    assert view.resize == 96 * 70 / 64


def test_the_apis_fields_hold_all_of_it() -> None:
    view = model_preprocessing(MODEL)
    assert from_input(to_input(view)) == view
