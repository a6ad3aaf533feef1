"""Boxes that are drawn on the frames of volumes: truth, a whole round, suggestions, exclusions."""

import io
from uuid import uuid4

import numpy as np
import pydicom
import pytest
import torch

from annotation.archive.models import Instance
from annotation.archive.services.ingest import ingest
from annotation.core import jobs
from annotation.core.errors import InvalidInput
from annotation.datasets import services as datasets
from annotation.datasets.models import Split
from annotation.imaging import conversion
from annotation.labeling.models import Case, Suggestion
from annotation.labeling.services.importing import import_read
from annotation.labeling.services.projects import add_cases, current_schema, publish_schema
from learning import cross_validation, pipeline, pretraining
from learning.exclusions import words_of
from learning.models import CrossValidation, EncoderVersion, Prediction, Round, Trigger
from learning.pipeline.base import Examples
from learning.pipeline.kinds import kind_of
from learning.pipeline.reads import ReadAhead
from learning.selectors import learning_curve
from learning.services import cross_validations, rounds, suggestions, targets
from learning.services.pretraining import request_pretraining
from learning.stored_models import load_network, weights_folder
from learning.training.checkpoint import weights_path
from learning.training.detection.decode import Detections
from learning.training.detection.network import Detector
from learning.training.preparation import UnusableInput
from learning.training.transfer import start_from_bytes
from tests import factories

SHAPE = (24, 48, 48)
SPEC = {"size": list(SHAPE), "dimensions": "3d"}
SPLITS = (*[Split.TRAIN] * 6, *[Split.VALIDATION] * 2, *[Split.TEST] * 2)
DEFINITION = {
    "questions": [
        {"key": "note", "label": "Note", "kind": "text", "required": False},
        {
            "key": "side",
            "label": "Side",
            "kind": "one",
            "required": False,
            "options": [{"key": "left", "label": "Left"}, {"key": "right", "label": "Right"}],
        },
    ],
    "region_labels": [
        {"key": "nodule", "label": "Nodule", "kinds": ["box"]},
        {"key": "cyst", "label": "Cyst", "kinds": ["box", "ellipse"]},
    ],
}
STRAIGHT = np.diag([0.8, 0.8, 2.0, 1.0])


@pytest.fixture
def project(cast):
    publish_schema(actor=cast.manager, project=cast.project, definition=DEFINITION)
    return cast.project


def oblique(direction=1.0):
    """Columns 0.7, rows 0.9, slices 2.5 mm apart, turned about two axes; slices up or down the normal."""
    (c, s), (d, t) = ((np.cos(a), np.sin(a)) for a in (0.35, -0.5))
    turned = np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]]) @ np.array(
        [[1, 0, 0], [0, d, -t], [0, t, d]]
    )
    affine = np.eye(4)
    affine[:3, :3] = turned * [0.7, 0.9, 2.5 * direction]
    affine[:3, 3] = [-31.5, 12.25, 140.0]
    return affine


def keep(project, voxels, affine, key):
    """A study with this volume as its only series, as a case."""
    subject = conversion.Subject(patient_id=f"patient {key}")
    for data in conversion.volume_series(voxels, affine, subject, key, "CT"):
        study = ingest(collection=project.collection, chunks=[data]).study
    add_cases(project=project, studies=[study])
    return Case.objects.select_related("project", "study").get(project=project, study=study)


def planted(rng):
    """Noise with one bright block, and where it lies: (z0, y0, x0, z1, y1, x1)."""
    lengths = np.array([8, 14, 14]) + rng.integers(0, 3, 3)
    start = np.array([rng.integers(1, n - k - 1) for n, k in zip(SHAPE, lengths, strict=True)])
    voxels = rng.normal(0, 20, SHAPE)
    voxels[tuple(slice(a, a + k) for a, k in zip(start, lengths, strict=True))] += 300
    return voxels.astype(np.int16), [*start.tolist(), *(start + lengths).tolist()]


