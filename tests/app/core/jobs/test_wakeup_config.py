"""The configuration that the API's publisher and the workers share."""

from pathlib import Path

import pytest

from app.core.jobs.wakeup_config import celery_config
from app.core.settings import Settings


def test_without_a_broker_messages_are_files_of_the_data_folder(tmp_path: Path) -> None:
    config = celery_config(Settings(data=tmp_path))
    options = config["broker_transport_options"]
    assert config["broker_url"].startswith("filesystem://")
    assert options["data_folder_in"] == options["data_folder_out"]
    for name in ("data_folder_in", "control_folder"):
        assert Path(options[name]).is_dir()
        assert Path(options[name]).is_relative_to(tmp_path)
    assert celery_config(Settings(data=tmp_path)) == config  # the folders may be there


def test_the_folders_do_not_depend_on_where_a_process_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    relative = celery_config(Settings(data=Path("data")))
    assert relative == celery_config(Settings(data=tmp_path / "data"))
    assert Path(relative["broker_transport_options"]["data_folder_in"]).is_absolute()


def test_redis_is_waited_for_a_while_and_needs_no_folder(tmp_path: Path) -> None:
    config = celery_config(Settings(data=tmp_path / "data", broker_url="redis://127.0.0.1:1/0"))
    options = config["broker_transport_options"]
    assert config["broker_url"] == "redis://127.0.0.1:1/0"
    assert 0 < options["socket_connect_timeout"] < options["socket_timeout"]
    assert not (tmp_path / "data").exists()


def test_only_json_is_sent_and_read(tmp_path: Path) -> None:
    config = celery_config(Settings(data=tmp_path))
    assert (config["accept_content"], config["task_serializer"]) == (["json"], "json")


def test_a_worker_takes_one_message_at_a_time_and_keeps_no_result(tmp_path: Path) -> None:
    config = celery_config(Settings(data=tmp_path))
    assert config["worker_prefetch_multiplier"] == 1
    assert config["task_ignore_result"]
    assert not config["task_acks_late"]  # a message that is lost costs seconds; one that is kept comes twice
