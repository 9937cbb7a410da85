"""The files that requests leave in the data folder."""

import os

from app.core.settings import Settings


def files_in(settings: Settings) -> list[str]:
    """Every file and folder that uploads and imports have left.

    `os.walk` passes over a folder that is removed while it looks, on which `Path.rglob` fails.
    """
    walks = (os.walk(settings.data / name) for name in ("incoming", "uploads", "models", "datasets"))
    return [f"{at}/{name}" for walk in walks for at, folders, files in walk for name in (*folders, *files)]
