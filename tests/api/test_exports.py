"""Exports of whole reads: what was drawn comes back from every format as other software reads it."""

import csv
import gzip
import hashlib
import io
import json
import zipfile

import highdicom
import nibabel
import numpy as np
import pydicom
import pytest

from annotation.archive import storage
from annotation.archive.services.ingest import ingest
from annotation.core import jobs
from annotation.datasets import exporting, services
from annotation.datasets.formats import FORMATS
from annotation.datasets.formats.base import SECTIONS
from annotation.datasets.formats.writers import WRITERS
from annotation.datasets.models import Export
from annotation.imaging import masks
from annotation.labeling.models import Case
from annotation.labeling.services.asked import Asked, ask_for_slices
from annotation.labeling.services.importing import import_read
from annotation.labeling.services.projects import add_cases, change_settings, publish_schema
from annotation.labeling.services.reading import open_annotation
from tests import factories

YES_NO = [
    {"key": "no"},
    {"key": "yes", "code": {"system": "SCT", "value": "373066001", "meaning": "Yes"}},
]
DEFINITION = {
    "questions": [
        {"key": "nodule", "label": "Nodule?", "options": YES_NO},
        {"key": "depth", "kind": "number", "required": False, "unit": {"code": "mm"}},
        {"key": "quality", "scope": "series", "required": False, "options": YES_NO},
        {"key": "view", "scope": "instance", "required": False, "options": YES_NO},
        {"key": "margin", "scope": "region", "required": False, "options": YES_NO},
    ],
    "region_labels": [
        {"key": "mass", "label": "Mass", "kinds": ["box", "polygon"]},
        {"key": "node", "kinds": ["ellipse", "point"]},
    ],
    "segments": [
        {
            "value": 3,
            "label": "Liver",
            "code": {"system": "SCT", "value": "10200004", "meaning": "Liver"},
        },
        {"value": 7, "label": "Lesion"},
        {"value": 2, "label": "Vessel", "layer": 1},
    ],
}
ROWS = COLUMNS = 32
SLICES = 5


def region(number, kind, pixels, sop_instance_uid, **more):
    return {
        "id": f"00000000-0000-4000-8000-{number:012}", "kind": kind, "label": "mass",
        "sop_instance_uid": sop_instance_uid, "frame": 1, "pixels": pixels, **more,
    }  # fmt: skip


def drawn(series_uid, uids, labels, layer=0):
    """A layer of content, its slices stored; `labels` is (z, y, x)."""
    stored = {
        f"{uid}:1": storage.keep_bytes(masks.compress(plane[None]))
        for uid, plane in zip(uids, labels, strict=True)
        if plane.any()
    }
    return {
        "layer": layer, "series_instance_uid": series_uid, "rows": labels.shape[1],
        "columns": labels.shape[2], "slices": stored,
    }  # fmt: skip


@pytest.fixture
def ct(cast):
    """A CT of 5 slices, 2 x 2 x 3 mm, the first at the origin; its headers in slice order."""
    publish_schema(actor=cast.manager, project=cast.project, definition=DEFINITION)
    files = factories.make_ct("exports", slices=SLICES)
    for data in files:
        study = ingest(collection=cast.project.collection, chunks=[data]).study
    add_cases(project=cast.project, studies=[study])
    return [pydicom.dcmread(io.BytesIO(data)) for data in files]


@pytest.fixture
def labels():
    """(z, y, x): liver in slices 1 to 3, a lesion in it."""
    made = np.zeros((SLICES, ROWS, COLUMNS), np.uint8)
    made[1:4, 4:20, 6:28] = 3
    made[2, 8:11, 10:15] = 7
    return made


