"""Examples of answers about images: one that is a ship, and one whose file is damaged."""

from app.http.response_examples import MODEL

DAMAGED = {
    "error": {"code": "image_damaged", "message": "The image cannot be decoded: Truncated File Read"},
}
PREDICTED = {
    "object": "prediction",
    "model": MODEL,
    "results": [
        {
            "label": "ship",
            "confidence": 0.9999997,
            "top": [{"label": "ship", "probability": 0.9999997}, {"label": "truck", "probability": 0.0000003}],
            "unfamiliar": 0.0532,
        },
        DAMAGED,
    ],
}
EMBEDDED = {
    "object": "embedding",
    "model": MODEL,
    "results": [{"embedding": [0.0, 0.0, 4.5806, 4.1882]}, DAMAGED],
}
