"""Configuration of wake-ups, shared by the API's sender and the worker's receiver without importing Celery.

A message is only a wake-up that carries a job's id; the job's row is authoritative. Losing every message delays jobs by
seconds.
"""

from pathlib import Path
from typing import Any

from app.core.settings import Settings

TASK_NAME = "imprint.work"
POLL_SECONDS = 0.2
SEND_TIMEOUT_SECONDS = 3


def celery_config(settings: Settings) -> dict[str, Any]:
    """Build Celery's configuration for both sides; creates the folders of the filesystem transport if it is used."""
    url = settings.resolved_broker_url
    return {
        "broker_url": url,
        "broker_transport_options": _filesystem_options(settings.data)
        if url.startswith("filesystem")
        else _redis_options(),
        "broker_connection_retry_on_startup": True,
        "broker_connection_max_retries": None,
        "accept_content": ["json"],
        "task_serializer": "json",
        "task_ignore_result": True,
        "task_acks_late": False,
        "worker_prefetch_multiplier": 1,
        "worker_enable_remote_control": False,
        "worker_send_task_events": False,
        "worker_hijack_root_logger": False,
        "worker_cancel_long_running_tasks_on_connection_loss": False,
    }


def _filesystem_options(data: Path) -> dict[str, Any]:
    messages, control = data.resolve() / "broker" / "messages", data.resolve() / "broker" / "control"
    for folder in (messages, control):
        folder.mkdir(parents=True, exist_ok=True)
    return {
        "data_folder_in": str(messages),
        "data_folder_out": str(messages),
        "control_folder": str(control),
        "polling_interval": POLL_SECONDS,
    }


def _redis_options() -> dict[str, Any]:
    return {"socket_timeout": SEND_TIMEOUT_SECONDS * 10, "socket_connect_timeout": SEND_TIMEOUT_SECONDS}