@pytest.fixture
def content(ct, labels):
    uids = [header.SOPInstanceUID for header in ct]
    series = ct[0].SeriesInstanceUID
    vessel = np.zeros_like(labels)
    vessel[4, 1, 2] = 2
    return {
        "answers": {"nodule": "yes", "depth": -4.5},
        "scoped": [
            {"series_instance_uid": series, "answers": {"quality": "no"}},
            {"sop_instance_uid": uids[2], "frame": 1, "answers": {"view": "yes"}},
        ],
        "regions": [
            region(
                1, "box", [[4, 8], [9, 8], [9, 10], [4, 10]], uids[2], answers={"margin": "yes"}
            ),
            region(2, "polygon", [[1, 1], [5, 1], [1, 4]], uids[1]),
            region(3, "length", [[0, 0], [3, 4]], uids[3], label=""),
            region(4, "ellipse", [[5, 7], [5, 3], [4, 5], [6, 5]], uids[3], label="node"),
            region(5, "point", [[31, 31]], uids[4], label="node"),
        ],
        "masks": [drawn(series, uids, labels), drawn(series, uids, vessel, layer=1)],
    }


@pytest.fixture
def dataset(cast, content):
    import_read(reader=cast.annotator, case=Case.objects.get(), content=content)
    return services.freeze(project=cast.project, name="whole", actor=cast.manager)


@pytest.fixture
def exported(dataset, cast):
    """`exported(name)`: the path of the finished export."""

    def make(name):
        export = services.request_export(actor=cast.manager, dataset=dataset, format_name=name)
        jobs.execute(Export, export.pk, exporting.write_export)
        export.refresh_from_db()
        assert export.error == ""
        return services.export_path(export)

    return make


def entries(path):
    """Every file of a ZIP by name, with the manifest checked against them."""
    archive = zipfile.ZipFile(path)
    found = {name: archive.read(name) for name in archive.namelist()}
    manifest = json.loads(found.pop("manifest.json"))
    assert {f["file"]: f["sha256"] for f in manifest["files"]} == {
        name: hashlib.sha256(data).hexdigest() for name, data in found.items()
    }
    return found, manifest


def volume(data):
    return nibabel.Nifti1Image.from_bytes(gzip.decompress(data))


def test_every_format_has_a_writer():
    assert set(WRITERS) == set(FORMATS)


@pytest.mark.parametrize("name", sorted(FORMATS))
def test_the_same_dataset_gives_the_same_bytes(exported, name):
    first = exported(name).read_bytes()
    Export.objects.update(state="cancelled")
    assert exported(name).read_bytes() == first


def test_masks_are_volumes_in_the_place_of_their_series(exported, ct, labels):
    found, manifest = entries(exported("nifti"))
    assert manifest["left_out"] == []
    tables = json.loads(found["labels.json"])
    [liver, vessel] = sorted(tables)
    assert tables[liver]["3"] == {
        "label": "Liver", "colour": "#e69f00",
        "code": {"system": "SCT", "value": "10200004", "meaning": "Liver"},
    }  # fmt: skip
    assert (set(tables[liver]), set(tables[vessel])) == ({"3", "7"}, {"2"})
    mask = volume(found[liver])
    np.testing.assert_array_equal(np.asarray(mask.dataobj), labels.transpose(2, 1, 0))
    np.testing.assert_allclose(mask.affine, np.diag([-2, -2, 3, 1]))
    assert mask.header["qform_code"] == mask.header["sform_code"] == 1
    [name] = [n for n in found if n.startswith("images/")]
    image = volume(found[name])
    np.testing.assert_allclose(image.affine, mask.affine)
    voxels = np.stack([header.pixel_array for header in ct])
    np.testing.assert_array_equal(np.asarray(image.dataobj), voxels.transpose(2, 1, 0))
    datalist = json.loads(found["datalist.json"])
    listed = [e for name in ("training", "validation", "test") for e in datalist[name]]
    assert [(e["image"], e["label"]) for e in listed] == [(name, liver), (name, vessel)]
    assert [(e["not_asked"], e["disputed"]) for e in listed] == [({}, {})] * 2


