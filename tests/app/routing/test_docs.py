"""`/docs` shows every call, every error code and every kind of event, and the document lists the codes."""

import json
import re
from collections import Counter
from html import escape

from app.core.error_codes import ERROR_CODES, WARNING_CODES, problem_codes
from app.core.results.events import EVENTS
from app.core.settings import Settings
from app.jobs.examples import finetune
from app.main import create_app
from app.routing.docs import page
from app.routing.docs_html import text

DOCUMENT = create_app(Settings()).openapi()


def test_the_page_lists_codes_and_kinds() -> None:
    html = page(DOCUMENT)
    for name in (*ERROR_CODES, *WARNING_CODES, *EVENTS):
        assert f"<code>{name}</code>" in html
    assert all(text(row.meaning) in html for row in EVENTS.values())


def test_the_page_shows_every_call() -> None:
    html = page(DOCUMENT)
    operations = [operation for path in DOCUMENT["paths"].values() for operation in path.values()]
    assert all(f'<div id="{operation["operationId"]}">' in html for operation in operations)


def test_every_link_leads_to_one_place() -> None:
    html = page(DOCUMENT)
    anchors = Counter(re.findall(r' id="([^"]+)"', html))
    assert set(anchors.values()) == {1}
    assert set(re.findall(r'href="#([^"]+)"', html)) <= set(anchors)


def test_the_page_shows_examples_and_headers_of_answers() -> None:
    html = page(DOCUMENT)
    assert escape(json.dumps(finetune.FINETUNED, indent=2)) in html
    assert "<code>Upload-Offset</code>: bytes that have been received" in html


def test_the_document_lists_the_codes_of_problems() -> None:
    listed = DOCUMENT["components"]["schemas"]["Problem"]["properties"]["code"]["x-error-codes"]
    assert listed == dict(problem_codes())
    assert {"invalid_request", "dataset_not_found", "internal_error"} <= set(listed)
