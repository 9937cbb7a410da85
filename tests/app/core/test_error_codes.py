"""Every code that the source raises is listed, and every code that is listed is raised."""

import ast
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from app.core.error_codes import ERROR_CODES, WARNING_CODES
from app.core.errors import ServiceError
from app.core.jobs.transitions import RETRYABLE_ERRORS
from app.http.problems import HTTP_CODES
from tests.app.core.error_sites import RAISERS, Place, Site, Where, renamed, sites, takers
from worker.errors import JobError

ROOT = Path(__file__).resolve().parents[3]
EXAMPLES = {"examples", "response_examples"}
WARNINGS = "worker/jobs/prepare/warnings.py"
# Where a code is passed on that was made at another place.
FORWARDING: set[Where] = {
    ("app/core/errors.py", "conflict"),
    ("app/core/errors.py", "invalid"),
    ("app/core/errors.py", "not_found"),
    ("app/auth/authentication.py", "_unauthorized"),
    ("app/core/database/sessions.py", "is_full"),  # a code of the database's own
    ("app/core/jobs/leases.py", "fail"),
    ("app/core/jobs/leases.py", "resolve_orphaned"),
    ("app/datasets/service.py", "check_archive"),
    ("app/http/problems.py", "_http_error"),
    ("app/http/problems.py", "_service_error"),
    ("app/http/problems.py", "problem_response"),
    ("app/http/request_body.py", "body_limit"),
    ("app/models/weights.py", "read_classes"),
    ("app/predictions/service.py", "_failure"),
    ("app/predictions/service.py", "_infer"),
    ("worker/jobs/entry_point.py", "_fail"),
    ("worker/jobs/prepare/__main__.py", "_collect"),
    ("worker/jobs/prepare/__main__.py", "_record_rejections"),
    ("worker/jobs/prepare/collect.py", "_add_outcome"),
    ("worker/jobs/prepare/collect.py", "reject"),
    ("worker/jobs/prepare/decoding.py", "_pixels"),
    ("worker/jobs/rank.py", "_score"),
    ("worker/queue/supervisor.py", "_conclude"),
}


def files() -> Iterator[tuple[str, str]]:
    """Paths and contents, but for examples, which raise nothing; tests/app/http/test_response_examples.py has them."""
    for folder in ("app", "worker"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            if not EXAMPLES.intersection({path.stem, path.parent.name}):
                yield str(path.relative_to(ROOT)), path.read_text("utf-8")


@cache
def constants() -> dict[str, str]:
    """Module-level strings by name, but for names that mean several."""
    found: dict[str, set[str]] = defaultdict(set)
    for _, source in files():
        for node in ast.parse(source).body:
            match node:
                case ast.Assign(targets=[ast.Name(id=name)], value=ast.Constant(value=str(value))):
                    found[name].add(value)
    return {name: values.pop() for name, values in found.items() if len(values) == 1}


@cache
def everywhere() -> list[Site]:
    known = constants()
    return [site for path, source in files() if path != WARNINGS for site in sites(path, source, known)]


def test_the_source_and_the_list_are_equal() -> None:
    raised: dict[str, set[Place]] = defaultdict(set)
    for site in everywhere():
        if site.code is not None:
            assert site.places, f"{site}: say in error_sites.py where its code appears"
            raised[site.code] |= site.places
    for status, code in HTTP_CODES.items():
        raised[code].add(status)
    listed = {
        code: {*row.statuses, *(["job"] if row.job else []), *(["file"] if row.file else [])}
        for code, row in ERROR_CODES.items()
    }
    assert listed == raised


def test_no_code_is_computed_but_where_it_is_passed_on() -> None:
    assert {site.where for site in everywhere() if site.code is None} == FORWARDING


def test_nothing_hides_a_raiser() -> None:
    for path, source in files():
        assert renamed(source) == [], path


def test_every_callable_that_takes_a_code_is_known() -> None:
    passing_on = {"fail", "retry", "resolve_orphaned", "check_code", "exit_status"}
    found = set().union(*(takers(source) for _, source in files()))
    assert found == set(RAISERS) - {"not_found"} | passing_on


def test_the_source_and_the_list_of_warnings_are_equal() -> None:
    keys, converted = set(), constants()["CONVERTED"]
    for node in ast.walk(ast.parse((ROOT / WARNINGS).read_text("utf-8"))):
        match node:
            case ast.Assign(targets=[ast.Name(id="facts")], value=ast.Dict(keys=names)):
                keys |= {name.value for name in names if isinstance(name, ast.Constant)}
            case ast.Dict(keys=[ast.Constant(value="code"), *_], values=[ast.Name(id=name), *_]):
                keys |= {converted} if name == "CONVERTED" else set()
                assert name in ("CONVERTED", "code")
    assert keys == set(WARNING_CODES)


@pytest.mark.parametrize(
    ("line", "code", "places"),
    [
        ("raise invalid('a', 'm')", "a", {422}),
        ("raise invalid(message='m', code='a')", "a", {422}),
        ("raise errors.conflict('a', 'm')", "a", {409}),
        ("raise not_found('moon', i)", "moon_not_found", {404}),
        ("raise ServiceError('locked', 'a', 'm')", "a", {423}),
        ("return problem_response(503, 'a', 'm')", "a", {503}),
        ("raise JobError('a', 'm')", "a", {"job"}),
        ("error = {'code': 'a', 'message': 'm'}", "a", set()),
        ("close(code='a')", "a", set()),
        ("code = 'a'", "a", set()),
        ("def f():\n    code: str = 'a'", "a", set()),
        ("error['code'] = 'a'", "a", set()),
        ("def fail(session, code='a'): ...", "a", set()),
        ("raise JobError(code, 'm')", None, {"job"}),
        ("raise invalid(f'{a}_b', 'm')", None, {422}),
        ("raise not_found(thing, i)", None, {404}),
    ],
)
def test_a_site_is_found(line: str, code: str | None, places: set[Place]) -> None:
    found = list(sites("a.py", line, {}))
    assert [(site.code, site.places) for site in found] == [(code, places)]


@pytest.mark.parametrize(
    "line",
    [
        "from app.core.errors import invalid as bad",
        "class Bad(JobError): ...",
        "bad = JobError",
        "bad = partial(invalid, 'a')",
    ],
)
def test_a_hidden_raiser_is_found(line: str) -> None:
    assert len(renamed(line)) == 1


def test_what_is_not_listed_cannot_be_raised() -> None:
    with pytest.raises(ValueError, match="no_such_code"):
        ServiceError("invalid", "no_such_code", "m")
    with pytest.raises(ValueError, match="no_such_code"):
        JobError("no_such_code", "m")


def test_a_job_can_fail_for_each_reason_that_lets_it_resume() -> None:
    assert all(ERROR_CODES[code].job for code in RETRYABLE_ERRORS)
