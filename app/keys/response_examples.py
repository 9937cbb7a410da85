"""Examples of answers about keys."""

from app.http.response_examples import KEY, listing

VALID = {
    "object": "key",
    "id": KEY,
    "tenant": "local",
    "name": "laptop",
    "scope": "write",
    "created_at": "2026-11-29T10:31:16.016Z",
    "expires_at": None,
    "revoked_at": None,
}
NEW = VALID | {"token": f"{KEY}.the-secret-part-which-is-shown-once-0123456789"}
REVOKED = VALID | {"revoked_at": "2026-11-29T10:31:31.115Z"}
LIST = listing(VALID)
