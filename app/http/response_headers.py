"""Response headers as the OpenAPI document describes them.

A header is `required` in the document where each answer of its status has it.
"""

from typing import Any

Headers = dict[str, dict[str, Any]]


def header(description: str, **schema: Any) -> dict[str, Any]:
    """Describe a header that is always sent.

    Args:
        description: meaning and unit of its value.
        schema: JSON schema of its value; a string by default.
    """
    return {"description": description, "required": True, "schema": {"type": "string"} | schema}


def sometimes(headers: Headers, when: str) -> Headers:
    """Describe the same headers where some answers of the status lack them; `when` says which have them."""
    return {
        name: {**value, "description": f"{value['description']}; {when}", "required": False}
        for name, value in headers.items()
    }


LOCATION = {"Location": header("path of what was created")}
RETRY_AFTER = {"Retry-After": header("seconds until asking again makes sense", type="integer")}
ETAG = {"ETag": header("names the content: send it as `If-None-Match` to get 304 while it has not changed")}
WWW_AUTHENTICATE = {"WWW-Authenticate": header("the scheme of the key to send", const="Bearer")}
