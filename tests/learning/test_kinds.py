"""Every kind of target through a whole round: labels, network, figures, ranking, suggestions."""

from pathlib import Path
from tempfile import TemporaryDirectory
from types import SimpleNamespace

import numpy as np
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from annotation.archive.models import Instance
from annotation.archive.services.ingest import ingest
from annotation.core import jobs
from annotation.core.errors import Conflict, InvalidInput
from annotation.datasets.models import Split
from annotation.datasets.services import freeze, prescribe_splits
from annotation.imaging import masks
from annotation.labeling.models import Case, Suggestion
from annotation.labeling.services.importing import import_read
from annotation.labeling.services.label_volumes import Grid, keep_layers
from annotation.labeling.services.projects import add_cases, current_schema, publish_schema
from learning import cross_validation, pipeline
from learning.images import Chosen
from learning.models import CrossValidation, Prediction, Round, Trigger
from learning.pipeline.boxes import agreed
from learning.pipeline.examples import load_examples
from learning.pipeline.image_boxes import Fit
from learning.pipeline.kinds import kind_of, kind_of_round
from learning.services import cross_validations, rounds, suggestions, targets
from learning.services.test_results import results_of
from learning.stored_models import load_network
from learning.training.metrics.figures import measures_of
from learning.training.preparation import UnusableInput
from tests import factories
from tests.enhanced import enhanced

TINY = {"side": 32, "batch_size": 8, "epochs": 1, "min_steps": 12, "evaluations": 3}
SPLITS = (*[Split.TRAIN] * 8, *[Split.VALIDATION] * 3, *[Split.TEST] * 3)
DEFINITION = {
    "questions": [
        {"key": "seen", "label": "Seen", "kind": "many", "options": [{"key": "a"}, {"key": "b"}]},
        {"key": "grade", "label": "Grade", "kind": "ordinal",
         "options": [{"key": "none"}, {"key": "mild"}, {"key": "severe"}]},
        {"key": "size", "label": "Size", "kind": "number", "minimum": 0, "maximum": 40,
         "decimals": 1},
        {"key": "days", "label": "Days", "kind": "number"},
        {"key": "died", "label": "Died", "kind": "one", "options": [{"key": "no"}, {"key": "yes"}]},
        {"key": "note", "label": "Note", "kind": "text", "required": False},
    ],
    "segments": [{"value": 3, "label": "Lesion"}, {"value": 5, "label": "Vessel", "layer": 1}],
    "region_labels": [{"key": "nodule", "label": "Nodule", "kinds": ["box"]}],
}  # fmt: skip
ANSWERS = ("seen", "grade", "size", "days")
STRATEGY = {
    "size": "variance", "days": "variance", "grade": "stratified_margin",
    "seen": "stratified_margin",
}  # fmt: skip


@pytest.fixture
def project(cast):
    publish_schema(actor=cast.manager, project=cast.project, definition=DEFINITION)
    return cast.project


def answers_of(number):
    is_odd = number % 2 == 1
    return {
        "seen": ["a"] if is_odd else ["b"], "grade": ("none", "mild", "severe")[number % 3],
        "size": 5.0 + 20 * is_odd, "days": 10.0 + number, "died": "yes" if is_odd else "no",
    }  # fmt: skip


def split(project, cases, splits):
    patients = [case.study.patient_id for case in cases]
    prescribe_splits(project=project, split_of_patient=dict(zip(patients, splits, strict=True)))


def labeled(project, reader, contents, *, make, splits=SPLITS):
    """Cases whose accepted reads have these contents, in the fixed splits."""
    cases = []
    for number, content in enumerate(contents):
        study = make(number)
        add_cases(project=project, studies=[study])
        case = Case.objects.select_related("project", "study").get(project=project, study=study)
        import_read(reader=reader, case=case, content=content(case))
        cases.append(case)
    split(project, cases, splits)
    return cases


