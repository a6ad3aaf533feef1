"""Whether what arrives is still like what a model was trained and measured on."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from annotation.core.jobs import JobState
from annotation.labeling.models import Case
from annotation.labeling.services.projects import publish_schema
from learning.models import (
    EMBEDDING_SIZE,
    Embedding,
    EncoderVersion,
    ModelVersion,
    Prediction,
    Round,
    Trigger,
)
from learning.services import embeddings, targets
from learning.services.drift import drift_of
from learning.services.test_results import Results, keep
from learning.training.metrics.figures import Examined
from tests import factories
from tests.learning.test_promotion import make_version
from tests.learning.test_subgroups import element, make_case

NOVEMBER = datetime(2026, 11, 10, tzinfo=UTC)
DECEMBER = datetime(2026, 12, 10, tzinfo=UTC)
TRAINED = datetime(2026, 10, 1, tzinfo=UTC)


@pytest.fixture
def target(cast):
    return targets.create_target(actor=cast.manager, project=cast.project, question="nodule")


def arrive(project, count, moment, *, scanner=None):
    """Cases that arrived then, with a header where a scanner is named."""
    if scanner is None:
        cases = factories.make_empty_cases(project, count)
    else:
        headers = {"00080070": element("LO", scanner)}
        cases = [make_case(project, n, series=headers) for n in range(count)]
    Case.objects.filter(pk__in=[case.pk for case in cases]).update(created_at=moment)
    return cases


def make_encoder(project):
    return EncoderVersion.objects.create(
        project=project, number=1, content=b"-", is_ready=True, state=JobState.COMPLETED
    )


def embed(encoder, cases, *, towards, seed=0):
    """Vectors of length 1 around one direction."""
    vectors = np.random.default_rng(seed).normal(size=(len(cases), EMBEDDING_SIZE)) * 0.1
    vectors[:, towards] += 1
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    Embedding.objects.bulk_create(
        Embedding(encoder=encoder, case=case, vector=vector)
        for case, vector in zip(cases, vectors, strict=True)
    )


def make_trained(target, cases, said):
    version = make_version(target, cases, said, truth=np.arange(len(cases)) % 2)
    type(version.round).objects.filter(pk=version.round_id).update(created_at=TRAINED)
    return ModelVersion.objects.select_related("round", "target__project").get(pk=version.pk)


def test_a_scanner_that_changes_is_found_and_one_that_does_not_is_not(target, cast):
    encoder = make_encoder(cast.project)
    early = TRAINED - timedelta(days=1)
    for scanner, later in (("Steady", 0), ("Moving", 5)):
        embed(encoder, arrive(cast.project, 40, early, scanner=scanner), towards=0, seed=1)
        embed(encoder, arrive(cast.project, 40, NOVEMBER, scanner=scanner), towards=later, seed=2)
    report = drift_of(make_trained(target, [], np.zeros(120)))
    found = {(d.scanner, d.month): (d.is_real, d.is_known_scanner) for d in report.inputs}
    assert found == {
        ("Steady", "2026-11"): (False, True), ("Moving", "2026-11"): (True, True),
    }  # fmt: skip
    assert (report.reference, report.encoder) == (80, 1)


def test_a_new_scanner_is_compared_with_all_earlier_images(target, cast):
    encoder = make_encoder(cast.project)
    old = arrive(cast.project, 40, TRAINED - timedelta(days=1), scanner="Old")
    embed(encoder, old, towards=0)
    embed(encoder, arrive(cast.project, 30, DECEMBER, scanner="New"), towards=3, seed=1)
    [found] = drift_of(make_trained(target, [], np.zeros(120))).inputs
    assert (found.scanner, found.is_known_scanner, found.is_real) == ("New", False, True)


def test_a_few_images_are_counted_and_not_judged(target, cast):
    encoder = make_encoder(cast.project)
    embed(encoder, arrive(cast.project, 40, TRAINED - timedelta(days=1)), towards=0)
    embed(encoder, arrive(cast.project, 5, NOVEMBER), towards=9)
    [found] = drift_of(make_trained(target, [], np.zeros(120))).inputs
    assert (found.scanner, found.count, found.drift, found.is_real) == (None, 5, None, False)


def test_without_vectors_or_later_cases_nothing_is_claimed(target, cast):
    arrive(cast.project, 30, NOVEMBER)
    version = make_trained(target, [], np.zeros(120))
    report = drift_of(version)
    assert (report.encoder, report.inputs, report.outputs, report.tested) == (None, [], [], 0)
    make_encoder(cast.project)
    assert drift_of(version).inputs == []


def predict(version, cases, said, *, is_held_out=True):
    Prediction.objects.bulk_create(
        Prediction(
            model_version=version, case=case, values=[1 - p, p],
            score=None if is_held_out else 0.5,
        )
        for case, p in zip(cases, said, strict=True)
    )  # fmt: skip


def test_predictions_that_shift_are_found_in_cases_that_no_model_chose(target, cast):
    random = np.random.default_rng(0)
    tested = arrive(cast.project, 100, TRAINED - timedelta(days=1))
    version = make_trained(target, tested, np.concatenate([random.random(100), np.zeros(20)]))
    predict(version, arrive(cast.project, 60, NOVEMBER), random.random(60))
    predict(version, arrive(cast.project, 60, DECEMBER), random.random(60) ** 4)
    chosen = arrive(cast.project, 60, NOVEMBER)
    predict(version, chosen, np.ones(60), is_held_out=False)
    report = drift_of(version)
    assert report.tested == 100
    assert [(d.output, d.month, d.count, d.is_real) for d in report.outputs] == [
        ("yes", "2026-11", 60, False), ("yes", "2026-12", 60, True),
    ]  # fmt: skip
    assert report.outputs[1].stability_index > 0.25


DRAWN = {
    "segments": [{"value": 1, "label": "Lesion"}, {"value": 2, "label": "Rim"}],
    "region_labels": [{"key": "nodule", "label": "Nodule", "kinds": ["box"]}],
}
BOTH = ("2026-11", "2026-12")


def make_drawing(cast, kind, classes, said):
    """A version of drawings whose test cases said these numbers; figures play no part."""
    publish_schema(actor=cast.manager, project=cast.project, definition=DRAWN)
    input = (
        {"size": [8, 16, 16], "dimensions": "3d", "keeps_size": True}
        if kind == "segmentation"
        else {}
    )
    target = targets.create_target(
        actor=cast.manager, project=cast.project, kind=kind, input=input
    )  # fmt: skip
    count, overlaps = len(said), (0.5,) if kind == "boxes" else ()
    examined = Examined(
        kind, np.ones((count, len(classes)), np.int64), np.full((count, 4), np.nan),
        [f"{n:016x}" for n in range(count)], classes, overlaps=overlaps,
    )  # fmt: skip
    round_ = Round.objects.create(
        target=target, number=1, trigger=Trigger.MANUAL, strategy="boxes", seed=1, config={},
        code_revision="test", state=JobState.COMPLETED, metrics={"kind": kind, "overlaps": overlaps},
    )  # fmt: skip
    Round.objects.filter(pk=round_.pk).update(created_at=TRAINED)
    version = ModelVersion.objects.create(
        target=target, round=round_, number=1, weights_sha256="0" * 64, classes=list(classes)
    )
    tested = arrive(cast.project, count, TRAINED - timedelta(days=1))
    keep(version=version, results=Results([c.pk for c in tested], examined, said.tolist()))
    return ModelVersion.objects.select_related("round", "target__project").get(pk=version.pk)


def say(version, cases, said):
    Prediction.objects.bulk_create(
        Prediction(model_version=version, case=case, values=values, score=None)
        for case, values in zip(cases, said.tolist(), strict=True)
    )


@pytest.mark.parametrize(
    ("kind", "classes", "outputs", "real"),
    [
        ("segmentation", ("Lesion", "Rim"), [("Lesion", "share"), ("Rim", "share")],
         ("Rim", "share")),
        ("boxes", ("nodule",), [("nodule", "count"), ("nodule", "score")], ("nodule", "score")),
    ],
)  # fmt: skip
def test_drawings_that_grow_are_found(cast, client_of, kind, classes, outputs, real):
    """The second number is larger in December."""
    random = np.random.default_rng(0)
    version = make_drawing(cast, kind, classes, random.random((100, 2)))
    say(version, arrive(cast.project, 60, NOVEMBER), random.random((60, 2)))
    say(version, arrive(cast.project, 60, DECEMBER), random.random((60, 2)) + np.array([0, 0.4]))
    client = client_of(cast.manager)
    report = client.get(f"/api/v1/model-versions/{version.pk}/drift").json()
    assert report["tested"] == 100
    shown = [(d["output"], d["quantity"], d["month"], d["count"]) for d in report["outputs"]]
    assert shown == [(*output, month, 60) for output in outputs for month in BOTH]
    [drifted] = [d for d in report["outputs"] if d["is_real"]]
    assert (drifted["output"], drifted["quantity"]) == real
    assert drifted["month"] == "2026-12"


def test_drawings_from_before_that_was_kept_claim_nothing(cast):
    version = make_drawing(cast, "boxes", ("nodule",), np.zeros((30, 0)))
    say(version, arrive(cast.project, 30, NOVEMBER), np.zeros((30, 1)))
    report = drift_of(version)
    assert (report.tested, report.outputs) == (30, [])


def test_part_of_a_space_is_read_in_the_order_of_cases(target, cast):
    encoder = make_encoder(cast.project)
    cases = factories.make_empty_cases(cast.project, 12)
    embed(encoder, cases, towards=0)
    whole, part = (
        embeddings.load_space(encoder),
        embeddings.load_part(encoder, [case.pk for case in cases[:5]]),
    )
    assert sorted(part.cases) == part.cases == sorted(case.pk for case in cases[:5])
    rows = [whole.cases.index(case) for case in part.cases]
    assert np.array_equal(part.vectors, whole.vectors[rows])
    assert embeddings.load_part(encoder, []).vectors.shape == (0, EMBEDDING_SIZE)
