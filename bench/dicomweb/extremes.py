"""What is measured on ours alone: memory under an object of 1 GiB, searches among very many studies."""

import json
import time
from collections.abc import Iterator
from statistics import median
from typing import Any

import numpy as np
from pydicom import Dataset, Sequence, dcmwrite
from pydicom.filebase import DicomBytesIO
from pydicom.uid import EnhancedCTImageStorage

from bench.dicomweb import load
from bench.dicomweb.bench import FRAME, JSON, Bench, cycled
from bench.dicomweb.data import (
    BOUNDARY,
    CT_SIDE,
    STOW_TYPE,
    Item,
    ct_pixels,
    describe_pixels,
    header,
    study_date,
    uid,
)
from bench.dicomweb.load import Request
from bench.dicomweb.sections import exact_searches
from bench.dicomweb.servers import MemoryWatch

FRAMES = 2000
ENHANCED_TOKEN = 5 * 10**11
LARGE_FIRST = 6 * 10**11
ROWS_AT_ONCE = 2000
READERS = 4
SLOWDOWN = 1.5


def memory(bench: Bench) -> None:
    """The most that the web server holds while an object of 1 GiB arrives and leaves."""
    item_url = f"studies/{uid(ENHANCED_TOKEN)}/series/{uid(ENHANCED_TOKEN, 1)}/instances/"
    item_url += uid(ENHANCED_TOKEN, 1, 1)
    request = enhanced_ct()
    with MemoryWatch(bench.ours) as watch:
        stored = load.drive(bench.ours, [iter([request])])
    bench.add("memory", "store 2,000 frames, 1 GiB", "MB/s", ([_mb(request) / stored.wall_s], []))
    bench.add_memory_rows("most while it is stored", watch.most, [])
    bench.settle()
    remaining = iter([Request(f"{item_url}/frames/{n}", FRAME) for n in range(1, FRAMES + 1)])
    with MemoryWatch(bench.ours) as watch:
        read = load.drive(bench.ours, [remaining] * READERS)
    assert read.requests == FRAMES
    bench.add("memory", "read its frames, 4 connections", "frames/s", ([read.rate], []))
    bench.add_memory_rows("most while they are read", watch.most, [])


def enhanced_ct() -> Request:
    """An Enhanced CT of 2,000 frames that is made while it is sent."""
    frame = ct_pixels(7, 1).tobytes()
    pixel_bytes = FRAMES * len(frame)
    head = (
        b"--" + BOUNDARY + b"\r\nContent-Type: application/dicom\r\n\r\n" + _enhanced_header()
        + bytes.fromhex("e07f1000") + b"OW\0\0" + pixel_bytes.to_bytes(4, "little")
    )  # fmt: skip
    tail = b"\r\n--" + BOUNDARY + b"--\r\n"

    def body() -> Iterator[bytes]:
        yield head
        for number in range(FRAMES):
            yield number.to_bytes(4, "little") + frame[4:]  # no two frames are the same
        yield tail

    length = len(head) + pixel_bytes + len(tail)
    return Request("studies", JSON, body(), STOW_TYPE, length=length)


def _enhanced_header() -> bytes:
    """A part-10 file up to the pixel data."""
    dataset = header(EnhancedCTImageStorage, ENHANCED_TOKEN, 1, 1)
    dataset.Modality, dataset.NumberOfFrames = "CT", FRAMES
    describe_pixels(dataset, CT_SIDE, is_signed=True)
    measures, rescale, orientation = Dataset(), Dataset(), Dataset()
    measures.PixelSpacing, measures.SliceThickness = [0.7, 0.7], 0.5
    rescale.RescaleIntercept, rescale.RescaleSlope, rescale.RescaleType = 0, 1, "HU"
    orientation.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
    shared = Dataset()
    shared.PixelMeasuresSequence = Sequence([measures])
    shared.PixelValueTransformationSequence = Sequence([rescale])
    shared.PlaneOrientationSequence = Sequence([orientation])
    dataset.SharedFunctionalGroupsSequence = Sequence([shared])
    dataset.PerFrameFunctionalGroupsSequence = Sequence(map(_frame_group, range(FRAMES)))
    file = DicomBytesIO()
    dcmwrite(file, dataset, enforce_file_format=True)
    return file.getvalue()