def open_cases(project, studies):
    add_cases(project=project, studies=studies)
    cases = list(Case.objects.filter(project=project, study__in=studies).select_related("study"))
    split(project, cases, [Split.TRAIN] * (len(cases) - 1) + [Split.TEST])
    return cases


def run(target):
    created = rounds.request_round(target=target, trigger=Trigger.MANUAL, seed=1)
    jobs.execute(Round, created.pk, pipeline.run_round)
    created.refresh_from_db()
    assert created.state == jobs.JobState.COMPLETED, created.error
    return created


@pytest.fixture
def radiographs(cast, project):
    """Fourteen answered radiographs and four open ones."""
    complete = [lambda _, n=n: {"answers": answers_of(n)} for n in range(len(SPLITS))]

    def make(number):
        return factories.make_study(project, has_nodule=number % 2 == 1)

    labeled(project, cast.annotator, complete, make=make)
    return open_cases(project, [factories.make_study(project) for _ in range(4)])


@pytest.mark.parametrize(
    ("question", "figure"),
    [
        ("seen", "mean_auc"),
        ("grade", "quadratic_kappa"),
        ("size", "mean_absolute_error"),
        ("days", "c_index"),
    ],
)
def test_answers_of_every_kind_are_cross_validated(cast, radiographs, question, figure):
    options = {"event_question": "died", "event_option": "yes"} if question == "days" else {}
    target = targets.create_target(
        actor=cast.manager, project=cast.project, question=question, options=options, config=TINY
    )
    contents = [lambda _, n=n: {"answers": answers_of(n)} for n in range(len(SPLITS))]
    more = labeled(
        cast.project, cast.annotator, contents, make=lambda n: factories.make_study(cast.project)
    )
    split(cast.project, more, [Split.TRAIN] * len(more))
    dataset = freeze(project=cast.project, name="d", actor=cast.manager)
    job = cross_validations.request_cross_validation(
        actor=cast.manager, target=target, fold_count=3, seed=1
    )
    jobs.execute(CrossValidation, job.pk, cross_validation.run_cross_validation)
    job.refresh_from_db()
    assert (job.state, job.dataset) == ("completed", dataset), job.error
    assert sum(fold["n"] for fold in job.folds) == 25  # of 28: three are test patients
    values = [fold["estimates"][figure]["value"] for fold in job.folds]
    assert all(value is not None for value in values)
    assert job.metrics[figure]["value"] == pytest.approx(np.mean(values))
    assert job.metrics[figure]["low"] <= job.metrics[figure]["value"] <= job.metrics[figure]["high"]
    assert any(fold["estimates"][figure]["low"] is not None for fold in job.folds)


@pytest.mark.parametrize("question", ANSWERS)
def test_answers_of_every_kind_are_learned_ranked_and_suggested(cast, radiographs, question):
    options = {"event_question": "died", "event_option": "yes"} if question == "days" else {}
    target = targets.create_target(
        actor=cast.manager, project=cast.project, question=question, options=options, config=TINY
    )
    done = run(target)
    assert (target.strategy, done.training_labels, done.ranked_cases) == (STRATEGY[question], 8, 4)
    kind = {"seen": "many", "grade": "ordinal", "size": "number", "days": "time_to_event"}[question]
    figure = {
        "many": "mean_auc", "ordinal": "quadratic_kappa", "number": "mean_absolute_error",
        "time_to_event": "c_index",
    }[kind]  # fmt: skip
    version = done.model_version
    assert (target.kind, version.task["kind"]) == (kind, kind)
    assert done.metrics["n"] == 3
    assert set(done.metrics[figure]) == {"value", "low", "high"}
    assert sum(p.numel() for p in load_network(version).parameters()) > 100_000
    ranked = Case.objects.filter(project=cast.project, state="open", priority__isnull=False)
    assert ranked.count() == 4
    assert all(case.priority_reason for case in ranked)
    in_pool = Prediction.objects.filter(model_version=version, score__isnull=False)
    assert in_pool.count() == 3
    if kind in ("number", "time_to_event"):
        assert all(p.components["variance"] > 0 for p in in_pool)
    check_suggestions(version, kind, question)


