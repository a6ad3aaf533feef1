"""PURE. Which representation of pixel data a request accepts (PS3.18 §8.7)."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from python_multipart.multipart import parse_options_header

EXPLICIT_LE = "1.2.840.10008.1.2.1"
OCTET_STREAM = "application/octet-stream"
NATIVE = {"1.2.840.10008.1.2", EXPLICIT_LE}
MEDIA_TYPES = {  # Table 8.7.3-5
    "1.2.840.10008.1.2.4.50": "image/jpeg",
    "1.2.840.10008.1.2.4.51": "image/jpeg",
    "1.2.840.10008.1.2.4.57": "image/jpeg",
    "1.2.840.10008.1.2.4.70": "image/jpeg",
    "1.2.840.10008.1.2.4.80": "image/jls",
    "1.2.840.10008.1.2.4.81": "image/jls",
    "1.2.840.10008.1.2.4.90": "image/jp2",
    "1.2.840.10008.1.2.4.91": "image/jp2",
    "1.2.840.10008.1.2.4.92": "image/jpx",
    "1.2.840.10008.1.2.4.93": "image/jpx",
    "1.2.840.10008.1.2.4.110": "image/jxl",
    "1.2.840.10008.1.2.4.111": "image/jxl",
    "1.2.840.10008.1.2.4.112": "image/jxl",
    "1.2.840.10008.1.2.4.201": "image/jphc",
    "1.2.840.10008.1.2.4.202": "image/jphc",
    "1.2.840.10008.1.2.4.203": "image/jphc",
    "1.2.840.10008.1.2.5": "image/dicom-rle",
}


class NotAcceptable(ValueError):
    """Nothing that can be served is accepted."""


@dataclass(frozen=True)
class MediaRange:
    """One entry of an Accept header, with multipart/related unwrapped."""

    media_type: str
    is_multipart: bool
    transfer_syntax: str | None
    quality: float = 1.0


@dataclass(frozen=True)
class Choice:
    """How to answer: the stored bytes or decoded ones, in parts or alone."""

    media_type: str
    transfer_syntax: str
    is_multipart: bool
    is_stored: bool = field(default=True)


def parse_accept(header: str) -> list[MediaRange]:
    """The media ranges, most wanted first; an empty header accepts anything."""
    entries = [_media_range(part) for part in _split(header or "*/*") if part.strip()]
    return sorted((e for e in entries if e.quality > 0), key=lambda e: -e.quality)


def choose_frames(accept: Sequence[MediaRange], stored: str, *, can_serve_stored: bool) -> Choice:
    """How to send frames stored in the transfer syntax `stored`. Raises NotAcceptable."""
    stored_type = OCTET_STREAM if stored in NATIVE else MEDIA_TYPES.get(stored, OCTET_STREAM)
    served = EXPLICIT_LE if stored in NATIVE else stored
    for wanted in accept:
        is_multipart = wanted.is_multipart or wanted.media_type == "*/*"
        asks_stored = wanted.transfer_syntax in ("*", stored, served)
        fits_stored = wanted.media_type in ("*/*", stored_type) or wanted.transfer_syntax == "*"
        named = wanted.media_type == stored_type and wanted.transfer_syntax is None
        if can_serve_stored and fits_stored and (asks_stored or (named and stored not in NATIVE)):
            return Choice(stored_type, served, is_multipart)
        if wanted.media_type in ("*/*", OCTET_STREAM) and wanted.transfer_syntax in (
            None, "*", EXPLICIT_LE,
        ):  # fmt: skip
            is_stored = can_serve_stored and stored in NATIVE
            return Choice(OCTET_STREAM, EXPLICIT_LE, is_multipart, is_stored=is_stored)
    raise NotAcceptable(f"frames are available as {stored_type} and {OCTET_STREAM}")


def choose_type(accept: Sequence[MediaRange], offered: Sequence[str]) -> str:
    """The first offered plain media type that is accepted. Raises NotAcceptable."""
    for wanted in accept:
        for name in offered:
            main = name.split("/")[0]
            if wanted.media_type in ("*/*", name, f"{main}/*"):
                return name
    raise NotAcceptable(f"available as {', '.join(offered)}")


def _media_range(text: str) -> MediaRange:
    raw_type, raw = parse_options_header(text.strip())
    options = {key.decode().lower(): value.decode() for key, value in raw.items()}
    media_type = raw_type.decode().lower()
    is_multipart = media_type == "multipart/related"
    if is_multipart:
        media_type = options.get("type", "*/*").lower()
    try:
        quality = float(options.get("q", "1"))
    except ValueError:
        quality = 0.0
    return MediaRange(media_type, is_multipart, options.get("transfer-syntax"), quality)


def _split(header: str) -> list[str]:
    """Split at commas outside quotes."""
    parts, current, is_quoted = [], "", False
    for char in header:
        if char == '"':
            is_quoted = not is_quoted
        if char == "," and not is_quoted:
            parts.append(current)
            current = ""
        else:
            current += char
    return [*parts, current]
