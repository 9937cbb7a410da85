"""The API's process: `python -m app.server HOST PORT`. It ends with the process that started it."""

import gc
import os
import signal
import sys

import uvicorn

from app.core.processes import lifeline
from app.main import create_app

SHUTDOWN_SECONDS = 5  # event streams have no end of their own


def main() -> None:
    """Serve until told to stop."""
    lifeline.exit_with_parent(lambda: os.kill(os.getpid(), signal.SIGTERM))
    host, port = sys.argv[1], int(sys.argv[2])
    app = create_app()
    # What stays for good is out of the garbage collector's sight: its full collections, of some 80 ms, held up answers.
    gc.collect()
    gc.freeze()
    uvicorn.run(app, host=host, port=port, log_level="warning", timeout_graceful_shutdown=SHUTDOWN_SECONDS)


if __name__ == "__main__":
    main()
