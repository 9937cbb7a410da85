"""Tokens of API keys: their secrets, their digests, and their two parts."""

import base64
import re

import pytest

from app.auth.tokens import (
    MAX_TOKEN_LENGTH,
    SECRET_BYTES,
    digest,
    format_token,
    matches_digest,
    new_secret,
    split_token,
)
from app.core.ids import new_id


def test_a_secret_is_256_random_bits_that_need_no_quoting() -> None:
    secret = new_secret()
    assert re.fullmatch(r"[A-Za-z0-9_-]+", secret)
    assert len(base64.urlsafe_b64decode(secret + "=")) == SECRET_BYTES == 32
    assert len({new_secret() for _ in range(100)}) == 100


def test_a_token_is_split_into_the_parts_that_it_is_made_of() -> None:
    key_id, secret = new_id("key"), new_secret()
    token = format_token(key_id, secret)
    assert split_token(token) == (key_id, secret)
    assert len(token) < MAX_TOKEN_LENGTH


@pytest.mark.parametrize(
    ("token", "parts"),
    [
        ("", ("", "")),
        ("key_1", ("key_1", "")),
        ("key_1.", ("key_1", "")),
        (".secret", ("", "secret")),
        ("key_1.a.b", ("key_1", "a.b")),
    ],
)
def test_what_is_no_token_has_an_empty_part_or_a_wrong_secret(token: str, parts: tuple[str, str]) -> None:
    assert split_token(token) == parts


def test_no_more_than_the_longest_token_is_looked_at() -> None:
    assert split_token("x" * 1_000_000) == ("x" * MAX_TOKEN_LENGTH, "")
    key_id, secret = split_token("." * 1_000_000)
    assert len(key_id) + len(secret) < MAX_TOKEN_LENGTH


def test_a_digest_matches_its_own_secret_alone() -> None:
    secret = new_secret()
    stored = digest(secret)
    assert secret not in stored
    assert matches_digest(secret, stored)
    for other in ("", secret[:-1], f"{secret}x", secret.swapcase(), new_secret(), stored):
        assert not matches_digest(other, stored)


def test_a_secret_of_any_letters_can_be_compared() -> None:
    """A header is read as latin-1; `hmac.compare_digest` takes text of ASCII alone."""
    assert not matches_digest("é\xff", digest("e"))
