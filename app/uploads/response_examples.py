"""Examples of answers about uploads in pieces."""

from app.datasets.response_examples import READY
from app.http.response_examples import UPLOAD

BEGUN = {
    "object": "upload",
    "id": UPLOAD,
    "name": READY["name"],
    "length": READY["bytes"],
    "offset": 0,
    "dataset": None,
    "created_at": "2026-11-29T10:20:34.385Z",
    "expires_at": "2026-11-30T10:20:34.362Z",
}
UNDER_WAY = BEGUN | {"offset": 65536, "expires_at": "2026-11-30T10:20:34.426Z"}
