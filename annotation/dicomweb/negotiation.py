"""PURE. Which representation of pixel data a request accepts (PS3.18 §8.7)."""

import functools
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from annotation.archive.multipart import parse_header

IMPLICIT_LE = "1.2.840.10008.1.2"
EXPLICIT_LE = "1.2.840.10008.1.2.1"
HTJ2K_LOSSLESS, HTJ2K_RPCL = "1.2.840.10008.1.2.4.201", "1.2.840.10008.1.2.4.202"
OCTET_STREAM = "application/octet-stream"
DICOM = "application/dicom"
NATIVE = {IMPLICIT_LE, EXPLICIT_LE}
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
# What a frame can be encoded to on request, and the syntax that a media type alone stands for.
DEFAULT_SYNTAX = {
    OCTET_STREAM: EXPLICIT_LE,
    "image/jphc": HTJ2K_LOSSLESS,
    "image/jp2": "1.2.840.10008.1.2.4.90",
    "image/jls": "1.2.840.10008.1.2.4.80",
    "image/jpeg": "1.2.840.10008.1.2.4.70",
    "image/dicom-rle": "1.2.840.10008.1.2.5",
}
ENCODABLE = {
    HTJ2K_LOSSLESS, HTJ2K_RPCL, "1.2.840.10008.1.2.4.90", "1.2.840.10008.1.2.4.80",
    "1.2.840.10008.1.2.4.70", "1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.5",
}  # fmt: skip


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
    """How to answer: which bytes, what they are, in parts or alone."""

    source: str  # "stored", "prepared", "decoded" or "encoded"
    transfer_syntax: str
    is_multipart: bool
    may_fall_back: bool = False  # a client that takes anything gets the stored bytes at last

    @property
    def media_type(self) -> str:
        return media_type_of(self.transfer_syntax)

    @property
    def part_type(self) -> str:
        return f"{self.media_type}; transfer-syntax={self.transfer_syntax}"


def media_type_of(transfer_syntax: str) -> str:
    return MEDIA_TYPES.get(transfer_syntax, OCTET_STREAM)


@functools.lru_cache(1024)
def parse_accept(header: str) -> tuple[MediaRange, ...]:
    """The media ranges, most wanted first; an empty header accepts anything."""
    entries = [_media_range(part) for part in _split(header or "*/*") if part.strip()]
    return tuple(sorted((e for e in entries if e.quality > 0), key=lambda e: -e.quality))


@functools.lru_cache(4096)
def choose_frames(
    accept: tuple[MediaRange, ...],
    stored: str,
    *,
    can_serve_stored: bool = True,
    prepared: str = "",
    is_misread: bool = False,
) -> Choice:
    """How to send frames stored in the transfer syntax `stored`. Raises NotAcceptable.

    `prepared` is the syntax of frames encoded ahead, if there are any. A client that takes HTJ2K
    is a browser; with `is_misread` the stored bytes are kept from it.
    """
    is_browser = any(wanted.media_type == "image/jphc" for wanted in accept)
    served = EXPLICIT_LE if stored in NATIVE else stored
    offers = {served: "stored"} if can_serve_stored and not (is_misread and is_browser) else {}
    if prepared:
        offers.setdefault(prepared, "prepared")
    for wanted in accept:
        is_multipart = wanted.is_multipart or wanted.media_type == "*/*"
        for syntax in _wanted_syntaxes(wanted, served, prepared):
            if source := offers.get(syntax) or _makeable(syntax, wanted):
                is_any = wanted.media_type == "*/*" and can_serve_stored
                return Choice(source, syntax, is_multipart, may_fall_back=is_any)
    raise NotAcceptable(f"frames are available as {media_type_of(served)} and {OCTET_STREAM}")


def _wanted_syntaxes(wanted: MediaRange, stored: str, prepared: str) -> list[str]:
    """Transfer syntaxes that one media range accepts, best first."""
    if wanted.media_type not in ("*/*", OCTET_STREAM) and wanted.media_type not in set(
        MEDIA_TYPES.values()
    ):
        return []
    if wanted.transfer_syntax == "*":
        if wanted.media_type in ("*/*", OCTET_STREAM):
            return [stored, EXPLICIT_LE]
        return [s for s in (prepared, stored) if media_type_of(s) == wanted.media_type]
    if wanted.transfer_syntax is not None:
        fits = wanted.media_type in ("*/*", media_type_of(wanted.transfer_syntax))
        return [wanted.transfer_syntax] if fits else []
    if wanted.media_type == "*/*":
        return [EXPLICIT_LE]
    ready = [s for s in (stored, prepared) if s and media_type_of(s) == wanted.media_type]
    default = DEFAULT_SYNTAX.get(wanted.media_type)
    return [*ready, default] if default else ready


def _makeable(syntax: str, wanted: MediaRange) -> str | None:
    if syntax == EXPLICIT_LE:
        return "decoded"
    return "encoded" if syntax in ENCODABLE and wanted.transfer_syntax != "*" else None


def choose_instances(accept: Sequence[MediaRange]) -> tuple[str, bool]:
    """(transfer syntax or "*", multipart?) for whole instances. Raises NotAcceptable."""
    for wanted in accept:
        if wanted.media_type == "*/*" and not wanted.is_multipart:
            return wanted.transfer_syntax or "*", True
        if wanted.media_type in (DICOM, "*/*"):
            syntax = wanted.transfer_syntax or EXPLICIT_LE
            if syntax in ("*", EXPLICIT_LE):
                return syntax, wanted.is_multipart
    raise NotAcceptable(f"instances are available as {DICOM}, as stored (*) or {EXPLICIT_LE}")


def choose_type(
    accept: Sequence[MediaRange], offered: Sequence[str], *, in_parts: Collection[str] = ()
) -> str:
    """The first offered media type that is accepted. Raises NotAcceptable.

    Types in `in_parts` are offered inside multipart/related as well as alone.
    """
    for wanted in accept:
        for name in offered:
            main = name.split("/")[0]
            is_whole = not wanted.is_multipart or name in in_parts
            if is_whole and wanted.media_type in ("*/*", name, f"{main}/*"):
                return name
    raise NotAcceptable(f"available as {', '.join(offered)}")


def _media_range(text: str) -> MediaRange:
    raw_type, raw = parse_header(text.strip().encode("latin-1", "replace"))
    options = {k.decode("latin-1").lower(): v.decode("latin-1") for k, v in raw.items()}
    media_type = raw_type.decode("latin-1").lower()
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