def slices_of(case):
    """Its instances in the order in which the volume was written."""
    instances = Instance.objects.filter(series__study=case.study)
    return list(instances.order_by("series__series_number", "instance_number"))


def region(instance, box, label="nodule", kind="box"):
    """A box (y0, x0, y1, x1), half-open in pixels, as a reader draws it."""
    y0, x0, y1, x1 = (float(n) - 0.5 for n in box)
    return {
        "id": str(uuid4()), "kind": kind, "label": label, "name": "", "answers": {}, "frame": 1,
        "sop_instance_uid": instance.sop_instance_uid, "points": None, "is_hidden": False,
        "is_locked": False, "pixels": [[x0, y0], [x1, y0], [x1, y1], [x0, y1]],
    }  # fmt: skip


def around(case, box, label="nodule"):
    """A region on every slice that a box in the volume crosses."""
    z0, y0, x0, z1, y1, x1 = box
    return [region(one, (y0, x0, y1, x1), label) for one in slices_of(case)[z0:z1]]


def read(reader, case, regions):
    import_read(reader=reader, case=case, content={"answers": {}, "regions": regions})


def target_of(cast, **options):
    return targets.create_target(
        actor=cast.manager, project=cast.project, kind="boxes", **{"input": SPEC, **options}
    )


class Looking:
    """One case as a round sees it."""

    def __init__(self, cast, case, **options):
        target = target_of(cast, **options)
        schema = current_schema(cast.project).schema
        self.kind = kind_of(target, schema, {}, target.strategy, 1)
        frozen = datasets.freeze(
            project=cast.project, name="frozen", actor=None, is_for_round=True, keywords=[]
        )
        self.item = frozen.items.select_related("case__study").get(case=case)
        [self.chosen] = self.kind.inputs.choose([self.item.case], {})
        [(_, self.image)] = self.kind.inputs.load([self.chosen], {})

    def label(self):
        return self.kind.label(self.chosen, self.item, self.image, ReadAhead([self.item]))

    def suggest(self, boxes, labels, scores=None):
        """What is offered of these detections on the network's grid."""
        scores = np.ones(len(boxes), np.float32) if scores is None else np.float32(scores)
        found = Detections(boxes, scores, labels, scores[:, None])
        content = self.kind.suggested(self.chosen, found, self.image.shape[1:])
        return suggestions.regions_of(content, self.kind.classes, [0.5] * len(self.kind.classes))


def places_mm(case, regions, affine):
    """Every corner in the patient, by the affine with which the volume was written."""
    number = {one.sop_instance_uid: z for z, one in enumerate(slices_of(case))}
    return sorted(
        (affine @ [x, y, number[one["sop_instance_uid"]], 1.0])[:3].tolist()
        for one in regions for x, y in one["pixels"]
    )  # fmt: skip


@pytest.mark.parametrize("direction", [1.0, -1.0])
@pytest.mark.parametrize("spec", [
    SPEC,
    {"size": [20, 40, 36], "dimensions": "3d", "crop": "centre", "spacing_mm": [3.1, 1.2, 1.1]},
    {"size": [24, 32, 32], "dimensions": "3d", "crop": "foreground"},
    {"size": [16, 32, 32], "dimensions": "3d", "keeps_size": True},
    {"size": [8, 16, 16], "dimensions": "3d", "keeps_size": True, "spacing_mm": [3.1, 1.2, 1.1]},
])  # fmt: skip
def test_boxes_go_from_the_patient_into_the_network_and_back(cast, project, spec, direction):
    voxels, (z0, y0, x0, z1, y1, x1) = planted(np.random.default_rng(5))
    affine = oblique(direction)
    case = keep(project, voxels, affine, "oblique")
    drawn = around(case, (z0, y0, x0, z1, y1, x1))
    read(cast.annotator, case, drawn)
    looking = Looking(cast, case, input=spec)
    boxes, labels = looking.label()
    assert labels.tolist() == [0]
    lit = np.argwhere(looking.image[0].astype(np.float32) > 1.5)
    seen = np.concatenate([lit.min(axis=0), lit.max(axis=0) + 1])
    np.testing.assert_allclose(boxes[0], seen, atol=1.0)
    offered = looking.suggest(boxes, labels)["regions"]
    assert len(offered) == len(drawn) == z1 - z0
    np.testing.assert_allclose(
        places_mm(case, offered, affine), places_mm(case, drawn, affine), atol=0.02
    )


