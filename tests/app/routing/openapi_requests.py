"""Hooks for schemathesis (its `SCHEMATHESIS_HOOKS`)."""

from typing import Any

import schemathesis


@schemathesis.serializer("application/offset+octet-stream")
def piece(_context: Any, value: Any) -> Any:
    """A piece of an upload is bytes as they are."""
    return value if isinstance(value, bytes) else str(value).encode()
