"""Refuse options that a job could not use; for requests, never for a spec that is stored already."""

from app.core.errors import FieldError, ServiceError
from app.core.specs import AskedSpec
from app.core.specs.option_usage import unused_options


def check_options(spec: AskedSpec) -> None:
    """Raise 422 `invalid_request` that points to each option without effect."""
    faults = [
        FieldError("/" + option.replace(".", "/"), f"This has no effect, so leave it out: {reason}.")
        for option, reason in unused_options(spec).items()
    ]
    if faults:
        detail = "; ".join(f"{fault.pointer}: {fault.message}" for fault in faults)
        raise ServiceError("invalid", "invalid_request", detail, faults)
