"""Specs as a request or a stored row has them."""

from typing import Any

import pytest
from pydantic import ValidationError

from app.core.specs import SPEC, Finetune, Pretrain


def finetune(**fields: Any) -> Finetune:
    spec = SPEC.validate_python({"type": "finetune", "dataset": "ds_1", **fields})
    assert isinstance(spec, Finetune)
    return spec


def pretrain(**fields: Any) -> Pretrain:
    spec = SPEC.validate_python({"type": "pretrain", "dataset": "ds_1", "method": {"kind": "supervised"}, **fields})
    assert isinstance(spec, Pretrain)
    return spec


def faults(body: dict[str, Any]) -> list[str]:
    """The errors of a spec in pydantic's words; there must be some."""
    with pytest.raises(ValidationError) as caught:
        SPEC.validate_python(body)
    return [str(error["msg"]).removeprefix("Value error, ") for error in caught.value.errors()]