def test_an_accepted_suggestion_teaches_the_box_that_was_suggested(cast, project):
    voxels, box = planted(np.random.default_rng(1))
    case = keep(project, voxels, STRAIGHT, "accepted")
    read(cast.annotator, case, around(case, box))
    looking = Looking(cast, case)
    found = np.array([[3, 5, 6, 9, 20, 21], [14, 30, 30, 15, 44, 45]], np.float32)
    offered = looking.suggest(found, np.array([0, 1]))["regions"]
    assert [one["name"] for one in offered] == ["nodule 1"] * 6 + ["cyst 2"]
    assert len({one["id"] for one in offered}) == 7
    read(cast.annotator2, case, offered)  # checked as any read is
    place_of = {frame.key: z for z, frame in enumerate(looking.chosen.grid().frames)}
    boxes, labels = looking.kind.linked({"regions": offered}, place_of)
    np.testing.assert_allclose(boxes, found, atol=0.02)
    assert labels.tolist() == [0, 1]


def test_only_sure_boxes_are_offered_and_never_more_than_a_read_can_hold(cast, project):
    voxels, box = planted(np.random.default_rng(1))
    case = keep(project, voxels, STRAIGHT, "sure")
    read(cast.annotator, case, around(case, box))
    looking = Looking(cast, case)
    whole = np.tile(np.array([0, 0, 0, *SHAPE], np.float32), (60, 1))
    scores = np.linspace(1.0, 0.45, 60)
    offered = looking.suggest(whole, np.zeros(60, np.int64), scores)["regions"]
    assert len(offered) == 24 * 41 == 984  # of 54 above the threshold
    assert offered[0]["name"] == "nodule 1"
    assert "score" not in offered[0]


def test_readers_agree_on_lesions_and_not_on_their_first_and_last_slice(cast, project):
    case = keep(project, planted(np.random.default_rng(1))[0], STRAIGHT, "two readers")
    read(cast.annotator, case, around(case, (4, 10, 10, 10, 20, 20)))
    read(cast.annotator2, case, around(case, (5, 10, 10, 12, 20, 22)))
    boxes, labels = Looking(cast, case).label()
    np.testing.assert_allclose(boxes, [[4.5, 10, 10, 11, 20, 21]], atol=1e-4)
    assert labels.tolist() == [0]


def test_a_lesion_that_one_of_two_readers_drew_leaves_its_case_out(cast, project):
    case = keep(project, planted(np.random.default_rng(1))[0], STRAIGHT, "two readers")
    read(cast.annotator, case, around(case, (4, 10, 10, 10, 20, 20)))
    second = [*around(case, (4, 10, 10, 10, 20, 20)), *around(case, (2, 40, 40, 4, 46, 46))]
    read(cast.annotator2, case, second)
    with pytest.raises(UnusableInput, match="the readers do not agree"):
        Looking(cast, case).label()


def second_series(case):
    """Another series of the same study, and its first image."""
    for instance in slices_of(case)[:5]:
        dataset = pydicom.dcmread(instance.path)
        dataset.SeriesInstanceUID = dataset.SeriesInstanceUID + ".2"
        dataset.SOPInstanceUID = instance.sop_instance_uid + ".2"
        dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
        dataset.SeriesNumber = 2
        file = io.BytesIO()
        dataset.save_as(file)
        ingest(collection=case.project.collection, chunks=[file.getvalue()])
    return Instance.objects.filter(series__study=case.study, series__series_number=2)[0]


