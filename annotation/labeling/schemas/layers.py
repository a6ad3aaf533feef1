"""PURE. Whether the masks of an annotation name label maps in one of the two known shapes."""

from typing import Any

from annotation.labeling.schemas.definition import Schema
from annotation.labeling.schemas.problems import Problems
from annotation.labeling.schemas.raw import is_sha256, is_uid, is_whole

MAX_MASKS, MAX_SLICES = 200, 50_000
MAX_SIDE = 65_535
MAX_SLICE_PIXELS = 2**26
LAYER_FIELDS = {"layer", "series_instance_uid", "rows", "columns", "slices"}
IMPORTED_FIELDS = {"sha256", "shape", "series_instance_uid", "sop_instance_uids", "segments"}


def check_masks(schema: Schema, masks: Any, problems: Problems) -> None:
    """Add what is wrong below `masks`."""
    if not problems.check("masks", isinstance(masks, list), "must be a list"):
        return
    if not problems.check("masks", len(masks) <= MAX_MASKS, f"are more than {MAX_MASKS}"):
        return
    if not problems.check("masks", _count(masks) <= MAX_SLICES, f"have over {MAX_SLICES} slices"):
        return
    seen: set[tuple[Any, ...]] = set()
    for number, mask in enumerate(masks):
        where = f"masks[{number}]"
        if isinstance(mask, dict) and "layer" in mask:
            if problems.check_fields(where, mask, LAYER_FIELDS, set()):
                _check_layer(schema, where, mask, seen, problems)
        elif problems.check_fields(where, mask, IMPORTED_FIELDS, set()):
            _check_imported(where, mask, problems)


def place_of_slice(key: Any) -> tuple[str, int] | None:
    """SOP Instance UID and frame of a slice's key, or None where it is none."""
    uid, _, frame = key.rpartition(":") if isinstance(key, str) else ("", "", "")
    is_frame = frame.isascii() and frame.isdigit() and len(frame) <= 9 and not frame.startswith("0")
    return (uid, int(frame)) if is_uid(uid) and is_frame else None


def _count(masks: list[Any]) -> int:
    slices = (mask.get("slices") for mask in masks if isinstance(mask, dict))
    return sum(len(found) for found in slices if isinstance(found, dict))


def _check_layer(
    schema: Schema,
    where: str,
    mask: dict[str, Any],
    seen: set[tuple[Any, ...]],
    problems: Problems,
) -> None:
    layer, series = mask["layer"], mask["series_instance_uid"]
    layers = {segment.layer for segment in schema.segments}
    is_layer = is_whole(layer, 0, 255) and layer in layers
    is_known = problems.check(f"{where}.layer", is_layer, "is no layer of this schema")
    is_series = problems.check(f"{where}.series_instance_uid", is_uid(series), "must be a UID")
    rows, columns = mask["rows"], mask["columns"]
    if is_known and is_series and is_whole(rows, 1, MAX_SIDE) and is_whole(columns, 1, MAX_SIDE):
        # Images of a series may have several sizes: each is a mask of its own.
        named = series, layer, rows, columns
        problems.check(where, named not in seen, "names this layer of the series again")
        seen.add(named)
    for name, value in (("rows", rows), ("columns", columns)):
        is_side = is_whole(value, 1, MAX_SIDE)
        problems.check(f"{where}.{name}", is_side, f"must be from 1 to {MAX_SIDE}")
    if is_whole(rows, 1, MAX_SIDE) and is_whole(columns, 1, MAX_SIDE):
        problems.check(where, rows * columns <= MAX_SLICE_PIXELS, "is too large")
    slices = mask["slices"]
    if not problems.check(f"{where}.slices", isinstance(slices, dict), "must be an object"):
        return
    for key, address in slices.items():
        is_slice = place_of_slice(key) is not None and is_sha256(address)
        message = "must be a SOP Instance UID, a colon and a frame, with a SHA-256"
        problems.check(f"{where}.slices.{key}", is_slice, message)


def _check_imported(where: str, mask: dict[str, Any], problems: Problems) -> None:
    shape, uids = mask["shape"], mask["sop_instance_uids"]
    problems.check(f"{where}.sha256", is_sha256(mask["sha256"]), "must be a SHA-256")
    is_series = is_uid(mask["series_instance_uid"])
    problems.check(f"{where}.series_instance_uid", is_series, "must be a UID")
    is_shape = isinstance(shape, list) and len(shape) == 3
    is_shape = is_shape and all(is_whole(side, 1, MAX_SIDE) for side in shape)
    problems.check(f"{where}.shape", is_shape, "must be three sizes")
    are_uids = isinstance(uids, list) and all(is_uid(uid) for uid in uids)
    if problems.check(f"{where}.sop_instance_uids", are_uids, "must be UIDs") and is_shape:
        is_one_each = len(uids) == shape[0]
        problems.check(f"{where}.sop_instance_uids", is_one_each, "must be one for each slice")
    segments = mask["segments"]
    are_values = isinstance(segments, list) and all(is_whole(v, 1, 255) for v in segments)
    problems.check(f"{where}.segments", are_values, "must be values from 1 to 255")
