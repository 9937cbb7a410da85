"""Pydantic's validation errors as instructions, for the API's responses and the settings' report at start.

Pydantic's own messages ("Input should be ...") name neither the field nor the remedy, and change between releases.
"""

import difflib
from collections.abc import Callable, Collection, Mapping
from typing import Any

Error = Mapping[str, Any]  # one entry of pydantic's `ValidationError.errors()`

VALUE_ERROR_PREFIXES = ("Value error, ", "Assertion failed, ")
LONGEST_SHOWN = 60  # characters of a wrong value

# What JSON calls a value of this Python type.
JSON_TYPES: dict[type, str] = {
    bool: "true or false",
    int: "a number",
    float: "a number",
    str: "a string",
    list: "a list",
    dict: "an object",
    type(None): "null",
}

MUST_BE = {
    "none_required": "null",
    "finite_number": "a finite number",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "float_parsing": "a number",
    "string_type": "a string",
    "string_unicode": "a string of valid UTF-8",
    "list_type": "a list",
    "tuple_type": "a list",
    "set_type": "a list",
    "frozen_set_type": "a list",
    "iterable_type": "a list",
    "dict_type": "an object",
    "model_type": "an object",
    "model_attributes_type": "an object",
    "mapping_type": "an object",
    "date_type": "a date as YYYY-MM-DD",
    "date_parsing": "a date as YYYY-MM-DD",
    "datetime_type": "a time as RFC 3339 has it, for example 2030-01-31T12:00:00Z",
    "datetime_parsing": "a time as RFC 3339 has it, for example 2030-01-31T12:00:00Z",
    "datetime_from_date_parsing": "a time as RFC 3339 has it, for example 2030-01-31T12:00:00Z",
    "datetime_object_invalid": "a time as RFC 3339 has it, for example 2030-01-31T12:00:00Z",
    "timezone_aware": "a time with its offset from UTC, for example 2030-01-31T12:00:00Z",
    "timezone_naive": "a time without an offset from UTC",
    "path_type": "a path",
    "url_type": "a URL",
    "url_parsing": "a URL",
}

# With the error's own bounds filled in.
WITH_BOUNDS = {
    "greater_than": "must be greater than {gt}",
    "greater_than_equal": "must be {ge} or more",
    "less_than": "must be less than {lt}",
    "less_than_equal": "must be {le} or less",
    "multiple_of": "must be a multiple of {multiple_of}",
    "too_short": "must have at least {min_length} entries, not {actual_length}",
    "too_long": "may have at most {max_length} entries",
    "string_too_short": "must have at least {min_length} characters",
    "string_too_long": "may have at most {max_length} characters",
    "string_pattern_mismatch": "must match the pattern {pattern}",
    "int_parsing_size": "is a number with too many digits",
    "literal_error": "must be one of {expected}",
    "enum": "must be one of {expected}",
    "union_tag_invalid": "must be one of {expected_tags}",
}

# The type of the value is not what is wrong here, so the value is not shown.
SAYS_NO_VALUE = frozenset(WITH_BOUNDS) - {"literal_error", "enum", "union_tag_invalid"}


def explain(error: Error, subject: str, place: str = "", known: Collection[str] = ()) -> str:
    """Word an error as one sentence that says what to change.

    Args:
        error: one of pydantic's errors.
        subject: name of the value, ready to begin a sentence: `'epochs'`.
        place: name of the object that contains the field; empty for the outermost one.
        known: the fields of that object, for "did you mean".

    Returns:
        The sentence.
    """
    kind = str(error["type"])
    if kind in ("value_error", "assertion_error"):
        return own_message(error)
    if kind in SENTENCES:
        return SENTENCES[kind](error, subject, place, known)
    if kind in MUST_BE:
        return f"{subject} must be {MUST_BE[kind]}{_not_what_it_is(error)}."
    if kind in WITH_BOUNDS:
        rule = WITH_BOUNDS[kind].format_map(_bounds(error))
        return f"{subject} {rule}{'' if kind in SAYS_NO_VALUE else _not_what_it_is(error)}."
    return f"{subject} has a value that is not possible here{_shown(error)}."


def own_message(error: Error) -> str:
    """Return the message of a ValueError that one of our validators raised."""
    message = str(error["msg"])
    for prefix in VALUE_ERROR_PREFIXES:
        message = message.removeprefix(prefix)
    return message


def did_you_mean(name: str, known: Collection[str]) -> str:
    """Suggest a known name for an unknown one.

    Args:
        name: the unknown name.
        known: the known names.

    Returns:
        ` Did you mean 'x'?`, or an empty string if no known name is similar.
    """
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.5) or _with_the_same_words(name, known)
    return f" Did you mean '{near[0]}'?" if near else ""


def alternatives(name: str, known: Collection[str]) -> str:
    """` Did you mean 'x'?`, or a list of all known names where none is near."""
    return did_you_mean(name, known) or (f" There are: {', '.join(known)}." if known else "")


def _with_the_same_words(name: str, known: Collection[str]) -> list[str]:
    """Names whose initials are `name`, as `lr` for `learning_rate`, or that contain it as a word, as `rate`."""
    words = {other: other.lower().split("_") for other in known}
    short = name.lower()
    return [
        other for other, parts in words.items() if short == "".join(part[0] for part in parts if part) or short in parts
    ]


def _unknown(error: Error, _subject: str, place: str, known: Collection[str]) -> str:
    name = str(error["loc"][-1]) if error["loc"] else ""
    where = f" in {place}" if place else " here"
    return f"There is no field '{name}'{where}.{alternatives(name, known)}"


def _missing(_error: Error, subject: str, _place: str, _known: Collection[str]) -> str:
    return f"{subject} is required."


def _no_tag(error: Error, _subject: str, _place: str, _known: Collection[str]) -> str:
    return f"{discriminator(error)} is required."


def discriminator(error: Error) -> str:
    """Return the field that selects the member of a union, in quotes."""
    return str(error["ctx"]["discriminator"])


def _not_json(_error: Error, _subject: str, _place: str, _known: Collection[str]) -> str:
    return "The body is not valid JSON."


SENTENCES: dict[str, Callable[[Error, str, str, Collection[str]], str]] = {
    "extra_forbidden": _unknown,
    "missing": _missing,
    "union_tag_not_found": _no_tag,
    "json_invalid": _not_json,
}


def _bounds(error: Error) -> dict[str, str]:
    """The error's context, with numbers formatted for people."""
    return {name: f"{value:.15g}" if isinstance(value, float) else str(value) for name, value in error["ctx"].items()}


def _not_what_it_is(error: Error) -> str:
    if error["type"] == "union_tag_invalid":
        return f", not '{_short(str(error['ctx']['tag']))}'"
    if "input" not in error:
        return ""
    value = error["input"]
    if isinstance(value, str | int | float):
        return f", not {_written(value)}"
    return f", not {JSON_TYPES.get(type(value), 'this')}"


def _shown(error: Error) -> str:
    value = error.get("input")
    return f": {_written(value)}" if isinstance(value, str | int | float) else ""


def _written(value: str | float) -> str:
    """Format a scalar as in JSON, shortened."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return f"'{_short(value)}'" if isinstance(value, str) else _short(str(value))


def _short(text: str) -> str:
    return text if len(text) <= LONGEST_SHOWN else f"{text[:LONGEST_SHOWN]}..."
