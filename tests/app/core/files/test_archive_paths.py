"""Names of files in an archive: their parts, which are skipped, which are images, and which are refused."""

import pytest

from app.core.files.archive_paths import (
    MAX_PART_LENGTH,
    MAX_PATH_LENGTH,
    is_system_file,
    looks_like_image,
    parts,
    path_error,
)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("cat/1.png", ("cat", "1.png")),
        (r"cat\1.png", ("cat", "1.png")),
        ("a//b/./c.png", ("a", "b", "c.png")),
        ("/a", ("/", "a")),
        ("a/../b", ("a", "..", "b")),
        ("", ()),
    ],
)
def test_parts_have_either_slash_between_them(name: str, expected: tuple[str, ...]) -> None:
    assert parts(name) == expected


@pytest.mark.parametrize(
    "name",
    [
        ".DS_Store",
        "cat/.hidden.png",
        ".git/cat.png",
        "__MACOSX/cat/1.png",
        r"__MACOSX\cat\._1.png",
        "cat/Thumbs.db",
        "cat/DESKTOP.INI",
    ],
)
def test_files_of_operating_systems_are_not_the_users(name: str) -> None:
    assert is_system_file(name)


@pytest.mark.parametrize(
    "name", ["cat/1.png", "./cat/1.png", "../cat/1.png", "thumbs.db/1.png", "cat/1.hidden.png", "macosx/1.png", ""]
)
def test_files_of_the_user(name: str) -> None:
    assert not is_system_file(name)


@pytest.mark.parametrize(
    ("name", "is_image"),
    [
        ("cat/1.png", True),
        ("cat/1.JPEG", True),
        ("cat/1.tar.webp", True),
        ("cat/1.txt", False),
        ("cat/png", False),
        ("cat.png/1", False),
        ("cat/.png", False),
        ("cat/1.png ", False),
        ("", False),
    ],
)
def test_an_image_is_known_by_its_suffix(name: str, is_image: bool) -> None:
    assert looks_like_image(name) == is_image


@pytest.mark.parametrize(
    "name",
    [
        "cat/1.png",
        "Größe/ñandú 🦤.jpg",
        "console/auxiliary.png",
        "com/lpt.png",
        "com10/1.png",
        "cat/..1.png",
        "a" * MAX_PART_LENGTH,
        "/".join(["a" * 99] * 10),
        "",
    ],
)
def test_a_name_as_it_should_be(name: str) -> None:
    assert path_error(name) is None


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("/etc/passwd", "absolute"),
        ("//host/share", "absolute"),
        (r"\\host\share", "absolute"),
        ("C:/cat.png", "absolute"),
        (r"c:\cat.png", "absolute"),
        ("c:cat.png", "absolute"),
        ("../cat.png", "leads out"),
        (r"cat\..\..\1.png", "leads out"),
        ("cat/..", "leads out"),
        ("a" * (MAX_PART_LENGTH + 1), "at most"),
        ("a/" * (MAX_PATH_LENGTH // 2) + "b", "at most"),
        ("con", "device"),
        ("AUX.png", "device"),
        ("cat/nul.tar.png", "device"),
        ("com1/1.png", "device"),
        ("conin$", "device"),
        ("cat\n/1.png", "cannot be shown"),
        ("cat\x00.png", "cannot be shown"),
        ("cat/\u202egnp.exe", "cannot be shown"),
        ("cat/\ud800.png", "cannot be shown"),
    ],
)
def test_a_name_that_is_refused(name: str, reason: str) -> None:
    said = path_error(name)
    assert said is not None
    assert reason in said
