"""An example of each successful answer, by operation id, for the OpenAPI document."""

from typing import Any

RESPONSE_EXAMPLES: dict[str, Any] = {}
