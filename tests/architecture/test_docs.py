"""The documents name files, headings and symbols that exist."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
README_LINES = 100
DOCUMENTS = ["README.md", "CONTRIBUTING.md", *sorted(str(path.relative_to(ROOT)) for path in ROOT.glob("docs/**/*.md"))]
FOLDERS = ("app", "benchmarks", "docs", "examples", "migrations", "requirements", "tests", "worker")
PATH = re.compile(rf"(?<![\w/$.-])((?:{'|'.join(FOLDERS)})/[\w./*-]*)")
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
PLACEHOLDER = re.compile(r"NAME|\bname\.|/name|new_")  # of the templates in CONTRIBUTING.md
SYMBOL = re.compile(r"`([\w/.]+\.py)` `(\w+)`")

each_document = pytest.mark.parametrize("document", DOCUMENTS)


def text(document: str) -> str:
    return (ROOT / document).read_text("utf-8")


def prose(document: str) -> str:
    """The text without blocks of code, whose paths may be of the reader's own machine."""
    return re.sub(r"```.*?```", "", text(document), flags=re.DOTALL)


def anchors(document: str) -> set[str]:
    """The anchors of the headings, as GitHub makes them."""
    headings = HEADING.findall(prose(document))
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def exists(path: str) -> bool:
    """Return whether the repository has this file, folder or glob."""
    return bool(list(ROOT.glob(path.rstrip("/.")))) if "*" in path else (ROOT / path).exists()


def missing_paths(document: str) -> list[str]:
    named = [
        path.rstrip(".") for quoted in re.findall(r"`([^`\n]+)`", prose(document)) for path in PATH.findall(quoted)
    ]
    return [path for path in named if not PLACEHOLDER.search(path) and not exists(path)]


def broken_links(document: str) -> list[str]:
    broken = []
    for link in LINK.findall(prose(document)):
        path, _, anchor = link.partition("#")
        if "://" in link:
            continue
        target = ((ROOT / document).parent / path).resolve() if path else ROOT / document
        known = anchors(str(target.relative_to(ROOT))) if target.suffix == ".md" and target.exists() else set()
        if not target.exists() or (anchor and anchor not in known):
            broken.append(link)
    return broken


def test_the_readme_stays_short() -> None:
    assert len(text("README.md").splitlines()) <= README_LINES


@each_document
def test_every_path_in_backticks_exists(document: str) -> None:
    assert missing_paths(document) == []


@each_document
def test_every_relative_link_resolves(document: str) -> None:
    assert broken_links(document) == []


@each_document
def test_every_named_symbol_is_in_its_file(document: str) -> None:
    named = SYMBOL.findall(text(document))
    assert [(path, name) for path, name in named if not re.search(rf"\b{name}\b", text(path))] == []


@pytest.mark.parametrize("folder", ["tutorial", "how-to", "reference", "explanation"])
def test_every_page_is_in_the_index(folder: str) -> None:
    index = text("docs/README.md")
    assert [
        path.name for path in sorted(ROOT.glob(f"docs/{folder}/*.md")) if f"({folder}/{path.name})" not in index
    ] == []


def test_a_missing_path_and_a_broken_link_are_found(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("tests.architecture.test_docs.ROOT", tmp_path)
    (tmp_path / "page.md").write_text("# One\n`app/gone.py` [here](#one) [gone](gone.md) [wrong](#two)\n")
    assert missing_paths("page.md") == ["app/gone.py"]
    assert broken_links("page.md") == ["gone.md", "#two"]
