"""What every worker process needs: settings, database, storage."""

import os
import socket
from dataclasses import dataclass

from app.core.database.sessions import Database
from app.core.files.storage import Storage
from app.core.settings import Settings
from app.core.settings_environment import load_settings


@dataclass(frozen=True)
class Context:
    """Opened once per process."""

    settings: Settings
    database: Database
    storage: Storage

    @classmethod
    def open(cls) -> "Context":
        """Open from the environment's settings."""
        settings = load_settings()
        return cls(settings, Database(settings.resolved_database_url), Storage(settings.data))


def owner() -> str:
    """The lease owner's name, for people to read: host and process id."""
    return f"{socket.gethostname()}:{os.getpid()}"