def check_suggestions(version, kind, question):
    offered = {s.case_id: s.content for s in Suggestion.objects.filter(is_current=True)}
    if kind == "time_to_event":  # nobody can answer when something will happen
        assert offered == {}
        return
    assert len(offered) == 3
    for prediction in version.predictions.filter(score__isnull=False):
        said = offered[prediction.case_id]["answers"][question]
        if kind == "number":
            assert said == round(min(max(prediction.values[0], 0), 40), 1)
        elif kind == "many":
            limits = zip(("a", "b"), prediction.values, version.thresholds, strict=True)
            assert said == [name for name, p, t in limits if p >= t]
        else:
            assert said == ("none", "mild", "severe")[int(np.argmax(prediction.values))]


def test_numbers_are_suggested_as_a_reader_could_type_them(project):
    size = current_schema(project).schema.question("size")
    assert suggestions.number_of(size, 12.3456) == {"answers": {"size": 12.3}}
    assert suggestions.number_of(size, -3.0) == {"answers": {"size": 0}}


def make_volume(project, number):
    """A CT with a bright cube where the mask will be."""
    for data in factories.make_ct(f"kinds {number}", slices=8, patient=f"CT {number}"):
        study = ingest(collection=project.collection, chunks=[data]).study
    return study


def make_enhanced(project, key):
    """The like as one object, whose frames go from top to bottom."""
    slices = factories.make_ct(key, slices=8, patient=f"CT {key}")
    data = enhanced(slices, key, order=range(7, -1, -1))
    return ingest(collection=project.collection, chunks=[data]).study


def drawn(project, labels):
    def content(case):
        [series] = case.study.series.all()
        instances = series.instances.order_by("instance_number")
        grid = Grid.of_single_frames(
            series.series_instance_uid, [i.sop_instance_uid for i in instances]
        )
        layers = keep_layers(schema=current_schema(project).schema, labels=labels, grid=grid)
        return {"answers": answers_of(1), "masks": layers}

    return content


def test_masks_are_learned_in_volumes_and_suggested_as_masks(cast, project):
    contents = []
    for number in range(len(SPLITS)):
        labels = np.zeros((8, 32, 32), np.uint8)
        labels[2:6, 8 + number % 3 : 20, 8:20] = 3
        labels[6, :4, :4] = 5  # of another layer: not learned here
        contents.append(drawn(project, labels))
    labeled(project, cast.annotator, contents, make=lambda n: make_volume(project, n))
    pool = open_cases(project, [make_enhanced(project, f"open {n}") for n in range(3)])
    spec = {"size": [8, 32, 32], "dimensions": "3d", "keeps_size": True}
    target = targets.create_target(
        actor=cast.manager, project=project, kind="segmentation", strategy="class_entropy",
        input=spec, config={"batch_size": 2, "epochs": 4, "min_steps": 30, "evaluations": 2},
    )  # fmt: skip
    done = run(target)
    assert (target.name, done.metrics["n"], done.metrics["excluded"]) == ("masks of layer 0", 3, [])
    assert done.model_version.classes == ["Lesion"]
    assert done.metrics["mean_dice"]["value"] > 0.3
    assert done.ranked_cases == 3
    check_said(done.model_version, 1)
    check_reads(done)
    [held_out] = [case for case in pool if not Suggestion.objects.filter(case=case).exists()]
    assert Prediction.objects.get(case=held_out).score is None
    offered = Suggestion.objects.filter(is_current=True)
    assert offered.count() == 2
    for one in offered:
        for layer in one.content["masks"]:
            assert layer["layer"] == 0
            assert {int(key.split(":")[1]) for key in layer["slices"]} <= set(range(1, 9))
            for address in layer["slices"].values():
                assert set(np.unique(stored_mask(address))) <= {0, 3}
    drawn_on = [layer["slices"] for one in offered for layer in one.content["masks"]]
    assert max(len(slices) for slices in drawn_on) > 1, "one for each frame"
    assert any(one.content["masks"] for one in offered)


