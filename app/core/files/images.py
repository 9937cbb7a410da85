"""Decoding of images, and the deterministic view, for preparation and for predictions alike.

Bytes are untrusted: only common photograph formats are read, sizes are checked before memory is allocated, and every
failure is a `BadImage` with a stable code.
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
# Pillow stores RGB in 4 bytes, like RGBA and CMYK: an image that must be converted is briefly in memory twice.
SINGLE_COPY_MODES = ("RGB", "L", "1", "I;16", "I;16B", "I;16L")
SIXTEEN_BIT_MODES = ("I;16", "I;16B", "I;16L", "I", "F")
TRANSPARENT_MODES = ("RGBA", "LA", "PA", "RGBa", "La")
# Names for people of Pillow's modes other than RGB; a mode that is not listed is a `colour_space`.
MODE_CONVERSIONS = {"RGB": "", "RGBA": "", "RGBa": "", "RGBX": "", "1": "grey", "L": "grey", "LA": "grey", "La": "grey"}
MODE_CONVERSIONS |= {"P": "palette", "PA": "palette", "CMYK": "cmyk"} | dict.fromkeys(SIXTEEN_BIT_MODES, "sixteen_bit")
ROTATED_ORIENTATIONS = range(2, 9)  # EXIF's orientations other than upright
MAX_ASPECT_RATIO = 32  # above every panorama; an attacker can make thin images at no cost
STRIP_ROWS = 64
RESAMPLING = {"bilinear": Image.Resampling.BILINEAR, "bicubic": Image.Resampling.BICUBIC}  # Pillow always antialiases
DECODE_HEADROOM = 2  # a JPEG is decoded at no less than this many times the side that is needed

Pixels = NDArray[np.uint8]


class BadImage(ValueError):
    """The file is not a usable image; `code` is stable."""

    def __init__(self, code: str, message: str) -> None:
        """Store code and message.

        Args:
            code: one of `app.core.error_codes`.
            message: for people.
        """
        super().__init__(message)
        self.code = code


@dataclass(frozen=True)
class DecodedImage:
    """An upright RGB image.

    Attributes:
        image: the image.
        converted: the conversions that were needed: any of grey, palette, cmyk, sixteen_bit, colour_space,
            transparency, turned.
    """

    image: Image.Image
    converted: tuple[str, ...]


def decode_image(data: bytes, max_pixels: int, min_side: int | None = None) -> DecodedImage:
    """Decode a file to an upright RGB image.

    EXIF orientation is applied, transparency is flattened on white, 16-bit grey is scaled to 8 bits, and the first
    frame of an animation is taken.

    Args:
        data: the file's bytes.
        max_pixels: maximum number of pixels; half of it for modes that must be converted to RGB.
        min_side: the shorter side in pixels that the caller needs, None for the full size. A JPEG may then be decoded
            at 1/2, 1/4 or 1/8, for a fraction of the time and memory.

    Returns:
        The image and its conversions.

    Raises:
        BadImage: if it is not an image, damaged, or too large, small or elongated.
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
    """Return the number of pixels in a file's header; 0 if it cannot be read."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(io.BytesIO(data), formats=FORMATS) as image:
                return image.width * image.height
    except Exception:  # `decode_image` meets the same error and names it
        return 0


def _check_size(image: Image.Image, max_pixels: int) -> None:
    """Check the sizes in the header, before anything is decoded."""
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
    """Width and height in proportion, with the shorter side `min_side`."""
    width, height = size
    scale = min_side / min(size)
    return math.ceil(width * scale), math.ceil(height * scale)


def conversions(image: Image.Image) -> tuple[str, ...]:
    """Return the conversions that `to_rgb` needs, see `DecodedImage`."""
    kind = MODE_CONVERSIONS.get(image.mode, "colour_space")
    return (kind,) * bool(kind) + ("transparency",) * _is_transparent(image)


def to_rgb(image: Image.Image) -> Image.Image:
    """Convert any of Pillow's modes to RGB, with little more memory than both images: they may be near the limit."""
    if image.mode in SIXTEEN_BIT_MODES:
        image = _to_eight_bits(image)
    if _is_transparent(image):
        return _flatten_on_white(image)
    return image if image.mode == "RGB" else image.convert("RGB")


def _is_transparent(image: Image.Image) -> bool:
    return image.mode in TRANSPARENT_MODES or ("transparency" in image.info and image.mode not in SIXTEEN_BIT_MODES)


def _flatten_on_white(image: Image.Image) -> Image.Image:
    """Work in strips, so that there is never a second image with transparency."""
    white = Image.new("RGB", image.size, "white")
    for top in range(0, image.height, STRIP_ROWS):
        strip = image.crop((0, top, image.width, min(top + STRIP_ROWS, image.height)))
        strip = strip if strip.mode == "RGBA" else strip.convert("RGBA")
        white.paste(strip, (0, top), mask=strip.getchannel("A"))
    return white


def _to_eight_bits(image: Image.Image) -> Image.Image:
    """Work in strips: the intermediate result needs 8 bytes per pixel."""
    values = np.asarray(image)
    top = 65535.0 if values.max(initial=0) > 255 else 255.0
    scaled = np.empty(values.shape, np.uint8)
    for at in range(0, len(values), STRIP_ROWS):
        part = np.nan_to_num(values[at : at + STRIP_ROWS].astype(np.float64))
        scaled[at : at + STRIP_ROWS] = part.clip(0, top) * (255.0 / top)
    return Image.fromarray(scaled)


def resize_shorter(image: Image.Image, side: int, interpolation: str = "bilinear") -> Image.Image:
    """Resize the shorter side to `side` pixels, the longer in proportion (rounded down, as torchvision does).

    Args:
        image: in any mode.
        side: length of the shorter side of the result, in pixels.
        interpolation: a key of `RESAMPLING`.

    Returns:
        The resized image.
    """
    width, height = image.size
    shorter, longer = min(width, height), max(width, height)
    other = int(side * longer / shorter)
    return image.resize((side, other) if width <= height else (other, side), RESAMPLING[interpolation])


def evaluation_view(image: Image.Image, size: int, resize: int, interpolation: str) -> Pixels:
    """Take the deterministic view: resize, then crop the centre.

    Args:
        image: RGB.
        size: side of the crop, in pixels.
        resize: the shorter side before the crop, in pixels.
        interpolation: a key of `RESAMPLING`.

    Returns:
        uint8 (size, size, 3).
    """
    image = resize_shorter(image, resize, interpolation)
    left, top = round((image.width - size) / 2), round((image.height - size) / 2)
    return np.asarray(image.crop((left, top, left + size, top + size)))
