"""An API key as it travels: `Authorization: Bearer key_<id>.<secret>`, the secret 256 random bits."""

import hashlib
import hmac
import secrets

SECRET_BYTES = 32
MAX_TOKEN_LENGTH = 200  # characters of a token; ours have 68


def new_secret() -> str:
    """Unguessable, in letters that need no quoting."""
    return secrets.token_urlsafe(SECRET_BYTES)


def digest(secret: str) -> str:
    """The stored digest of a secret. A fast hash is enough, since 256 random bits cannot be guessed."""
    return hashlib.sha256(secret.encode()).hexdigest()


def format_token(key_id: str, secret: str) -> str:
    """The token that the user sees once and sends with every request."""
    return f"{key_id}.{secret}"


def split_token(token: str) -> tuple[str, str]:
    """Id and secret of a token; what is no token has an id that no key has."""
    key_id, _, secret = token[:MAX_TOKEN_LENGTH].partition(".")
    return key_id, secret


def matches_digest(secret: str, stored: str) -> bool:
    """Compare a secret with a digest in constant time."""
    return hmac.compare_digest(digest(secret), stored)
