"""Holds answers of a server against its OpenAPI document."""

from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

import httpx
from jsonschema_rs import Draft202012Validator

# Headers that the document lists wherever they are sent; those that begin so, too.
NAMED = {"content-location", "etag", "location", "retry-after", "www-authenticate"}
PREFIXES = ("tus-", "upload-")
JSON = "application/json"


@dataclass
class DocumentedAnswers:
    """The document; the headers that have been seen (operation id, status and name), and the operations called."""

    document: dict[str, Any]
    seen: set[tuple[str, str, str]] = field(default_factory=set)
    called: set[str] = field(default_factory=set)

    def check(self, response: httpx.Response) -> None:
        """The answer is in the document, with its headers and its body. A hook for httpx."""
        response.read()
        self.check_headers(response)
        self.check_body(response)

    def operation(self, request: httpx.Request) -> dict[str, Any] | None:
        """The operation that a request asks for."""
        parts = request.url.path.split("/")
        for path, operations in self.document["paths"].items():
            if _matches(path.split("/"), parts) and request.method.lower() in operations:
                found: dict[str, Any] = operations[request.method.lower()]
                return found
        return None

    def check_headers(self, response: httpx.Response) -> None:
        """The answer has each header that is always sent, and none of NAMED that the document lacks. A hook for httpx.

        Passed over: answers to unknown paths and methods, and 500.
        """
        operation = self.operation(response.request)
        if operation is None or response.status_code == HTTPStatus.INTERNAL_SERVER_ERROR:
            return
        described = operation["responses"].get(str(response.status_code))
        assert described is not None, f"{operation['operationId']} does not document {response.status_code}"
        headers = {name.lower(): value for name, value in described.get("headers", {}).items()}
        sent = {name for name in response.headers if name in NAMED or name.startswith(PREFIXES)}
        always = {name for name, value in headers.items() if value["required"]}
        at = (operation["operationId"], str(response.status_code))
        assert always <= sent <= set(headers), f"{at}: {sorted(sent)} is sent, {sorted(headers)} documented"
        self.seen |= {(*at, name) for name in sent}

    def check_body(self, response: httpx.Response) -> None:
        """A JSON body follows its schema."""
        operation = self.operation(response.request)
        assert operation is not None, f"{response.request.url.path} is not in the document"
        self.called.add(operation["operationId"])
        content = operation["responses"][str(response.status_code)].get("content", {})
        if response.headers.get("content-type") == JSON:
            self.validate(content[JSON]["schema"], response.json())

    def validate(self, schema: dict[str, Any], value: Any) -> None:
        """A value follows a schema of the document."""
        whole = schema | {"components": self.document["components"]}
        Draft202012Validator(whole, validate_formats=True).validate(value)


def _matches(template: list[str], parts: list[str]) -> bool:
    return len(template) == len(parts) and all(
        here == there or here.startswith("{") for here, there in zip(template, parts, strict=True)
    )