def test_masks_say_on_which_slices_they_are_the_truth(cast, ct, content, request):
    places = [f"{header.SOPInstanceUID}:1" for header in ct]
    series = ct[0].SeriesInstanceUID
    slices = [{"slice": places[z]} for z in (1, 4)]
    case = Case.objects.get(project=cast.project)
    ask_for_slices(origin="t", asked=[Asked(case.pk, 0, series, slices)])
    open_annotation(reader=cast.annotator, case=case)
    exported = request.getfixturevalue("exported")
    with zipfile.ZipFile(exported("nifti")) as archive:
        listed = json.loads(archive.read("datalist.json"))
    body = json.loads(exported("monai_datalist").read_text())
    for found in (
        [e for name in ("training", "validation", "test") for e in listed[name]],
        [
            v
            for name in ("training", "validation", "test")
            for e in body[name]
            for v in e["volumes"]
        ],
    ):
        asked = {entry["label"].split("-")[-2]: entry["asked_slices"] for entry in found}
        assert asked == {"layer0": [1, 4], "layer1": None}
    [read] = json.loads(exported("content").read_text())["reads"]
    assert read["asked_slices"] == [
        {"layer": 0, "series_instance_uid": series, "slices": [places[1], places[4]]}
    ]


def test_the_datalist_names_the_volumes_and_masks_of_the_nifti_export(exported):
    files = set(zipfile.ZipFile(exported("nifti")).namelist())
    body = json.loads(exported("monai_datalist").read_text())
    [entry] = body["training"] + body["validation"] + body["test"]
    assert {p for v in entry["volumes"] for p in (v["image"], v["label"])} <= files
    assert len(entry["volumes"]) == 2
    assert len(entry["image"]) == SLICES


def test_boxes_and_polygons_are_cocos(exported, ct):
    body = json.loads(exported("coco").read_text())
    assert len(body["images"]) == SLICES
    image_of = {image["id"]: image for image in body["images"]}
    assert [(c["id"], c["name"]) for c in body["categories"]] == [(1, "mass"), (2, "node")]
    box, polygon, ellipse = body["annotations"]
    # From pixel centres to corners: half a pixel is added.
    assert box["bbox"] == [4.5, 8.5, 5, 2]
    assert box["segmentation"] == [[4.5, 8.5, 9.5, 8.5, 9.5, 10.5, 4.5, 10.5]]
    assert (box["area"], box["category_id"], box["attributes"]) == (10, 1, {"margin": "yes"})
    assert image_of[box["image_id"]]["sop_instance_uid"] == ct[2].SOPInstanceUID
    assert (polygon["bbox"], polygon["area"]) == ([1.5, 1.5, 4, 3], 6)
    assert (ellipse["bbox"], ellipse["category_id"]) == ([4.5, 3.5, 2, 4], 2)
    assert ellipse["area"] == pytest.approx(2 * np.pi, abs=1e-3)
    assert {(i["width"], i["height"]) for i in body["images"]} == {(COLUMNS, ROWS)}


def test_the_whole_content_lies_in_the_patient(exported, content):
    [read] = json.loads(exported("content").read_text())["reads"]
    assert read["content"]["answers"] == content["answers"]
    assert read["content"]["scoped"] == content["scoped"]
    assert read["content"]["masks"] == content["masks"]
    box, _, length, *_ = read["content"]["regions"]
    assert box["points"] == [[8, 16, 6], [18, 16, 6], [18, 20, 6], [8, 20, 6]]
    assert box["measures"] == {"area": 40, "unit": "mm", "source": "patient"}
    assert length["measures"] == {"length": 10, "unit": "mm", "source": "patient"}
    files = set(zipfile.ZipFile(exported("nifti")).namelist())
    assert set(read["mask_files"]) <= files


