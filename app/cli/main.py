"""The `imprint` command."""

import logging
import os
import socket
import sys
from collections import Counter
from typing import Annotated

import typer

from app.cli import keys as keys
from app.cli.options import Data, database_errors, exit_with_error, settings_of
from app.cli.process_tree import Command, ProcessTree
from app.core.database import migrate as schema
from app.core.processes.cpu_count import count_cores
from app.core.processes.process_names import CELERY_APP, celery_node
from app.core.settings import Settings
from app.core.specs import LANES

# Workers stop their own children first; the tree waits a little longer than they do.
EXTRA_GRACE_SECONDS = 10.0
LOOPBACK = ("127.0.0.1", "::1", "localhost")

cli = typer.Typer(help="Imprint: self-hosted fine-tuning as a service for image models.", no_args_is_help=True)
cli.add_typer(keys.keys, name="keys")
cli.add_typer(keys.tenants, name="tenants")

Lanes = Annotated[
    str,
    typer.Option(
        help="Which lanes to work in: long (training), short (everything else). long,long: two trainings at a time."
    ),
]
EVERY_LANE = ",".join(sorted(set(LANES.values())))


def main() -> None:
    """The console script."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    logging.getLogger("alembic").setLevel(logging.WARNING)
    cli()


@cli.command()
def serve(host: str = "127.0.0.1", port: int = 8000, data: Data = None, lanes: Lanes = EVERY_LANE) -> None:
    """The whole service in one process tree: API and workers. Ctrl-C ends all of it."""
    settings = _require_keys(settings_of(data), host)
    _refuse_taken_port(host, port)
    _migrate(settings)
    _run([_api(settings, host, port), *workers(settings, lanes)], settings)


@cli.command()
def api(host: str = "127.0.0.1", port: int = 8000, data: Data = None) -> None:
    """The HTTP side alone."""
    settings = _require_keys(settings_of(data), host)
    _check(settings)
    _refuse_taken_port(host, port)
    _run([_api(settings, host, port)], settings)


@cli.command()
def worker(data: Data = None, lanes: Lanes = EVERY_LANE) -> None:
    """Workers alone. Start more on other machines to scale out."""
    settings = settings_of(data)
    _check(settings)
    _run(workers(settings, lanes), settings)


@cli.command()
def migrate(data: Data = None) -> None:
    """Bring the database to the newest schema."""
    _migrate(settings_of(data))


def _migrate(settings: Settings) -> None:
    with database_errors():
        schema.migrate(settings.resolved_database_url)


def _check(settings: Settings) -> None:
    """Refuse a database that this code may not work with, before anything has been started."""
    with database_errors():
        schema.check(settings.resolved_database_url)


def _require_keys(settings: Settings, host: str) -> Settings:
    """Keys are required beyond the loopback address, and there must be one that can make others."""
    if host in LOOPBACK and not settings.require_keys:
        return settings
    if not keys.admin_key_exists(settings):
        exit_with_error(
            f"refusing to listen on {host} without API keys. Make one first: imprint keys create NAME --scope admin"
        )
    return settings.model_copy(update={"require_keys": True})


def _refuse_taken_port(host: str, port: int) -> None:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            exit_with_error(f"cannot listen on {host}:{port}: {error.strerror}. Choose another with --port")


def _run(commands: list[Command], settings: Settings) -> None:
    raise typer.Exit(ProcessTree(commands, settings.grace_seconds + EXTRA_GRACE_SECONDS).run())


def _environment(settings: Settings) -> dict[str, str]:
    return {**os.environ, **settings.environment()}


def _api(settings: Settings, host: str, port: int) -> Command:
    arguments = [sys.executable, "-m", "app.server", host, str(port)]
    return Command("api", arguments, _environment(settings))


def workers(settings: Settings, lanes: str) -> list[Command]:
    """A process for the lanes that are named once: what their jobs import, above all torch, is in memory once.

    A lane that is named twice has two of its own, which share the cores.
    """
    counts = Counter(lane.strip() for lane in lanes.split(","))
    for lane in counts:
        if lane not in LANES.values():
            exit_with_error(f"there is no lane '{lane}'; there are {EVERY_LANE}")
    single = [lane for lane, times in counts.items() if times == 1]
    repeated = [(lane, number, times) for lane, times in counts.items() if times > 1 for number in range(1, times + 1)]
    shared = [_worker(settings, single)] if single else []
    return shared + [_worker(settings, [lane], number, times) for lane, number, times in repeated]


def _worker(settings: Settings, lanes: list[str], number: int = 1, of: int = 1) -> Command:
    """One of `of` workers of these lanes, with its share of the cores: trainings that want the same ones crawl."""
    queues = ",".join(lanes)
    options = (
        f"worker --pool threads --concurrency {len(lanes)} --queues {queues} --loglevel WARNING --without-gossip "
        "--without-mingle"
    )
    name = celery_node(lanes, number, os.getpid())
    arguments = [
        sys.executable,
        "-m",
        "celery",
        "--quiet",
        "-A",
        CELERY_APP,
        *options.split(),
        "--hostname",
        name,
    ]
    cores = {} if of == 1 else {"OMP_NUM_THREADS": str(max(1, count_cores() // of))}
    title = f"worker ({queues})" if of == 1 else f"worker ({queues} {number})"
    return Command(title, arguments, _environment(settings) | cores)


if __name__ == "__main__":
    main()
