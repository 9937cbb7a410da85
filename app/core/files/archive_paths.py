"""Names of the members of an archive: their meaning, and the names that are refused.

No file is written under such a name, so it can do no harm here; but class names are derived from it and passed on to
people and other machines.
"""

import re
from pathlib import PurePosixPath

IMAGE_SUFFIXES = frozenset(
    (".jpg", ".jpeg", ".jpe", ".png", ".webp", ".bmp", ".gif", ".tif", ".tiff", ".avif", ".ppm", ".pgm")
)
SYSTEM_FILES = frozenset(("thumbs.db", "desktop.ini"))
DRIVE = re.compile(r"^[a-zA-Z]:")
RESERVED_NAMES = re.compile(r"^(con|prn|aux|nul|com[0-9]|lpt[0-9]|conin\$|conout\$)(\.|$)", re.IGNORECASE)
MAX_PATH_LENGTH = 1000
MAX_PART_LENGTH = 200


def parts(name: str) -> tuple[str, ...]:
    """Split a name into folders and file, by slash or backslash."""
    return PurePosixPath(name.replace("\\", "/")).parts


def is_system_file(name: str) -> bool:
    """Return true if a file belongs to an operating system and not to the user."""
    path = parts(name)
    return any((part.startswith(".") and part not in (".", "..")) or part == "__MACOSX" for part in path) or (
        bool(path) and path[-1].lower() in SYSTEM_FILES
    )


def looks_like_image(name: str) -> bool:
    """Return true if the name has the suffix of an image."""
    return PurePosixPath(name).suffix.lower() in IMAGE_SUFFIXES


def path_error(name: str) -> str | None:
    """Return the reason, for people, for which a name is refused; None if it is accepted."""
    path = parts(name)
    if path[:1] in (("/",), ("//",)) or DRIVE.match(name):
        return "The name is an absolute path."
    if ".." in path:
        return "The name leads out of its folder."
    if len(name) > MAX_PATH_LENGTH or any(len(part) > MAX_PART_LENGTH for part in path):
        return f"A name has at most {MAX_PATH_LENGTH} characters, and {MAX_PART_LENGTH} between two slashes."
    if any(RESERVED_NAMES.match(part) for part in path):
        return "The name is that of a device on some systems."
    if not name.isprintable():
        return "The name holds characters that cannot be shown."
    return None