def test_there_is_a_table_for_every_scope(exported, ct, labels):
    found, _ = entries(exported("tables"))
    rows = {name: list(csv.DictReader(io.StringIO(data.decode()))) for name, data in found.items()}
    [study] = rows["studies.csv"]
    assert (study["nodule"], study["depth"]) == ("yes", "-4.5")
    assert [(r["series_instance_uid"], r["quality"]) for r in rows["series.csv"]] == [
        (ct[0].SeriesInstanceUID, "no")
    ]
    assert [(r["sop_instance_uid"], r["frame"], r["view"]) for r in rows["instances.csv"]] == [
        (ct[2].SOPInstanceUID, "1", "yes")
    ]
    box, _, length, *_ = rows["regions.csv"]
    assert (box["kind"], box["margin"], float(box["area"])) == ("box", "yes", 40)
    assert (json.loads(length["pixels"]), float(length["length"])) == ([[0, 0], [3, 4]], 10)
    lesion = next(r for r in rows["masks.csv"] if r["label"] == "Lesion")
    voxels = int((labels == 7).sum())
    assert (int(lesion["voxels"]), lesion["slices"]) == (voxels, "1")
    assert float(lesion["volume_mm3"]) == voxels * 2 * 2 * 3
    assert {r["case"] for name in rows for r in rows[name]} == {study["case"]}


def test_segmentations_come_back_through_highdicom(exported, ct, labels):
    found, manifest = entries(exported("dicom_seg"))
    assert manifest["left_out"] == []
    [name] = [n for n in found if "layer0" in n]
    made = highdicom.seg.segread(io.BytesIO(found[name]))
    assert [d.SegmentLabel for d in made.SegmentSequence] == ["Liver", "Lesion"]
    assert made.get_segment_description(1).segmented_property_type.value == "10200004"
    assert (made.StudyInstanceUID, made.FrameOfReferenceUID) == (
        ct[0].StudyInstanceUID, ct[0].FrameOfReferenceUID,
    )  # fmt: skip
    uids = [header.SOPInstanceUID for header in ct]
    back = made.get_pixels_by_source_instance(
        uids[1:4], combine_segments=True, relabel=False, assert_missing_frames_are_empty=True
    )
    expected = np.choose(np.searchsorted([0, 3, 7], labels[1:4]), [0, 1, 2])
    np.testing.assert_array_equal(back, expected)


def test_reports_hold_answers_regions_and_measures(exported, ct, content):
    found, manifest = entries(exported("dicom_sr"))
    assert manifest["left_out"] == []
    [data] = found.values()
    report = highdicom.sr.srread(io.BytesIO(data))
    assert report.StudyInstanceUID == ct[0].StudyInstanceUID
    groups = report.content.get_planar_roi_measurement_groups()
    assert len(groups) == len(content["regions"])
    box = next(g for g in groups if g.tracking_identifier.endswith("1"))
    reference = box.roi
    np.testing.assert_allclose(
        reference.value, [[4.5, 8.5], [9.5, 8.5], [9.5, 10.5], [4.5, 10.5], [4.5, 8.5]]
    )
    assert box.finding_type.meaning == "Mass"
    [area] = box.get_measurements()
    assert (area.value, area.unit.value, area.name.meaning) == (40, "mm2", "Area")
    [margin] = box.get_qualitative_evaluations()
    assert margin.value.value == "373066001"
    [study] = report.content.get_image_measurement_groups()
    assert [m.value for m in study.get_measurements()] == [-4.5]
    assert [q.value.value for q in study.get_qualitative_evaluations()] == ["373066001"]


def test_the_hash_of_a_dataset_covers_all_that_was_drawn(cast, content, dataset):
    moved = {**content, "regions": content["regions"][:-1]}
    import_read(reader=cast.annotator, case=Case.objects.get(), content=moved)
    again = services.freeze(project=cast.project, name="moved", actor=cast.manager)
    before, after = dataset.items.get(), again.items.get()
    assert before.answers == after.answers
    assert before.contents_sha256 != after.contents_sha256
    assert services.items_sha256([after]) == again.sha256 != dataset.sha256


def test_a_dataset_exports_the_reads_it_was_frozen_with(cast, content, exported, dataset):
    import_read(
        reader=cast.annotator, case=Case.objects.get(), content={"answers": {"nodule": "no"}}
    )
    [read] = json.loads(exported("content").read_text())["reads"]
    assert len(read["content"]["regions"]) == 5


