"""`/docs` shows every call, every error code and every kind of event, and the document lists the codes."""

from html import escape

from app.core.error_codes import ERROR_CODES, WARNING_CODES, problem_codes
from app.core.results.events import EVENTS
from app.core.settings import Settings
from app.main import create_app
from app.routing.docs import page

DOCUMENT = create_app(Settings()).openapi()


def test_the_page_lists_codes_and_kinds() -> None:
    html = page(DOCUMENT)
    for name in (*ERROR_CODES, *WARNING_CODES, *EVENTS):
        assert f"<code>{name}</code>" in html
    assert all(escape(row.meaning) in html for row in EVENTS.values())


def test_the_page_shows_every_call() -> None:
    html = page(DOCUMENT)
    operations = [operation for path in DOCUMENT["paths"].values() for operation in path.values()]
    assert all(f'<details id="{operation["operationId"]}">' in html for operation in operations)


def test_the_document_lists_the_codes_of_problems() -> None:
    listed = DOCUMENT["components"]["schemas"]["Problem"]["properties"]["code"]["x-error-codes"]
    assert listed == dict(problem_codes())
    assert {"invalid_request", "dataset_not_found", "internal_error"} <= set(listed)
