"""Ids with a prefix that says what they name: `ds_`, `job_`, `mdl_`."""

import secrets

ALPHABET = "0123456789abcdefghijkmnpqrstuvwxyz"  # no l and no o: they are misread
LENGTH = 20  # 34**20 > 2**100: never guessed, never met twice


def new_id(prefix: str) -> str:
    """A fresh id, as in `job_7c4e...`."""
    return f"{prefix}_" + "".join(secrets.choice(ALPHABET) for _ in range(LENGTH))
