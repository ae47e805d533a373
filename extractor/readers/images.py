"""Pictures by Pillow: upright, as files to be shown or read. Runs in the reading process alone."""

from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO
from typing import Any

from .kinds import HEIF, kind_of
from .unreadable import ReadFailed

PIXELS = 100_000_000  # of one picture
FRAMES = 2_000
FORMATS = ("PNG", "JPEG", "TIFF", "WEBP", "GIF", "BMP", "AVIF", "HEIF")
QUALITY = {"WEBP": {"quality": 60, "method": 2}, "JPEG": {"quality": 70}, "PNG": {}}


def frames(data: bytes) -> Iterator[Any]:
    """Yield the pictures of a file as PIL images: those of a TIFF are its pages; of an animation the first.

    Each is as it is shown, turned as its EXIF data says. Raises ReadFailed.
    """
    from PIL import Image, ImageOps, ImageSequence, UnidentifiedImageError

    Image.MAX_IMAGE_PIXELS = None  # checked below, before anything is unpacked
    Image.init()
    if kind_of(data) in HEIF:
        from pillow_heif import register_heif_opener

        register_heif_opener()
    try:
        picture = Image.open(BytesIO(data), formats=[form for form in FORMATS if form in Image.OPEN])
    except UnidentifiedImageError:
        raise ReadFailed("damaged", "the image cannot be opened; it may be damaged") from None
    many = picture.format == "TIFF"
    if many and getattr(picture, "n_frames", 1) > FRAMES:
        raise ReadFailed("too_large", f"the image has more than {FRAMES:,} pages")
    try:
        for frame in ImageSequence.Iterator(picture):
            width, height = frame.size
            if width * height > PIXELS:
                raise ReadFailed(
                    "too_large",
                    f"the image has {width:,} x {height:,} pixels; {PIXELS // 1_000_000} million are "
                    "allowed: scale it down",
                )
            yield ImageOps.exif_transpose(_on_white(frame))
            if not many:
                return
    except (OSError, SyntaxError, ValueError) as error:
        raise ReadFailed("damaged", f"the image cannot be read; it may be damaged: {error}") from error


def _on_white(frame: Any) -> Any:
    """Return a picture in colours, what is transparent on white: so it is shown."""
    from PIL import Image

    exif = frame.getexif()
    if frame.mode in ("RGBA", "LA", "PA") or "transparency" in frame.info:
        clear = frame.convert("RGBA")
        shown = Image.new("RGB", frame.size, "white")
        shown.paste(clear, mask=clear.getchannel("A"))
    elif frame.mode.startswith("I;16") or frame.mode == "I":
        shown = frame.point(lambda value: value / 256).convert("L").convert("RGB")
    else:
        shown = frame.convert("RGB")
    shown.getexif().update(exif)
    return shown


def encoded(picture: Any, form: str) -> bytes:
    """Return a picture as a file of a format: PNG, WEBP or JPEG."""
    file = BytesIO()
    picture.save(file, form, **QUALITY[form])
    return file.getvalue()