def test_a_case_with_a_box_on_another_series_is_left_out(cast, project):
    voxels, box = planted(np.random.default_rng(1))
    case = keep(project, voxels, STRAIGHT, "two series")
    elsewhere = region(second_series(case), (5, 5, 15, 15))
    read(cast.annotator, case, [*around(case, box), elsewhere])
    looking = Looking(cast, case)
    with pytest.raises(UnusableInput, match="a box lies on an image that the network does not see"):
        looking.label()


@pytest.mark.parametrize("before", [[], [{"key": "cyst", "label": "Cyst", "kinds": ["ellipse"]}]])
def test_a_case_that_was_read_before_a_label_could_be_drawn_is_left_out(cast, project, before):
    nodule, _ = DEFINITION["region_labels"]
    labels = {"region_labels": [nodule, *before]}
    publish_schema(actor=cast.manager, project=project, definition=DEFINITION | labels)
    voxels, box = planted(np.random.default_rng(1))
    case = keep(project, voxels, STRAIGHT, "before cysts")
    read(cast.annotator, case, around(case, box))
    publish_schema(actor=cast.manager, project=project, definition=DEFINITION)
    looking = Looking(cast, case)
    with pytest.raises(UnusableInput) as caught:
        looking.label()
    assert words_of(str(caught.value)) == {"code": "label_later", "name": "cyst"}


def test_what_is_no_box_of_a_learned_label_does_not_matter(cast, project):
    voxels, box = planted(np.random.default_rng(1))
    case = keep(project, voxels, STRAIGHT, "others")
    elsewhere = region(second_series(case), (5, 5, 15, 15), label="cyst")
    round_one = region(slices_of(case)[3], (5, 5, 15, 15), label="cyst", kind="ellipse")
    read(cast.annotator, case, [*around(case, box), elsewhere, round_one])
    boxes, _ = Looking(cast, case, options={"labels": ["nodule"]}).label()
    np.testing.assert_allclose(boxes, [box], atol=1e-4)


def test_a_case_with_a_box_outside_of_the_crop_is_left_out(cast, project):
    case = keep(project, planted(np.random.default_rng(1))[0], STRAIGHT, "outside")
    read(cast.annotator, case, around(case, (2, 1, 1, 6, 9, 9)))
    looking = Looking(cast, case, input={**SPEC, "size": [24, 32, 32], "crop": "centre"})
    with pytest.raises(UnusableInput, match="outside of what the network sees"):
        looking.label()


@pytest.mark.parametrize(("spec", "reason"), [
    ({"size": [64, 64]}, "boxes are learned in volumes"),
    ({"size": [8, 64, 64], "dimensions": "2.5d"}, "boxes are learned in volumes"),
    ({**SPEC, "size": [24, 48, 44], "keeps_size": True}, "sides of windows are multiples of 8"),
    ({**SPEC, "columns": [{"name": "PatientAge", "source": "dicom"}]}, "drawn from the image alone"),
    ({**SPEC, "size": [4, 48, 48]}, "sides of at least 8"),
    ({**SPEC, "channels": [{"name": "a"}, {"name": "b", "branch": 1}]}, "has one branch"),
])  # fmt: skip
def test_an_input_that_boxes_cannot_be_learned_from_is_refused(cast, project, spec, reason):
    with pytest.raises(InvalidInput, match=reason) as caught:
        target_of(cast, input=spec)
    assert caught.value.extra["field"] == "input"


