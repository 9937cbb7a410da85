"""Ids with a prefix for the kind of resource: `ds_`, `job_`, `mdl_`."""

import secrets

ALPHABET = "0123456789abcdefghijkmnpqrstuvwxyz"  # without l and o, which are misread
LENGTH = 20  # 34**20 > 2**100: cannot be guessed, no collisions


def new_id(prefix: str) -> str:
    """Generate a random id, as in `job_7c4e...`."""
    return f"{prefix}_" + "".join(secrets.choice(ALPHABET) for _ in range(LENGTH))