def _frame_group(number: int) -> Dataset:
    position, content, group = Dataset(), Dataset(), Dataset()
    position.ImagePositionPatient = [-179.2, -179.2, 0.5 * number]
    content.StackID, content.InStackPositionNumber = "1", number + 1
    group.PlanePositionSequence = Sequence([position])
    group.FrameContentSequence = Sequence([content])
    return group


def large(bench: Bench, studies: int) -> None:
    """The same searches before and after rows of many more studies were written directly."""
    few = _search_times(bench, bench.data.small)
    began = time.monotonic()
    items = _write_rows(bench, studies)
    print(
        f"wrote the rows of {len(items)} studies directly, without files or STOW, "
        f"in {time.monotonic() - began:.1f} s"
    )
    many = _search_times(bench, [*bench.data.small, *items])
    for name, times in many.items():
        bound = SLOWDOWN * median(few[name])
        among = f"{name} among {studies}"
        bench.add("large", among, "ms", (times, []), is_less_better=True, bound=bound)


def _search_times(bench: Bench, items: list[Item]) -> dict[str, list[float]]:
    """The median milliseconds of each search, once per pair."""
    searches = {f"exact {key}": paths for key, paths in exact_searches(items).items()}
    searches["studies?limit=100"] = ["studies?limit=100"]
    found: dict[str, list[float]] = {name: [] for name in searches}
    for _ in range(bench.pairs):
        for name, paths in searches.items():
            bench.settle()
            source = cycled([Request(path, JSON) for path in paths])
            sample = load.drive(bench.ours, [source], seconds=bench.seconds)
            found[name].append(sample.p50_ms)
    return found


def _write_rows(bench: Bench, studies: int) -> list[Item]:
    """Copies of a stored study under new keys until the collection holds so many studies."""
    from django.db import connection

    from annotation.archive.models import Instance, Study
    from annotation.labeling.models import Case

    like = bench.data.small[0]
    instance = Instance.objects.select_related("series__study").get(
        sop_instance_uid=uid(like.token, 1, 1)
    )
    case = Case.objects.get(study=instance.series.study)
    missing = studies - Study.objects.filter(collection=instance.collection).count()
    items = [Item(like.path, LARGE_FIRST + n, 1, 1) for n in range(max(missing, 0))]
    for start in range(0, len(items), ROWS_AT_ONCE):
        rows = [_copies(case, instance, item) for item in items[start : start + ROWS_AT_ONCE]]
        for same_kind in zip(*rows, strict=True):  # studies, series, instances, cases
            type(same_kind[0]).objects.bulk_create(same_kind)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")  # autovacuum would do it within minutes
    connection.close()
    return items


def _copies(case: Any, instance: Any, item: Item) -> tuple[Any, Any, Any, Any]:
    """Study, series, instance and case like the given ones, under the item's keys."""
    old = instance.series.study.study_instance_uid.split(".")[-1], str(item.token)

    def renamed(row: Any, **changes: Any) -> Any:
        kept = {
            f.attname: getattr(row, f.attname)
            for f in row._meta.concrete_fields
            if f.name not in ("id", "created_at")
        }
        if "dicom_json" in kept:
            kept["dicom_json"] = json.loads(json.dumps(kept["dicom_json"]).replace(*old))
        return type(row)(**(kept | changes))

    study = renamed(
        instance.series.study, study_instance_uid=uid(item.token), patient_id=f"P{item.token}",
        accession_number=f"A{item.token}", study_date=study_date(item.token),
    )  # fmt: skip
    series = renamed(instance.series, study_id=study.pk, series_instance_uid=uid(item.token, 1))
    copied = renamed(instance, series_id=series.pk, sop_instance_uid=uid(item.token, 1, 1))
    shuffled = float(np.random.default_rng(item.token).random())
    return study, series, copied, renamed(case, study_id=study.pk, shuffle_key=shuffled)


def _mb(request: Request) -> float:
    return (request.length or 0) / 1e6
