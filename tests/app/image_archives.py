"""Images and zip archives as users upload them."""

import io
import zipfile

from PIL import Image


def image_bytes(color: str = "red", size: tuple[int, int] = (20, 16), kind: str = "PNG") -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", size, color).save(buffer, kind)
    return buffer.getvalue()


def archive(members: dict[str, bytes] | None = None) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as made:
        for name, data in (members or {"cat/1.png": image_bytes(), "dog/1.png": image_bytes("blue")}).items():
            made.writestr(name, data)
    return buffer.getvalue()
