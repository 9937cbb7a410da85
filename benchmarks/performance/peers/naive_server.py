"""A naive server: FastAPI with torch in the endpoint. python -m ... WEIGHTS PORT"""

import sys

import torch
import uvicorn
from fastapi import FastAPI, Request

from benchmarks.performance.peers.network import network, seen, top

app = FastAPI()
model = network(sys.argv[1])


@app.post("/predict")
async def predict(request: Request) -> list[list[float]]:
    """The answer to one photograph."""
    image = seen(await request.body())
    with torch.inference_mode():
        return top(model(image[None])[0])


if __name__ == "__main__":
    uvicorn.run(app, port=int(sys.argv[2]), log_level="warning")