def check_reads(round_):
    """Labels are read with one query for each split, not one for each case."""
    kind, excluded = kind_of_round(round_), {}
    with TemporaryDirectory() as folder, CaptureQueriesContext(connection) as asked:
        found = load_examples(
            jobs.claim(Round, again(round_).pk), round_.dataset, kind, Path(folder), excluded
        )
    assert (sum(map(len, found.values())), excluded) == (len(SPLITS), {})
    reads = [one for one in asked if 'FROM "labeling_revision"' in one["sql"]]
    assert len(reads) == len(Split) + 1  # and which studies have outgrown theirs


def again(round_):
    return rounds.request_round(target=round_.target, trigger=Trigger.MANUAL, seed=2)


def check_said(version, width):
    """Test cases keep the numbers that predictions have: drift of drawings is told against them."""
    tested = list(version.test_results.values_list("said", flat=True))
    assert len(tested) == version.round.metrics["n"]
    said = [*tested, *version.predictions.values_list("values", flat=True)]
    assert {len(values) for values in said} == {width}
    assert all(value >= 0 for values in said for value in values)
    assert any(values[-1] > 0 for values in tested)
    assert all(values[-1] <= 1 for values in said)


def test_masks_are_cross_validated(cast, project):
    """Two structures: the rare one is spread over the folds."""
    contents = []
    for number in range(9):
        labels = np.zeros((8, 32, 32), np.uint8)
        labels[2:6, 8:20, 8:20] = 3
        labels[6, :4, :4] = 4 if number % 3 == 0 else 0
        contents.append(drawn(project, labels))
    publish_schema(
        actor=cast.manager, project=project,
        definition=DEFINITION | {"segments": [{"value": 3, "label": "Lesion"},
                                              {"value": 4, "label": "Rim"}]},
    )  # fmt: skip
    labeled(
        project,
        cast.annotator,
        contents,
        make=lambda n: make_volume(project, n),
        splits=[Split.TRAIN] * 9,
    )
    dataset = freeze(project=project, name="d", actor=cast.manager)
    target = targets.create_target(
        actor=cast.manager, project=project, kind="segmentation", strategy="class_entropy",
        input={"size": [8, 32, 32], "dimensions": "3d", "keeps_size": True},
        config={"batch_size": 2, "epochs": 1, "min_steps": 4, "evaluations": 2},
    )  # fmt: skip
    job = cross_validations.request_cross_validation(
        actor=cast.manager, target=target, fold_count=3, seed=1
    )
    jobs.execute(CrossValidation, job.pk, cross_validation.run_cross_validation)
    job.refresh_from_db()
    assert (job.state, job.dataset) == ("completed", dataset), job.error
    assert [(fold["n"], fold["training"]) for fold in job.folds] == [(3, 3)] * 3
    dice = [fold["estimates"]["mean_dice"] for fold in job.folds]
    assert all(0 <= one["low"] <= one["value"] <= one["high"] <= 1 for one in dice)
    mean = job.metrics["mean_dice"]
    assert mean["value"] == pytest.approx(np.mean([one["value"] for one in dice]))
    assert mean["low"] <= mean["value"] <= mean["high"]


def stored_mask(address):
    from annotation.archive import storage

    return masks.decompress(storage.blob_path(address).read_bytes())


def test_a_volume_that_is_none_is_left_out_with_a_reason(cast, project):
    contents = [drawn(project, np.full((8, 32, 32), 3, np.uint8)) for _ in SPLITS]
    labeled(project, cast.annotator, contents, make=lambda n: make_volume(project, n))
    [flat] = open_cases(project, [factories.make_study(project)])
    spec = {"size": [8, 32, 32], "dimensions": "3d", "keeps_size": True}
    target = targets.create_target(
        actor=cast.manager, project=project, kind="segmentation", input=spec,
        config={"batch_size": 2, "epochs": 1, "min_steps": 2, "evaluations": 1},
    )  # fmt: skip
    done = run(target)
    [left_out] = done.metrics["excluded"]
    assert left_out["case"] == str(flat.pk)
    assert "the series is no volume: a single image" in left_out["reason"]


