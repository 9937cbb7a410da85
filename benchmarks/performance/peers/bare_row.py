"""A FastAPI route that reads one row of SQLite and nothing else. python -m ... DATABASE PORT"""

import sqlite3
import sys
import threading
from typing import Any

import uvicorn
from fastapi import FastAPI

app = FastAPI()
local = threading.local()


@app.get("/jobs/{job_id}")
def read(job_id: str) -> dict[str, Any]:
    """The row."""
    if not hasattr(local, "connection"):
        local.connection = sqlite3.connect(sys.argv[1])
        local.connection.row_factory = sqlite3.Row
    return dict(local.connection.execute("SELECT * FROM jobs WHERE id = ?", (job_id,)).fetchone())


if __name__ == "__main__":
    uvicorn.run(app, port=int(sys.argv[2]), log_level="warning")
