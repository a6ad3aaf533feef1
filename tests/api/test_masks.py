"""Label maps over HTTP: uploaded before a draft names them, loaded when a case opens."""

import numpy as np
import pytest

from annotation.archive import storage
from annotation.archive.services.garbage import collect_garbage
from annotation.archive.services.ingest import ingest
from annotation.imaging import masks
from annotation.labeling import selectors
from annotation.labeling.api import masks as masks_api
from annotation.labeling.models import Case
from annotation.labeling.services import claiming, reading
from annotation.labeling.services.projects import add_cases, publish_schema
from tests import factories

SEGMENTS = {
    **factories.QUESTIONS,
    "segments": [{"value": 1, "label": "Lung"}, {"value": 2, "label": "Tumour", "layer": 1}],
}


@pytest.fixture
def drawn(cast):
    """A read of a CT of three slices of 32 x 32."""
    publish_schema(actor=cast.manager, project=cast.project, definition=SEGMENTS)
    files = factories.make_ct("masks", slices=3)
    for data in files:
        study = ingest(collection=cast.project.collection, chunks=[data]).study
    add_cases(project=cast.project, studies=[study])
    case = Case.objects.get(project=cast.project)
    claiming.claim_case(reader=cast.annotator, case=case)
    annotation = reading.open_annotation(reader=cast.annotator, case=case)
    annotation.headers = [factories.read(data) for data in files]
    return annotation


def slice_of(seed, value=1, side=32):
    labels = np.random.default_rng(seed).integers(0, 2, (1, side, side)) * value
    return masks.compress(labels.astype(np.uint8))


def upload(client, annotation, *slices):
    return client.post(
        f"/api/v1/annotations/{annotation.pk}/masks", b"".join(masks.pack(slices)),
        content_type="application/octet-stream",
    )  # fmt: skip


def content_of(annotation, *slices, layer=0, side=32):
    headers = annotation.headers
    mask = {
        "layer": layer, "series_instance_uid": headers[0].SeriesInstanceUID, "rows": side,
        "columns": side,
        "slices": {
            f"{header.SOPInstanceUID}:1": masks.address(data)
            for header, data in zip(headers, slices, strict=False)
        },
    }  # fmt: skip
    return {"answers": {"nodule": "yes"}, "masks": [mask]}


def save(client, annotation, version, content):
    return client.put(
        f"/api/v1/annotations/{annotation.pk}/draft", {"content": content},
        headers={"If-Match": str(version)},
    )  # fmt: skip


def load(client, annotation, **query):
    answer = client.get(f"/api/v1/annotations/{annotation.pk}/masks", query)
    return {one.data for one in masks.unpack(answer.getvalue())}


def test_uploaded_slices_can_be_named_and_loaded_again(drawn, cast, client_of):
    client, slices = client_of(cast.annotator), [slice_of(1), slice_of(2)]
    answer = upload(client, drawn, *slices)
    assert (answer.status_code, answer.json()) == (200, {"stored": 2})
    assert save(client, drawn, 1, content_of(drawn, *slices)).status_code == 200
    assert load(client, drawn, layer=0) == set(slices)
    assert load(client, drawn, layer=1) == set()


def test_a_draft_cannot_name_what_was_not_uploaded(drawn, cast, client_of):
    known, lost = slice_of(11), slice_of(12)
    client = client_of(cast.annotator)
    upload(client, drawn, known)
    answer = save(client, drawn, 1, content_of(drawn, known, lost))
    path = f"masks[0].slices.{drawn.headers[1].SOPInstanceUID}:1"
    assert (answer.status_code, answer.json()["fields"]) == (400, {path: "has not been uploaded"})


def test_a_draft_cannot_name_another_file_or_a_slice_of_another_size(drawn, cast, client_of):
    """Masks share the storage with images: a hash alone must not make one readable."""
    file, small = factories.make_ct("masks", slices=3)[0], slice_of(1, side=16)
    client = client_of(cast.annotator)
    upload(client, drawn, small)
    stored = [save(client, drawn, 1, content_of(drawn, data)).json() for data in (file, small)]
    assert [list(answer["fields"].values()) for answer in stored] == [
        ["has not been uploaded"],
        ["is no slice of 32 x 32"],
    ]


def test_one_bad_slice_stores_nothing(drawn, cast, client_of):
    good, bad = slice_of(13), masks.MAGIC + b"broken"
    answer = upload(client_of(cast.annotator), drawn, good, bad)
    assert (answer.status_code, answer.json()["field"]) == (400, "pack")
    assert not storage.blob_path(masks.address(good)).exists()


def test_a_label_must_be_a_segment(drawn, cast, client_of):
    answer = upload(client_of(cast.annotator), drawn, slice_of(1), slice_of(1, value=3))
    assert answer.status_code == 400
    assert answer.json()["detail"] == "Slice 1 holds the label 3, which is no segment."


