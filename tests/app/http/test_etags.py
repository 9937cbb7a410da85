"""`If-None-Match` against an ETag (RFC 9110, 13.1.2)."""

import pytest

from app.http.etags import matches

ETAG = '"abc"'


@pytest.mark.parametrize("header", ['"abc"', 'W/"abc"', '"x", "abc"', '"x",W/"abc" , "y"', "*", " * "])
def test_a_header_that_names_the_tag(header: str) -> None:
    assert matches(header, ETAG)


@pytest.mark.parametrize("header", ["", '"x"', "abc", '"ABC"', 'w/"abc"', '"abcd"', '"*"', '"x", *', '"abc'])
def test_a_header_that_does_not(header: str) -> None:
    assert not matches(header, ETAG)
