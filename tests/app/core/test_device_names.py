"""The names of devices that settings and job specs take."""

import pytest
from pydantic import TypeAdapter, ValidationError

from app.core.device_names import Device

DEVICE = TypeAdapter[str](Device)


@pytest.mark.parametrize("name", ["auto", "cpu", "mps", "cuda", "cuda:0", "cuda:12"])
def test_a_device(name: str) -> None:
    assert DEVICE.validate_python(name) == name


@pytest.mark.parametrize(
    "name", ["", "CPU", "cuda:", "cuda:-1", "cuda:a", "cuda0", " cpu", "cpu\n", "cpu:0", "mps:0", "tpu", "autocpu", 0]
)
def test_no_device(name: object) -> None:
    with pytest.raises(ValidationError):
        DEVICE.validate_python(name)