@pytest.mark.parametrize("spec", [SPEC, {**SPEC, "size": [16, 32, 32], "keeps_size": True}])
def test_boxes_are_learned_in_volumes_from_labels_to_suggestions(cast, project, spec):
    rng = np.random.default_rng(0)
    cases = []
    for number in range(len(SPLITS)):
        voxels, box = planted(rng)
        case = keep(project, voxels, STRAIGHT, f"labeled {number}")
        read(cast.annotator, case, around(case, box))
        cases.append(case)
    places = {}
    for number in range(3):
        voxels, box = planted(rng)
        case = keep(project, voxels, STRAIGHT, f"open {number}")
        places[case.pk] = box
        cases.append(case)
    add_cases(project=project, studies=[factories.make_study(project, "flat", patient="flat")])
    flat = Case.objects.get(project=project, study__patient_id="flat")
    splits = dict(
        zip([c.study.patient_id for c in cases], (*SPLITS, *[Split.TRAIN] * 2, Split.TEST), strict=True)
    ) | {"flat": Split.TRAIN}  # fmt: skip
    datasets.prescribe_splits(project=project, split_of_patient=splits)
    config = {"batch_size": 2, "epochs": 1, "min_steps": 60, "flip": False}
    target = target_of(cast, options={"labels": ["nodule"]}, config=config, input=spec)

    created = rounds.request_round(target=target, trigger=Trigger.MANUAL, seed=1)
    jobs.execute(Round, created.pk, pipeline.run_round)

    created.refresh_from_db()
    assert created.state == jobs.JobState.COMPLETED, created.error
    metrics = created.metrics
    [nodule] = metrics["labels"]
    assert (metrics["n"], nodule["name"], nodule["objects"]) == (2, "nodule", 2)
    assert metrics["metric"]["name"] == "ap10"
    assert metrics["ap10"]["value"] > 0.9
    assert metrics["ap50"]["value"] > 0.4
    assert metrics["froc"]["value"] > 0.9
    [left_out] = metrics["excluded"]
    assert left_out["case"] == str(flat.pk)
    assert "the series is no volume: a single image" in left_out["reason"]
    network = load_network(created.model_version)
    assert (network.shape.dimensions, network.shape.stride) == (3, 4)
    [point] = learning_curve(target)
    assert (point["figure"], point["value"]) == ("ap10", metrics["ap10"]["value"])
    assert created.ranked_cases == 3
    said = Case.objects.filter(pk__in=places).values_list("priority_reason", flat=True)
    assert sorted(text.split(" (")[0] for text in said) == [
        "Keeps the accuracy honest", *["The model is unsure about its boxes"] * 2,
    ]  # fmt: skip
    [held_out] = Prediction.objects.filter(case__in=places, score=None)
    assert held_out.content == {}
    offered = Suggestion.objects.filter(is_current=True)
    assert {one.case_id for one in offered} == set(places) - {held_out.case_id}
    for one in offered:
        check_offered(one, places[one.case_id])


def test_boxes_are_cross_validated_in_volumes(cast, project):
    """Cysts are rare: every fold is dealt one."""
    rng = np.random.default_rng(0)
    for number in range(9):
        voxels = rng.normal(0, 20, (8, 24, 24)).astype(np.int16)
        voxels[2:6, 9:20, 9:20] += 300
        case = keep(project, voxels, STRAIGHT, f"labeled {number}")
        cyst = around(case, (1, 1, 1, 5, 8, 8), "cyst") if number % 3 == 0 else []
        read(cast.annotator, case, [*around(case, (2, 9, 9, 6, 20, 20)), *cyst])
        datasets.prescribe_splits(
            project=project, split_of_patient={case.study.patient_id: Split.TRAIN}
        )
    datasets.freeze(project=project, name="d", actor=cast.manager)
    target = target_of(
        cast,
        input={"size": [8, 24, 24], "dimensions": "3d"},
        config={"batch_size": 2, "epochs": 1, "min_steps": 3},
    )
    job = cross_validations.request_cross_validation(
        actor=cast.manager, target=target, fold_count=3, seed=1
    )
    jobs.execute(CrossValidation, job.pk, cross_validation.run_cross_validation)
    job.refresh_from_db()
    assert job.state == jobs.JobState.COMPLETED, job.error
    assert [(fold["n"], fold["training"]) for fold in job.folds] == [(3, 3)] * 3
    assert set(job.metrics) == {"ap10", "ap50", "froc"}
    for name, mean in job.metrics.items():
        each = [fold["estimates"][name] for fold in job.folds]
        assert all(0 <= one["low"] <= one["value"] <= one["high"] <= 1 for one in each)
        assert mean["value"] == pytest.approx(np.mean([one["value"] for one in each]))
        assert mean["low"] <= mean["value"] <= mean["high"]
    kind = cross_validation._kind_of(job)
    cases = Examples(
        images=[],
        labels=[(np.zeros((2, 6)), np.array(found)) for found in ([0, 0], [0, 1], [0, 0])],
    )
    assert cross_validation._strata(job, kind, cases).tolist() == [1, 2, 1]


