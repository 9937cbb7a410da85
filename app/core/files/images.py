"""Bytes to pixels: the one decoder and the one evaluation view, for preparation and for predictions alike.

Bytes are untrusted: only photographs' formats are read, sizes are checked before memory is taken, and every failure
is a `BadImage` with a stable code.
"""

import io
import math
import warnings
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image, ImageOps, UnidentifiedImageError

FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "GIF", "TIFF", "AVIF", "PPM")
MIN_SIDE = 2
# Pillow keeps RGB in 4 bytes, as it keeps RGBA and CMYK: what must be made RGB is in memory twice for a moment.
SINGLE_COPY_MODES = ("RGB", "L", "1", "I;16", "I;16B", "I;16L")
SIXTEEN_BIT_MODES = ("I;16", "I;16B", "I;16L", "I", "F")
TRANSPARENT_MODES = ("RGBA", "LA", "PA", "RGBa", "La")
# What people call Pillow's modes that are not RGB already; any other one is a colour space of its own.
MODE_CONVERSIONS = {"RGB": "", "RGBA": "", "RGBa": "", "RGBX": "", "1": "grey", "L": "grey", "LA": "grey", "La": "grey"}
MODE_CONVERSIONS |= {"P": "palette", "PA": "palette", "CMYK": "cmyk"} | dict.fromkeys(SIXTEEN_BIT_MODES, "sixteen_bit")
ROTATED_ORIENTATIONS = range(2, 9)  # EXIF's orientations other than upright
MAX_ASPECT_RATIO = 32  # times; no panorama is, and a thread of pixels costs an uploader nothing
STRIP_ROWS = 64  # at a time
DECODE_HEADROOM = 2  # a JPEG is decoded at no less than this many times the side that is wanted of it

Pixels = NDArray[np.uint8]


class BadImage(ValueError):
    """Not a usable photograph; `code` is stable."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True)
class DecodedImage:
    """An upright RGB image; `converted`: what had to be done to make it one.

    Any of grey, palette, cmyk, sixteen_bit, colour_space, transparency, turned.
    """

    image: Image.Image
    converted: tuple[str, ...]


def decode_image(data: bytes, max_pixels: int, min_side: int | None = None) -> DecodedImage:
    """An upright RGB image from a file's bytes. Raises BadImage.

    EXIF turns are applied, transparency is laid on white, 16-bit greys are scaled to 8, of an animation the first
    frame is taken. A caller who needs no more than `smallest` pixels of the shorter side may get a JPEG at a half, a
    quarter or an eighth, which its decoder makes for a fraction of the time and memory.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow warns of odd metadata; the pixels decide
            with Image.open(io.BytesIO(data), formats=FORMATS) as image:
                _check_size(image, max_pixels)
                if min_side is not None:
                    image.draft(None, _draft_size(image.size, min_side))
                is_rotated = (
                    image.getexif().get(ExifTags.Base.Orientation) in ROTATED_ORIENTATIONS
                )  # a TIFF forgets it when it is loaded
                image.load()
                ImageOps.exif_transpose(image, in_place=True)
                converted = conversions(image) + ("turned",) * is_rotated
                return DecodedImage(to_rgb(image), converted)
    except BadImage:
        raise
    except UnidentifiedImageError:
        raise BadImage(
            "not_an_image", "The file is not a JPEG, PNG, WebP, BMP, GIF, TIFF, AVIF or PPM image."
        ) from None
    except Image.DecompressionBombError:
        raise BadImage("image_too_large", "The image has far too many pixels.") from None
    except MemoryError:
        raise BadImage("image_too_large", "There is not enough memory to decode the image.") from None
    except Exception as error:  # Pillow's decoders raise nearly anything on hostile bytes
        raise BadImage("image_damaged", f"The image cannot be decoded: {error}"[:300]) from error


def pixel_count(data: bytes) -> int:
    """How many pixels a file says that it has; 0 for what cannot be read."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(io.BytesIO(data), formats=FORMATS) as image:
                return image.width * image.height
    except Exception:  # `photograph` meets the same, and says what it is
        return 0


def _check_size(image: Image.Image, max_pixels: int) -> None:
    """Sizes come from the header: nothing is decoded yet."""
    width, height = image.size
    limit = max_pixels if image.mode in SINGLE_COPY_MODES else max_pixels // 2
    if width * height > limit:
        raise BadImage("image_too_large", f"The image is {width} x {height}; at most {limit} such pixels are taken.")
    if min(width, height) < MIN_SIDE:
        raise BadImage("image_too_small", f"The image is {width} x {height}; both sides must have {MIN_SIDE} pixels.")
    if max(width, height) > MAX_ASPECT_RATIO * min(width, height):
        message = f"The image is {width} x {height}; one side may be {MAX_ASPECT_RATIO} times the other."
        raise BadImage("image_too_elongated", message)


def _draft_size(size: tuple[int, int], min_side: int) -> tuple[int, int]:
    """Width and height in proportion, the shorter side `smallest`."""
    width, height = size
    scale = min_side / min(size)
    return math.ceil(width * scale), math.ceil(height * scale)


def conversions(image: Image.Image) -> tuple[str, ...]:
    """What `to_rgb` will have to do."""
    kind = MODE_CONVERSIONS.get(image.mode, "colour_space")
    return (kind,) * bool(kind) + ("transparency",) * _is_transparent(image)


def to_rgb(image: Image.Image) -> Image.Image:
    """Any of Pillow's modes as RGB. Takes little more memory than both images: they may be near the limit."""
    if image.mode in SIXTEEN_BIT_MODES:
        image = _to_eight_bits(image)
    if _is_transparent(image):
        return _flatten_on_white(image)
    return image if image.mode == "RGB" else image.convert("RGB")


def _is_transparent(image: Image.Image) -> bool:
    return image.mode in TRANSPARENT_MODES or ("transparency" in image.info and image.mode not in SIXTEEN_BIT_MODES)


def _flatten_on_white(image: Image.Image) -> Image.Image:
    """A strip at a time, so that there is never a second image with transparency."""
    white = Image.new("RGB", image.size, "white")
    for top in range(0, image.height, STRIP_ROWS):
        strip = image.crop((0, top, image.width, min(top + STRIP_ROWS, image.height)))
        strip = strip if strip.mode == "RGBA" else strip.convert("RGBA")
        white.paste(strip, (0, top), mask=strip.getchannel("A"))
    return white


def _to_eight_bits(image: Image.Image) -> Image.Image:
    """A strip at a time: what lies between needs 8 bytes for each pixel."""
    values = np.asarray(image)
    top = 65535.0 if values.max(initial=0) > 255 else 255.0
    scaled = np.empty(values.shape, np.uint8)
    for at in range(0, len(values), STRIP_ROWS):
        part = np.nan_to_num(values[at : at + STRIP_ROWS].astype(np.float64))
        scaled[at : at + STRIP_ROWS] = part.clip(0, top) * (255.0 / top)
    return Image.fromarray(scaled)


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
