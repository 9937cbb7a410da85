"""Generate load on one URL from a separate process, which shares no interpreter with the measuring one.

python -m benchmarks.load URL FILE TYPE closed CLIENTS SECONDS    each client sends its next request once answered
python -m benchmarks.load URL FILE TYPE open RATE SECONDS         RATE requests a second, answered or not

A request is a POST of the file with this content type, or a GET where both are "-". Prints JSON: of each request its
status (0: no answer), when it was due, and the seconds from then to its answer.
"""

import asyncio
import gc
import json
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import aiohttp

ROOT = Path(__file__).resolve().parents[1]
Ask = Callable[[], Awaitable[int]]
PATIENCE = aiohttp.ClientTimeout(total=60)


@dataclass(frozen=True)
class Reply:
    """A response: `due`, in seconds since the load began, and `seconds` from then to the response."""

    status: int
    due: float
    seconds: float


@dataclass(frozen=True)
class HttpRequest:
    """A POST of a file, or a GET without one."""

    url: str
    file: Path | None = None
    media_type: str = "image/jpeg"

    @property
    def arguments(self) -> list[str]:
        """The request as arguments of this module."""
        return [self.url, *(("-", "-") if self.file is None else (str(self.file), self.media_type))]


def load(request: HttpRequest, kind: str, amount: float, seconds: float) -> list[Reply]:
    """Run a load in another process; all replies."""
    command = [sys.executable, "-m", "benchmarks.load", *request.arguments, kind, str(amount), str(seconds)]
    told = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE)
    return [Reply(*row) for row in json.loads(told.stdout)]


async def closed(ask: Ask, clients: int, seconds: float) -> list[Reply]:
    """A closed loop: `clients` clients with one request at a time each."""
    began = time.monotonic()

    async def client() -> list[Reply]:
        replies = []
        while (due := time.monotonic() - began) < seconds:
            replies.append(await reply(ask, began, due))
        return replies

    return [each for replies in await asyncio.gather(*(client() for _ in range(clients))) for each in replies]


async def opened(ask: Ask, rate: float, seconds: float) -> list[Reply]:
    """An open loop: a request every 1 / rate seconds, independent of those before it."""
    began, asked = time.monotonic(), []
    for number in range(round(rate * seconds)):
        due = number / rate
        await asyncio.sleep(max(0.0, began + due - time.monotonic()))
        asked.append(asyncio.create_task(reply(ask, began, due)))
    return list(await asyncio.gather(*asked))


async def reply(ask: Ask, began: float, due: float) -> Reply:
    """Send one request and time it."""
    try:
        status = await ask()
    except (aiohttp.ClientError, TimeoutError):
        status = 0
    return Reply(status, due, time.monotonic() - began - due)


def asking(session: aiohttp.ClientSession, url: str, file: str, media_type: str) -> Ask:
    """A function that sends the request and returns the status."""
    content = None if file == "-" else Path(file).read_bytes()
    headers = {} if content is None else {"Content-Type": media_type}

    async def ask() -> int:
        async with session.request("GET" if content is None else "POST", url, data=content, headers=headers) as answer:
            await answer.read()
            return answer.status

    return ask


async def main(url: str, file: str, media_type: str, kind: str, amount: str, seconds: str) -> Sequence[Reply]:
    """Run the load of the command line."""
    async with aiohttp.ClientSession(timeout=PATIENCE, connector=aiohttp.TCPConnector(limit=0)) as session:
        ask = asking(session, url, file, media_type)
        if kind == "closed":
            return await closed(ask, int(float(amount)), float(seconds))
        return await opened(ask, float(amount), float(seconds))


if __name__ == "__main__":
    gc.disable()  # a collection would be counted as the other side's delay
    replies = asyncio.run(main(*sys.argv[1:]))
    json.dump([[each.status, each.due, each.seconds] for each in replies], sys.stdout)