def test_a_detector_of_another_process_works_on_this_machines_device(cast, project, monkeypatch):
    records = {"task": {}, "architecture": {}}
    schema = current_schema(project).schema
    flat, deep = (
        kind_of(target_of(cast, input=spec, options={"labels": [label]}), schema, {}, "boxes", 1)
        for spec, label in (({}, "nodule"), (SPEC, "cyst"))
    )
    found = flat.restored(Detector(flat.shape(Examples([]))), records)
    kernels = [weight for weight in found.trained.parameters() if weight.ndim == 4]
    assert all(one.is_contiguous(memory_format=torch.channels_last) for one in kernels)
    monkeypatch.setattr("learning.pipeline.boxes.choose_device", lambda: torch.device("meta"))
    for kind in (flat, deep):
        found = kind.restored(Detector(kind.shape(Examples([]))), records)
        assert found.network is found.trained
        assert {one.device.type for one in found.network.parameters()} == {"meta"}


def check_offered(suggestion, box):
    """The surest lesion lies on the slices and around the place of what was planted."""
    first = [r for r in suggestion.content["regions"] if r["name"] == "nodule 1"]
    case = Case.objects.select_related("study").get(pk=suggestion.case_id)
    number = {one.sop_instance_uid: z for z, one in enumerate(slices_of(case))}
    crossed = sorted(number[r["sop_instance_uid"]] for r in first)
    assert crossed == list(range(crossed[0], crossed[-1] + 1))
    middle_z = (crossed[0] + crossed[-1] + 1) / 2
    x, y = np.mean(first[0]["pixels"], axis=0) + 0.5
    planted_at = (np.array(box[:3]) + box[3:]) / 2
    np.testing.assert_allclose([middle_z, y, x], planted_at, atol=4)


@pytest.mark.parametrize(("options", "begins_fresh"), [
    ({"kind": "boxes", "input": SPEC}, "lateral smooth heat box"),
    ({"kind": "boxes", "input": {**SPEC, "size": [16, 32, 32], "keeps_size": True}},
     "lateral smooth heat box"),
    ({"question": "side", "input": {**SPEC, "size": [16, 16, 16]}}, "fc"),
    ({"question": "side", "input": {
        **SPEC, "size": [16, 16, 16],
        "columns": [{"name": "PatientAge", "source": "dicom", "missing": "indicate"}]}},
     "columns head"),
])  # fmt: skip
def test_networks_of_volumes_learn_without_labels(cast, project, options, begins_fresh):
    rng = np.random.default_rng(0)
    cases = [keep(project, planted(rng)[0], STRAIGHT, f"open {number}") for number in range(8)]
    datasets.prescribe_splits(
        project=project, split_of_patient={c.study.patient_id: Split.TRAIN for c in cases}
    )
    target = targets.create_target(actor=cast.manager, project=project, **options)
    asked = request_pretraining(actor=cast.manager, target=target, steps=2)
    jobs.execute(EncoderVersion, asked.pk, pretraining.run_pretraining)
    asked.refresh_from_db()
    assert asked.state == jobs.JobState.COMPLETED, asked.error
    kind = kind_of(target, current_schema(project).schema, {}, target.strategy, 8)
    network = (
        Detector(kind.shape(Examples([]))) if "kind" in options else kind.architecture().build()
    )
    content = weights_path(weights_folder(), asked.weights_sha256).read_bytes()
    taken = start_from_bytes(network, content, "pre-trained")
    assert {name.split(".")[0] for name in taken.fresh} == set(begins_fresh.split())
