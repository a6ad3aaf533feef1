"""Label maps through the real server: packs larger than what Django buffers, and a whole series by the page's store."""

import io
import json
import subprocess
from pathlib import Path

import numpy as np
import pydicom
import requests  # noqa: TID251  a client of our server, not of a remote one
from pydicom.encaps import encapsulate, generate_frames
from pydicom.uid import RLELossless

from annotation.accounts.services import create_token
from annotation.archive import storage
from annotation.archive.services.ingest import ingest
from annotation.imaging import masks
from annotation.labeling.services import reading
from annotation.labeling.services.projects import add_cases, publish_schema
from tests import factories, servers

SEGMENTS = [{"value": value, "label": f"Segment {value}"} for value in range(1, 256)]


FRONTEND = Path(__file__).parents[2] / "frontend"
PAGE = Path(__file__).with_name("full_size_mask.mjs")


def test_a_pack_of_25_mib_is_stored_and_one_of_65_is_refused(live_cast):
    definition = {**factories.QUESTIONS, "segments": SEGMENTS}
    publish_schema(actor=live_cast.manager, project=live_cast.project, definition=definition)
    factories.make_empty_cases(live_cast.project, 1)
    lease = factories.claim(live_cast.annotator, live_cast.project)
    annotation = reading.open_annotation(reader=live_cast.annotator, case=lease.case)
    rng = np.random.default_rng(1)
    noise = [rng.integers(0, 256, (1, 1024, 1024), np.uint8) for _ in range(25)]
    pack = b"".join(masks.pack(map(masks.compress, noise)))
    assert len(pack) > 25 * 2**20
    _, secret = create_token(user=live_cast.annotator, lifetime_days=1)
    headers = {"Authorization": f"Token {secret}", "Content-Type": "application/octet-stream"}
    with servers.web_server() as address:
        url = f"{address}/api/v1/annotations/{annotation.pk}/masks"
        stored = requests.post(url, pack, headers=headers, timeout=60)
        refused = requests.post(url, pack + b"\0" * (40 * 2**20), headers=headers, timeout=60)
        empty = requests.get(url, headers=headers, timeout=60)
    assert (stored.status_code, stored.json()) == (200, {"stored": 25})
    assert (refused.status_code, refused.json()["field"]) == (400, "pack")
    assert empty.content == masks.PACK_MAGIC


def many_frames(count):
    """One object of so many black frames of 512 x 512, compressed: they are not what is tested."""
    dataset = pydicom.dcmread(io.BytesIO(factories.make_dicom("frames", side=32)))
    dataset.Rows = dataset.Columns = 512
    dataset.PixelData = bytes(512 * 512 * dataset.BitsAllocated // 8)
    dataset.compress(RLELossless)
    [frame] = generate_frames(dataset.PixelData, number_of_frames=1)
    dataset.NumberOfFrames = count
    dataset.PixelData = encapsulate([frame] * count)
    return dataset


def written(dataset):
    output = io.BytesIO()
    dataset.save_as(output)
    return output.getvalue()


def test_a_series_of_512_x_512_x_300_goes_to_the_server_as_deltas_and_comes_back_voxel_by_voxel(
    live_cast,
):
    definition = {**factories.QUESTIONS, "segments": SEGMENTS[:2]}
    publish_schema(actor=live_cast.manager, project=live_cast.project, definition=definition)
    image = many_frames(300)
    study = ingest(collection=live_cast.project.collection, chunks=[written(image)]).study
    add_cases(project=live_cast.project, studies=[study])
    lease = factories.claim(live_cast.annotator, live_cast.project)
    annotation = reading.open_annotation(reader=live_cast.annotator, case=lease.case)
    _, secret = create_token(user=live_cast.annotator, lifetime_days=1)
    places = image.SeriesInstanceUID, image.SOPInstanceUID
    with servers.web_server() as address:
        command = [
            str(FRONTEND / "npm"),
            "exec",
            "--silent",
            "--",
            "node",
            "--input-type=module",
            "-",
        ]
        page = subprocess.run(
            [*command, address, str(annotation.pk), secret, *places],
            cwd=FRONTEND, input=PAGE.read_text(), capture_output=True, text=True, timeout=120,
        )  # fmt: skip
    assert page.stderr == ""
    assert json.loads(page.stdout) == {"whole": 300, "delta": 2, "same": 300}
    annotation.refresh_from_db()
    [mask] = annotation.draft["masks"]
    y, x = np.mgrid[0:512, 0:512]
    for z in (0, 5, 299):
        stored = storage.blob_path(mask["slices"][f"{image.SOPInstanceUID}:{z + 1}"]).read_bytes()
        shift = 1 if z == 5 else 0
        labels = (x // 16 + y // 16 + z + shift) % 3
        labels[0, :9] = (z >> np.arange(9)) & 1
        assert np.array_equal(masks.decompress(stored)[0], labels)