def test_two_readers_give_two_reads_of_each_mask(cast, content, ct):
    change_settings(actor=cast.manager, project=cast.project, readers_per_case=2)
    for reader in (cast.annotator, cast.annotator2):
        import_read(reader=reader, case=Case.objects.get(), content=content)
    dataset = services.freeze(project=cast.project, name="two", actor=cast.manager)
    out = io.BytesIO()
    WRITERS["nifti"](dataset, out, lambda _done, _total: None)
    names = [n for n in zipfile.ZipFile(out).namelist() if n.startswith("masks/")]
    assert len({n.rpartition("-read")[2] for n in names}) == 2
    assert len(names) == 4
    assert sum(n.startswith("images/") for n in zipfile.ZipFile(out).namelist()) == 1


def test_images_of_several_sizes_in_one_series_have_masks_of_their_own(cast):
    publish_schema(actor=cast.manager, project=cast.project, definition=DEFINITION)
    large, small = factories.make_ct("two sizes", slices=2)
    small = factories.cropped(small, 20, 16)
    for data in (large, small):
        study = ingest(collection=cast.project.collection, chunks=[data]).study
    add_cases(project=cast.project, studies=[study])
    headers = [pydicom.dcmread(io.BytesIO(data)) for data in (large, small)]
    shapes = [(one.Rows, one.Columns) for one in headers]
    made = [np.full((1, *shape), 3, np.uint8) for shape in shapes]
    drawn_on = [
        drawn(one.SeriesInstanceUID, [one.SOPInstanceUID], labels)
        for one, labels in zip(headers, made, strict=True)
    ]
    content = {"answers": {"nodule": "yes", "depth": -4.5}, "masks": drawn_on}
    import_read(reader=cast.annotator, case=Case.objects.get(), content=content)
    dataset = services.freeze(project=cast.project, name="sizes", actor=cast.manager)

    def exported(name):
        export = services.request_export(actor=cast.manager, dataset=dataset, format_name=name)
        jobs.execute(Export, export.pk, exporting.write_export)
        export.refresh_from_db()
        return entries(services.export_path(export))

    found, manifest = exported("nifti")
    assert manifest["left_out"] == []
    named = sorted(name for name in found if name.endswith(".nii.gz"))
    assert len(named) == 4  # two masks, and the images of each
    sizes = {volume(found[name]).shape for name in named}
    assert sizes == {(columns, rows, 1) for rows, columns in shapes}
    found, manifest = exported("dicom_seg")
    assert manifest["left_out"] == []
    segmentations = [pydicom.dcmread(io.BytesIO(data)) for n, data in found.items() if "seg/" in n]
    assert {(one.Rows, one.Columns) for one in segmentations} == set(shapes)


def test_options_that_came_later_are_named_and_not_absent(cast):
    question = {"key": "seen", "kind": "many", "options": [{"key": "a"}, {"key": "b"}]}
    cases = factories.make_cases(cast.project, 2)
    for case in cases:  # the second is read once there is an option c
        publish_schema(
            actor=cast.manager, project=cast.project, definition={"questions": [question]}
        )
        import_read(reader=cast.annotator, case=case, content={"answers": {"seen": ["a"]}})
        question["options"].append({"key": "c"})
    frozen = services.freeze(project=cast.project, name="d", actor=cast.manager)
    first, second = (str(case.pk) for case in cases)

    def written(name):
        export = services.request_export(actor=cast.manager, dataset=frozen, format_name=name)
        jobs.execute(Export, export.pk, exporting.write_export)
        return services.export_path(export).read_text()

    rows = {row["case"]: row for row in csv.DictReader(written("csv").splitlines())}
    assert [rows[case]["not_asked"] for case in (first, second)] == ["seen:c", ""]
    reads = {read["case"]: read["not_asked"] for read in json.loads(written("content"))["reads"]}
    assert reads == {first: {"seen": ["c"]}, second: {}}
    listed = json.loads(written("monai_datalist"))
    of_case = {one["case"]: one["not_asked"] for name in SECTIONS.values() for one in listed[name]}
    assert of_case == reads
