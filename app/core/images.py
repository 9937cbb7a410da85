"""Bytes to pixels: the one decoder and the one evaluation view, for preparation and for predictions alike.

Bytes are untrusted: only photographs' formats are read, sizes are checked before memory is taken, and every failure
is a `BadImage` with a stable code.
"""

import io
import warnings

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "GIF", "TIFF", "AVIF", "PPM")
SMALLEST_SIDE = 2
SIXTEEN_BIT = ("I;16", "I;16B", "I;16L", "I", "F")
# Evaluation resizes the shorter side to a little more than it crops, as ImageNet's evaluations do.
RESIZE_RATIO = 256 / 224

Pixels = NDArray[np.uint8]


class BadImage(ValueError):
    """Not a usable photograph; `code` is stable."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


def decode(data: bytes, max_pixels: int) -> Image.Image:
    """An upright RGB image from a file's bytes. Raises BadImage.

    EXIF turns are applied, transparency is laid on white, 16-bit greys are scaled to 8, of an animation the first
    frame is taken.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow warns of odd metadata; the pixels decide
            with Image.open(io.BytesIO(data), formats=FORMATS) as image:
                _check_size(image, max_pixels)
                image.load()
                return to_rgb(ImageOps.exif_transpose(image))
    except BadImage:
        raise
    except UnidentifiedImageError:
        raise BadImage(
            "not_an_image", "The file is not a JPEG, PNG, WebP, BMP, GIF, TIFF, AVIF or PPM image."
        ) from None
    except Image.DecompressionBombError:
        raise BadImage("image_too_large", "The image has far too many pixels.") from None
    except Exception as error:  # Pillow's decoders raise nearly anything on hostile bytes
        raise BadImage("image_damaged", f"The image cannot be decoded: {error}"[:300]) from error


def _check_size(image: Image.Image, max_pixels: int) -> None:
    width, height = image.size
    if width * height > max_pixels:
        raise BadImage("image_too_large", f"The image is {width} x {height}; at most {max_pixels} pixels are taken.")
    if min(width, height) < SMALLEST_SIDE:
        raise BadImage(
            "image_too_small", f"The image is {width} x {height}; both sides must have {SMALLEST_SIDE} pixels."
        )


def to_rgb(image: Image.Image) -> Image.Image:
    """Any of Pillow's modes as RGB."""
    if image.mode in SIXTEEN_BIT:
        image = _to_eight_bits(image)
    if image.mode in ("RGBA", "LA", "PA", "RGBa", "La") or "transparency" in image.info:
        image = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", image.size, "white"), image).convert("RGB")
    return image.convert("RGB")


def _to_eight_bits(image: Image.Image) -> Image.Image:
    values = np.nan_to_num(np.asarray(image, dtype=np.float64))
    top = 65535.0 if values.max(initial=0) > 255 else 255.0
    return Image.fromarray((values.clip(0, top) * (255.0 / top)).astype(np.uint8))


def resize_shorter(image: Image.Image, side: int) -> Image.Image:
    """The shorter side made `side` pixels, the longer in proportion (rounded down, as torchvision does)."""
    width, height = image.size
    shorter, longer = min(width, height), max(width, height)
    other = int(side * longer / shorter)
    return image.resize((side, other) if width <= height else (other, side), Image.Resampling.BILINEAR)


def evaluation_view(image: Image.Image, size: int, resize: int) -> Pixels:
    """What a model sees: shorter side to `resize`, central `size` x `size`. Returns (size, size, 3) uint8."""
    image = resize_shorter(image, resize)
    left, top = round((image.width - size) / 2), round((image.height - size) / 2)
    return np.asarray(image.crop((left, top, left + size, top + size)))


def resize_for(size: int) -> int:
    """The shorter side that goes with a central crop of `size` pixels."""
    return round(size * RESIZE_RATIO)
