"""From bytes to upright RGB, or a reason."""

import io
import struct
import zlib
from typing import Any

import numpy as np
import pytest
from PIL import Image

from app.core.files.images import BadImage, decode_image, evaluation_view, resize_shorter

PIXELS = 64_000_000


def encoded(image: Image.Image, kind: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def decode(data: bytes, max_pixels: int) -> Image.Image:
    return decode_image(data, max_pixels).image


def fault(data: bytes, max_pixels: int = PIXELS) -> str:
    with pytest.raises(BadImage) as caught:
        decode(data, max_pixels)
    return caught.value.code


def halves(mode: str = "RGB") -> Image.Image:
    """Left half red, right half blue, 40 x 20."""
    image = Image.new("RGB", (40, 20), "blue")
    image.paste("red", (0, 0, 20, 20))
    return image.convert(mode)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "BMP", "GIF", "TIFF", "PPM"])
def test_every_format(kind: str) -> None:
    image = decode(encoded(halves(), kind), PIXELS)
    assert (image.mode, image.size) == ("RGB", (40, 20))
    red, blue = np.asarray(image)[10, 5], np.asarray(image)[10, 35]
    assert red[0] > 200 > 60 > red[2]
    assert blue[2] > 200 > 60 > blue[0]


def test_exif_turns_are_applied() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # turn by 90 degrees clockwise to see it upright
    image = decode(encoded(halves(), "JPEG", exif=exif), PIXELS)
    assert image.size == (20, 40)
    assert np.asarray(image)[5, 10, 0] > 200
    assert np.asarray(image)[35, 10, 2] > 200


def test_cmyk() -> None:
    image = decode(encoded(halves("CMYK"), "JPEG", quality=95), PIXELS)
    assert image.mode == "RGB"
    assert np.asarray(image)[10, 5, 0] > 200 > 60 > np.asarray(image)[10, 5, 1]


def test_sixteen_bits_are_scaled_not_cut() -> None:
    values = np.linspace(0, 65535, 400, dtype=np.uint16).reshape(20, 20)
    image = np.asarray(decode(encoded(Image.fromarray(values), "PNG"), PIXELS)).astype(int)
    assert np.abs(image[..., 0] - values / 257).max() <= 1
    assert (image[..., 0] == image[..., 2]).all()


def test_transparency_lies_on_white() -> None:
    image = Image.new("RGBA", (10, 10), (255, 0, 0, 0))
    assert (np.asarray(decode(encoded(image, "PNG"), PIXELS)) == 255).all()


def test_a_palettes_transparency_lies_on_white() -> None:
    image = Image.new("P", (10, 10), 1)
    image.putpalette([0, 0, 0, 10, 20, 30])
    decoded = decode(encoded(image, "PNG", transparency=1), PIXELS)
    assert (np.asarray(decoded) == 255).all()


def test_an_animations_first_frame() -> None:
    frames = [Image.new("RGB", (10, 10), color) for color in ("red", "blue")]
    image = decode(encoded(frames[0], "GIF", save_all=True, append_images=frames[1:]), PIXELS)
    assert tuple(np.asarray(image)[5, 5]) == (255, 0, 0)


TURNED = Image.Exif()
TURNED[0x0112] = 8
DEEP = Image.fromarray(np.full((20, 20), 40_000, np.uint16))
CONVERTED: list[tuple[Image.Image, str, dict[str, Any], tuple[str, ...]]] = [
    (halves(), "JPEG", {}, ()),
    (halves("L"), "JPEG", {}, ("grey",)),
    (halves("1"), "PNG", {}, ("grey",)),
    (halves("LA"), "PNG", {}, ("grey", "transparency")),
    (halves("RGBA"), "WEBP", {"lossless": True}, ()),  # wholly opaque: the file has no such channel
    (Image.new("RGBA", (10, 10)), "PNG", {}, ("transparency",)),
    (halves("P"), "GIF", {}, ("palette",)),
    (halves("P"), "PNG", {"transparency": 0}, ("palette", "transparency")),
    (halves("CMYK"), "JPEG", {}, ("cmyk",)),
    (DEEP, "PNG", {}, ("sixteen_bit",)),
    (halves("LAB"), "TIFF", {}, ("colour_space",)),
    *((halves(), kind, {"exif": TURNED}, ("turned",)) for kind in ("JPEG", "PNG", "WEBP", "TIFF")),
    (halves("L"), "JPEG", {"exif": TURNED}, ("grey", "turned")),
]


@pytest.mark.parametrize(("image", "kind", "options", "expected"), CONVERTED)
def test_what_an_image_was_is_told(
    image: Image.Image, kind: str, options: dict[str, Any], expected: tuple[str, ...]
) -> None:
    found = decode_image(encoded(image, kind, **options), PIXELS)
    assert found.converted == expected
    assert found.image.mode == "RGB"
    assert found.image.size == (image.size[::-1] if "turned" in expected else image.size)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "GIF", "WEBP"])
def test_a_truncated_file(kind: str) -> None:
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8))
    data = encoded(noise, kind)
    assert fault(data[: len(data) // 2]) in ("image_damaged", "not_an_image")


@pytest.mark.parametrize("data", [b"", b"hello", b"%PDF-1.7", b"<svg xmlns='http://www.w3.org/2000/svg'/>"])
def test_not_an_image(data: bytes) -> None:
    assert fault(data) == "not_an_image"


def test_a_header_that_promises_too_much_takes_no_memory() -> None:
    header = struct.pack(">IIBBBBB", 50_000, 50_000, 8, 2, 0, 0, 0)
    chunk = struct.pack(">I", len(header)) + b"IHDR" + header + struct.pack(">I", zlib.crc32(b"IHDR" + header))
    empty = struct.pack(">I", 0) + b"IDAT" + struct.pack(">I", zlib.crc32(b"IDAT"))
    assert fault(b"\x89PNG\r\n\x1a\n" + chunk + empty) == "image_too_large"


def test_limits_are_the_callers() -> None:
    assert fault(encoded(halves(), "PNG"), 799) == "image_too_large"
    assert decode(encoded(halves(), "PNG"), 800).size == (40, 20)
    assert fault(encoded(Image.new("RGB", (40, 1)), "PNG")) == "image_too_small"


@pytest.mark.parametrize("size", [(40, 20), (20, 40), (33, 33), (2, 500)])
def test_the_evaluation_view_is_the_centre(size: tuple[int, int]) -> None:
    view = evaluation_view(Image.new("RGB", size, "white"), 16, 18, "bilinear")
    assert (view.shape, view.dtype) == ((16, 16, 3), np.uint8)
    assert (view == 255).all()
    assert min(resize_shorter(Image.new("RGB", size), 18).size) == 18