def test_boxes_are_learned_and_suggested_above_their_threshold(cast, project):
    def content(case):
        [series] = case.study.series.all()
        [instance] = series.instances.all()
        box = {
            "id": "11111111-1111-4111-8111-111111111111", "kind": "box", "label": "nodule",
            "name": "", "answers": {}, "frame": 1, "points": None, "is_hidden": False,
            "sop_instance_uid": instance.sop_instance_uid, "is_locked": False,
            "pixels": [[10, 12], [29, 12], [29, 31], [10, 31]],
        }  # fmt: skip
        return {"answers": answers_of(1), "regions": [box]}

    labeled(
        project, cast.annotator, [content] * len(SPLITS),
        make=lambda n: factories.make_study(project, f"box {n}", has_nodule=n % 2 == 1),
    )  # fmt: skip
    open_cases(project, [factories.make_study(project, f"open {n}") for n in range(3)])
    config = {"side": 64, "batch_size": 4, "min_steps": 150, "epochs": 1, "flip": False}
    target = targets.create_target(actor=cast.manager, project=project, kind="boxes", config=config)
    done = run(target)
    assert (target.name, target.strategy) == ("boxes of nodule", "boxes")
    [nodule] = done.metrics["labels"]
    assert (nodule["name"], nodule["objects"]) == ("nodule", 3)
    kept = results_of(done.model_version).examined
    assert (kept.truth.sum(), kept.overlaps) == (3, (0.5,))
    again = measures_of(kept)["ap50"](np.arange(len(kept)))
    assert again == pytest.approx(done.metrics["ap50"]["value"])
    assert done.metrics["ap50"]["value"] > 0.5  # always at the same place: learned by heart
    version = done.model_version
    check_said(version, 2)
    assert load_network(version).shape.class_count == 1
    offered = Suggestion.objects.filter(is_current=True)
    assert offered.count() == 2
    found = [region for one in offered for region in one.content["regions"]]
    assert found
    assert all("score" not in region for region in found)
    xs, ys = np.mean([region["pixels"] for region in found], axis=(0, 1))
    assert abs(xs - 19.5) < 4
    assert abs(ys - 21.5) < 4
    check_box_folds(cast, target, config)


def test_boxes_on_another_image_of_the_study_leave_the_case_out(cast, project):
    """A lateral view in a series of its own: the first image would teach that nothing is there."""
    [case] = factories.make_cases(project, 1)
    instance = Instance.objects.get(series__study=case.study)
    target = targets.create_target(actor=cast.manager, project=project, kind="boxes")
    schema = current_schema(project).schema
    kind = kind_of(target, schema, {}, target.strategy, 1)
    box = {"kind": "box", "label": "nodule", "pixels": [[10, 12], [29, 12], [29, 31], [10, 31]]}
    here = {"regions": [{**box, "sop_instance_uid": instance.sop_instance_uid}]}
    elsewhere = {"regions": [*here["regions"], {**box, "sop_instance_uid": "1.2.3"}]}
    chosen = Chosen(case.pk, case.study_id, instance)
    boxes, _ = kind.label(chosen, None, None, ReadsOf(schema, here))
    assert len(boxes) == 1
    with pytest.raises(UnusableInput, match="an image that the network does not see"):
        kind.label(chosen, None, None, ReadsOf(schema, elsewhere))


class ReadsOf:
    """What readers of one schema drew, for an item that need not be stored."""

    def __init__(self, schema, *contents):
        self.schema, self.contents = schema, contents

    def of(self, _item):
        return [SimpleNamespace(content=one, schema=self.schema) for one in self.contents]