def test_a_label_must_be_a_segment_of_the_layer_that_names_it(drawn, cast, client_of):
    """Label 2 is a segment of layer 1: it may be uploaded, but layer 0 may not name it."""
    client, right, wrong = client_of(cast.annotator), slice_of(1), slice_of(2, value=2)
    assert upload(client, drawn, right, wrong).status_code == 200
    refused = save(client, drawn, 1, content_of(drawn, right, wrong))
    key = f"{drawn.headers[1].SOPInstanceUID}:1"
    assert refused.status_code == 400
    assert refused.json()["fields"] == {
        f"masks[0].slices.{key}": "holds the label 2, which is no segment of layer 0"
    }
    drawn.refresh_from_db()
    assert "masks" not in drawn.draft
    assert save(client, drawn, 1, content_of(drawn, wrong, layer=1)).status_code == 200
    moved = save(client, drawn, 2, content_of(drawn, wrong, layer=0))
    assert moved.status_code == 400, "named before, but in another layer"


def test_an_imported_label_map_is_checked_when_it_is_saved(drawn, cast, client_of):
    labels = np.zeros((3, 32, 32), np.uint8)
    labels[1, 5, 5] = 7
    data = masks.compress(labels)
    mask = {
        "sha256": storage.keep_bytes(data), "shape": [3, 32, 32], "segments": [1],
        "series_instance_uid": drawn.headers[0].SeriesInstanceUID,
        "sop_instance_uids": [header.SOPInstanceUID for header in drawn.headers],
    }  # fmt: skip
    client = client_of(cast.annotator)
    content = {"answers": {"nodule": "yes"}, "masks": [mask]}
    told = save(client, drawn, 1, content).json()["fields"]
    assert told == {"masks[0].sha256": "holds the label 7, which is no segment of this schema"}
    mask["sha256"] = masks.address(b"never sent")
    told = save(client, drawn, 1, content).json()["fields"]
    assert told == {"masks[0].sha256": "has not been uploaded"}


def test_a_pack_has_a_limit_and_a_type(drawn, cast, client_of, monkeypatch):
    client = client_of(cast.annotator)
    url = f"/api/v1/annotations/{drawn.pk}/masks"
    assert client.post(url, {}, format="json").status_code == 415
    assert client.post(url, b"", content_type="application/octet-stream").status_code == 400
    monkeypatch.setattr(masks_api, "MAX_PACK_BYTES", 100)
    assert "may not exceed" in upload(client, drawn, slice_of(1)).json()["detail"]


def test_revisions_keep_their_masks_and_reviewers_can_load_them(drawn, cast, client_of):
    client, first, second = client_of(cast.annotator), slice_of(1), slice_of(2)
    upload(client, drawn, first, second)
    url = f"/api/v1/annotations/{drawn.pk}"
    body = {"content": content_of(drawn, first)}
    made = client.post(f"{url}/submission", body, headers={"If-Match": "1"})
    assert made.status_code == 201, made.json()
    assert upload(client, drawn, second).status_code == 409
    version = client.post(f"{url}/reopening").json()["annotation"]["version"]
    assert save(client, drawn, version, content_of(drawn, second)).status_code == 200
    reviewer = client_of(cast.reviewer)
    assert load(reviewer, drawn, revision=1) == {first}
    assert load(reviewer, drawn) == {second}
    assert reviewer.get(f"{url}/masks", {"revision": 2}).status_code == 404
    assert reviewer.get(f"{url}/masks", {"layer": "a"}).status_code == 400


def test_the_garbage_collector_keeps_the_slices_that_drafts_name(drawn, cast, client_of):
    client, kept, dropped = client_of(cast.annotator), slice_of(1), slice_of(2)
    upload(client, drawn, kept, dropped)
    save(client, drawn, 1, content_of(drawn, kept))
    assert selectors.mask_addresses() == {masks.address(kept)}
    collect_garbage(also_referenced=selectors.mask_addresses(), min_age_s=-1)
    assert storage.blob_path(masks.address(kept)).exists()
    assert not storage.blob_path(masks.address(dropped)).exists()


def test_what_a_first_impression_shows_must_be_uploaded_and_is_kept(drawn, cast, client_of):
    """Long after the reader erased it: the impression stands as long as the read."""
    client, erased = client_of(cast.annotator), slice_of(21)
    impression = {**content_of(drawn, erased), "at": "2026-11-30T08:00:00Z"}
    content = {"answers": {"nodule": "yes"}, "first_impression": impression}
    path = f"first_impression.masks[0].slices.{drawn.headers[0].SOPInstanceUID}:1"
    refused = save(client, drawn, 1, content).json()
    assert refused["fields"] == {path: "has not been uploaded"}
    upload(client, drawn, erased)
    assert save(client, drawn, 1, content).status_code == 200
    collect_garbage(also_referenced=selectors.mask_addresses(), min_age_s=-1)
    assert storage.blob_path(masks.address(erased)).exists()


def test_saving_again_looks_at_no_file_that_was_named_before(drawn, cast, client_of, monkeypatch):
    client, slices = client_of(cast.annotator), [slice_of(1), slice_of(2)]
    upload(client, drawn, *slices)
    save(client, drawn, 1, content_of(drawn, slices[0]))
    looked, find = [], storage.blob_path
    monkeypatch.setattr(storage, "blob_path", lambda sha256: looked.append(sha256) or find(sha256))
    assert save(client, drawn, 2, content_of(drawn, *slices)).status_code == 200
    assert looked == [masks.address(slices[1])]