def check_box_folds(cast, target, config):
    """The same cases, cross-validated: always at the same place, so some of it is found."""
    target.config = config | {"min_steps": 50}
    target.save()
    job = cross_validations.request_cross_validation(
        actor=cast.manager, target=target, fold_count=3, seed=1
    )
    jobs.execute(CrossValidation, job.pk, cross_validation.run_cross_validation)
    job.refresh_from_db()
    assert job.state == jobs.JobState.COMPLETED, job.error
    assert sum(fold["n"] for fold in job.folds) == 11  # of 14: three are test patients
    for name in ("ap50", "froc"):
        each = [fold["estimates"][name] for fold in job.folds]
        assert all(one["low"] <= one["value"] <= one["high"] for one in each)
        assert job.metrics[name]["value"] == pytest.approx(np.mean([one["value"] for one in each]))
        assert job.metrics[name]["value"] > 0.3


def test_boxes_survive_the_way_into_the_square_and_back():
    fit = Fit(rows=60, columns=100, side=50)
    boxes = np.asarray([[10, 20, 30, 60]], np.float32)
    square = fit.to_network(boxes)
    np.testing.assert_allclose(square, [[15, 10, 25, 30]], atol=0.51)
    np.testing.assert_allclose(fit.to_image(square), boxes, atol=1e-3)


def test_readers_agree_on_the_boxes_that_most_of_them_drew():
    one = np.asarray([[0, 0, 10, 10], [50, 50, 60, 60]], np.float32)
    two = np.asarray([[0, 0, 10, 12]], np.float32)
    other = np.asarray([[0, 0, 10, 8], [50, 50, 60, 60]], np.float32)
    reads = [(b, np.zeros(len(b), np.int64)) for b in (one, two, other)]
    reads[2][1][1] = 1  # another label for the second object
    boxes, labels = agreed(reads, 0.5)
    np.testing.assert_allclose(boxes, [[0, 0, 10, 10]])
    assert labels.tolist() == [0]


def test_a_box_that_half_of_the_readers_drew_leaves_its_case_out():
    nothing = np.zeros((0, 4), np.float32), np.zeros(0, np.int64)
    one = np.asarray([[0, 0, 10, 10]], np.float32), np.zeros(1, np.int64)
    for reads in ([one, nothing], [nothing, one, nothing, one]):
        with pytest.raises(UnusableInput, match="the readers do not agree"):
            agreed(reads, 0.5)
    assert len(agreed([one, nothing, nothing], 0.5)[0]) == 0
    assert len(agreed([one, one, one, nothing], 0.5)[0]) == 1


def test_a_target_is_refused_with_the_field_that_is_wrong(cast, project):
    def refused(**wanted):
        with pytest.raises(InvalidInput) as caught:
            targets.create_target(actor=None, project=project, **wanted)
        return caught.value.extra["field"], str(caught.value)

    assert refused(question="note")[0] == "question"
    assert refused(question="size", kind="one") == (
        "kind", "The question is of the kind number.",
    )  # fmt: skip
    assert refused(question="size", options={"layer": 0})[0] == "options"
    assert "event_option must be one of no, yes" in refused(
        question="days", options={"event_question": "died", "event_option": "maybe"}
    )[1]  # fmt: skip
    assert "known: 0, 1" in refused(kind="segmentation", options={"layer": 7})[1]
    assert refused(kind="segmentation", question="size")[0] == "question"
    assert refused(kind="boxes", options={"labels": ["liver"]})[0] == "options"
    assert refused(question="size", strategy="margin")[0] == "strategy"
    assert refused(question="size", input={"size": [32]}) == (
        "input", "size must have 2 sides between 1 and 2048",
    )  # fmt: skip
    assert refused(kind="boxes", input={"size": [32, 32]})[0] == "input"
    targets.create_target(actor=None, project=project, kind="segmentation")
    with pytest.raises(Conflict):
        targets.create_target(actor=None, project=project, kind="segmentation")
    targets.create_target(actor=None, project=project, kind="segmentation", options={"layer": 1})
