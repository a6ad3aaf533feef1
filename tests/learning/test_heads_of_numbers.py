"""The quick loop of a number: what the model cannot foresee comes first, with the range it may lie in."""

import re

import numpy as np
import pytest
from django.db import IntegrityError, transaction

from annotation.core.errors import InvalidInput
from annotation.core.jobs import JobState
from annotation.datasets.models import Split
from annotation.datasets.services import prescribe_splits
from annotation.labeling.models import Case, Selection
from annotation.labeling.services import reading
from annotation.labeling.services.importing import import_read
from annotation.labeling.services.projects import publish_schema
from learning.acquisition import reasons
from learning.heads.head import Head
from learning.models import EMBEDDING_SIZE, Embedding, EncoderVersion, HeadPick, Outcome
from learning.services import evidence, heads, retraining, targets
from tests import factories

CANNOT_ASSESS = {"cannot_assess": True}
QUESTION = {
    "key": "width", "label": "Width", "kind": "number", "minimum": 0, "maximum": 60, "decimals": 1,
    "unit": {"code": "mm"}, "allows_cannot_assess": True,
}  # fmt: skip
LABELED, OPEN = 46, 16  # cases; the first six are test patients, all others teach
ODD = LABELED + OPEN - 1  # the last open case looks like none that has a label


def ask(cast):
    publish_schema(actor=cast.manager, project=cast.project, definition={"questions": [QUESTION]})


def vectors_of(widths, rng):
    """One axis grows with the width; the last case lies on an axis of its own."""
    found = rng.normal(0, 0.02, (len(widths), EMBEDDING_SIZE))
    found[:, 0] += (widths - 30) / 15
    found[:, 1] += 1
    found[ODD, 2] = 2
    return found / np.linalg.norm(found, axis=1, keepdims=True)


def make_widths():
    return np.random.default_rng(0).uniform(15, 45, LABELED + OPEN).round(1)


def make_cases(cast, widths):
    """Cases of the project with a vector each, in the order of the widths."""
    ask(cast)
    made = factories.make_empty_cases(cast.project, len(widths))
    made.sort(key=lambda case: case.study.patient_id.zfill(12))
    splits = [Split.TEST] * 6 + [Split.TRAIN] * (len(made) - 6)
    patients = [case.study.patient_id for case in made]
    prescribe_splits(
        project=cast.project, split_of_patient=dict(zip(patients, splits, strict=True))
    )
    encoder = EncoderVersion.objects.create(
        project=cast.project, number=1, is_ready=True, state=JobState.COMPLETED
    )
    Embedding.objects.bulk_create(
        Embedding(encoder=encoder, case=case, vector=vector)
        for case, vector in zip(made, vectors_of(widths, np.random.default_rng(1)), strict=True)
    )
    return made


@pytest.fixture
def widths():
    return make_widths()


@pytest.fixture
def cases(cast, widths):
    return make_cases(cast, widths)


@pytest.fixture
def target(cast, cases):
    return targets.create_target(
        actor=cast.manager, project=cast.project, question="width", head_strategy="variance"
    )


def read(cast, cases, answers):
    for case, answer in zip(cases, answers, strict=True):
        answer = answer if isinstance(answer, dict) else float(answer)
        import_read(reader=cast.annotator, case=case, content={"answers": {"width": answer}})


def said_of(version, case):
    """What a stored head says of a case: its number and the deviation."""
    head = Head.from_bytes(bytes(version.content))
    vector = np.asarray(Embedding.objects.get(case=case).vector, np.float32)[None]
    return float(head.predict(vector)[0, 0]), float(head.spread(vector)[0])


def hand_in(cast, number):
    """Claim the next case and answer it; returns the case."""
    assignment = factories.claim(cast.annotator2, cast.project)
    annotation = reading.open_annotation(reader=cast.annotator2, case=assignment.case)
    reading.submit(
        actor=cast.annotator2, annotation=annotation, version=annotation.draft_version,
        content={"answers": {"width": number}},
    )  # fmt: skip
    return assignment.case_id


def outcome(target, head, case, number, said, selection=Selection.CONTROL, **served):
    return Outcome.objects.create(
        target=target, case=case, head=head, number=number, said=said, selection=selection, **served
    )


def test_the_case_unlike_all_labels_comes_first_and_the_reader_learns_the_range(
    cast, target, cases, widths
):
    assert (target.kind, target.refit_after) == ("number", 5)
    read(cast, cases[:LABELED], widths[:LABELED])
    version = heads.refit(target, seed=1)
    assert (version.training_labels, version.classes, version.unit) == (40, [], "mm")
    first, second = HeadPick.objects.filter(head=version, arm="variance").order_by("place")[:2]
    assert (first.case, first.place) == (cases[ODD], 0)
    assert first.components["variance"] > 1.5 * second.components["variance"]
    low, high = map(
        float,
        re.fullmatch(r"The model is unsure: ([\d.]+) to ([\d.]+) mm", first.reason).groups(),
    )
    expected, deviation = said_of(version, cases[ODD])
    assert low == pytest.approx(max(expected - 1.96 * deviation, 0), abs=1)
    assert high == pytest.approx(min(expected + 1.96 * deviation, 60), abs=1)
    front = Case.objects.filter(project=cast.project, front__gt=0).order_by("-front")
    assert (front[0], front[0].priority_reason) == (cases[ODD], first.reason)


@pytest.mark.parametrize("strategy", ["herding", "variance", "core_set", "typicality", "random"])
def test_every_strategy_of_a_number_fills_the_front_with_its_chances(
    cast, target, cases, widths, strategy
):
    targets.change_target(actor=cast.manager, target=target, head_strategy=strategy)
    target.refresh_from_db()
    read(cast, cases[:LABELED], widths[:LABELED])
    version = heads.refit(target, seed=1)
    picks = list(HeadPick.objects.filter(head=version).order_by("place"))
    assert {pick.case for pick in picks} == set(cases[LABELED:])
    assert all(pick.reason for pick in picks)
    draws = strategy in ("herding", "variance", "random")
    assert all((pick.propensity is not None) == draws for pick in picks)


@pytest.mark.parametrize("strategy", ["herding", "variance", "core_set"])
def test_strategies_that_look_for_the_unknown_serve_the_odd_case_early(
    cast, target, cases, widths, strategy
):
    targets.change_target(actor=cast.manager, target=target, head_strategy=strategy)
    target.refresh_from_db()
    read(cast, cases[:LABELED], widths[:LABELED])
    places = []
    for seed in range(5):
        version = heads.refit(target, seed=seed)
        places.append(HeadPick.objects.get(head=version, case=cases[ODD]).place)
    assert np.median(places) <= 2  # of sixteen


@pytest.mark.parametrize("strategy", ["margin", "adaptive", "rare", "badge"])
def test_strategies_that_need_classes_are_refused(cast, target, strategy):
    with pytest.raises(InvalidInput, match="herding, variance, typicality, core_set, random"):
        targets.change_target(actor=cast.manager, target=target, head_strategy=strategy)


def test_before_two_different_numbers_typical_cases_come_first(cast, target, cases):
    read(cast, cases[6:9], [20, 20, 20])
    version = heads.refit(target, seed=1)
    assert (version.training_labels, bytes(version.content)) == (3, b"")
    ranked = HeadPick.objects.filter(head=version).exclude(arm="held_out")
    assert set(ranked.values_list("arm", flat=True)) == {"typical"}
    assert HeadPick.objects.filter(head=version, reason=reasons.HELD_OUT).count() == 6


def test_herding_begins_cold_and_goes_on_by_the_spread(cast, target, cases, widths):
    targets.change_target(actor=cast.manager, target=target, head_strategy="herding")
    target.refresh_from_db()
    cold = heads.refit(target, seed=1)
    assert cold.picks.filter(arm="typical").exists()
    read(cast, cases[6:20], widths[6:20])
    warm = heads.refit(target, seed=2)
    assert set(warm.picks.values_list("arm", flat=True)) <= {"variance", "uniform", "held_out"}


def test_figures_of_the_test_patients_are_those_of_a_network(cast, target, cases, widths):
    read(cast, cases[:LABELED], widths[:LABELED])
    heads.refit(target, seed=1)
    version = heads.refit(target, seed=2)
    said = np.array([said_of(version, case) for case in cases[:6]])
    errors = said[:, 0] - widths[:6]
    found = version.metrics
    assert found["n"] == 6
    assert found["mean_absolute_error"] == pytest.approx(np.abs(errors).mean(), rel=1e-3)
    assert found["root_mean_square_error"] == pytest.approx(np.sqrt((errors**2).mean()), rel=1e-3)
    assert found["r2"] > 0.9
    assert found["spearman"] > 0.9
    assert found["coverage"] == (np.abs(errors) <= 1.96 * said[:, 1]).mean()
    assert found["kappa"] == pytest.approx(1)  # the same labels, the same head
    assert sum(found["per_class"]) == 40


def test_what_cannot_be_assessed_is_no_label_and_not_asked_again(cast, target, cases, widths):
    read(cast, cases[6:16], [*widths[6:15], CANNOT_ASSESS])
    version = heads.refit(target, seed=1)
    assert version.training_labels == 9
    assert not Outcome.objects.filter(case=cases[15]).exists()
    assert not HeadPick.objects.filter(head=version, case=cases[15]).exists()
    assert Outcome.objects.filter(target=target).count() == 9


def test_what_the_former_head_said_of_each_label_is_kept_before_it_learns(
    cast, target, cases, widths
):
    read(cast, cases[6:LABELED], widths[6:LABELED])
    first = heads.refit(target, seed=1)
    assert not Outcome.objects.filter(said__isnull=False).exists()
    read(cast, cases[50:51], widths[50:51])
    heads.refit(target, seed=2)
    kept = Outcome.objects.get(case=cases[50])
    assert (kept.head, kept.number, kept.answer, kept.labels) == (first, widths[50], "", None)
    np.testing.assert_allclose(kept.said, said_of(first, cases[50]), rtol=1e-4)
    assert abs(kept.said[0] - widths[50]) < 3 * kept.said[1]


def test_honest_figures_and_the_surprise_are_those_worked_out_by_hand(cast, target, cases, widths):
    read(cast, cases[:LABELED], widths[:LABELED])
    head = heads.refit(target, seed=1)
    audited = factories.make_empty_cases(cast.project, 10)
    for number, case in enumerate(audited):
        outcome(target, head, case, 30.0, [32.0 if number < 5 else 36.0, 2.0])
    figures = evidence.honest_figures(target)
    assert (figures.unit, figures.audit.value, figures.audit.draws) == ("mm", 4.0, 10)
    error = 2 * np.sqrt(10 / 9) / np.sqrt(10)  # of errors 2 and 6
    assert figures.audit.standard_error == pytest.approx(error)
    assert not figures.stopping.is_advised
    by_name = {condition.name: condition for condition in figures.stopping.conditions}
    assert "audit" not in by_name  # nobody has said which error is tolerable
    targets.change_target(actor=cast.manager, target=target, tolerance=8.0, goal=0.001)
    target.refresh_from_db()
    conditions = evidence.honest_figures(target).stopping.conditions
    by_name = {condition.name: condition for condition in conditions}
    assert by_name["audit"].holds
    assert "at most 5.51 mm by 10 audited labels" in by_name["audit"].sentence
    assert by_name["target"].holds is None
    assert "too few test patients to be sure: 6 of at least 30" in by_name["target"].sentence
    assert "mm" in figures.agreement.sentence
    served = {"selection": Selection.RANKED, "pool_size": 16}
    outcome(target, head, cases[52], 30.0, [33.0, 2.0], place=0, propensity=1 / 16, **served)
    outcome(target, head, cases[53], 30.0, [29.0, 2.0], place=1, propensity=1 / 15, **served)
    figures = evidence.honest_figures(target)
    assert figures.weighted.value == pytest.approx((3 + 1) / 2)  # drawn evenly: the plain mean
    recent = retraining.recent_surprise(target)
    assert recent.value == pytest.approx(((3 / 2) ** 2 + (1 / 2) ** 2) / 2)
    assert recent.expected == 1


def test_errors_twice_as_large_as_foreseen_make_a_round_due(cast, target, cases, widths):
    read(cast, cases[:LABELED], widths[:LABELED])
    head = heads.refit(target, seed=1)
    made = factories.make_empty_cases(cast.project, 50)
    rng = np.random.default_rng(0)
    for case in made:
        error = float(2 * 2.0 * rng.normal())
        outcome(target, head, case, 30.0 + error, [30.0, 2.0], Selection.RANKED)
    assert retraining.recent_surprise(target).exceeds_forecast
    assert any("surprised the model" in reason for reason in retraining.advice_of(target).reasons)


def test_errors_as_large_as_foreseen_do_not(cast, target, cases, widths):
    read(cast, cases[:LABELED], widths[:LABELED])
    head = heads.refit(target, seed=1)
    made = factories.make_empty_cases(cast.project, 50)
    rng = np.random.default_rng(0)
    for case in made:
        error = float(2.0 * rng.normal())
        outcome(target, head, case, 30.0 + error, [30.0, 2.0], Selection.RANKED)
    assert not retraining.recent_surprise(target).exceeds_forecast


@pytest.mark.parametrize(
    "answer", [{}, {"answer": "yes", "number": 1.0}, {"labels": [1], "number": 1.0}]
)
def test_an_outcome_keeps_exactly_one_answer(target, cases, answer):
    with pytest.raises(IntegrityError, match="outcome_one_answer"), transaction.atomic():
        Outcome.objects.create(target=target, case=cases[0], selection="control", **answer)


def test_the_card_reads_errors_in_their_unit(cast, client_of, target, cases, widths):
    read(cast, cases[:LABELED], widths[:LABELED])
    head = heads.refit(target, seed=1)
    outcome(target, head, cases[50], 30.0, [32.0, 2.0])
    outcome(target, head, cases[51], 20.0, [26.0, 2.0])
    client = client_of(cast.reviewer)
    [found] = client.get(f"/api/v1/targets/{target.pk}/heads").json()
    assert (found["unit"], found["classes"]) == ("mm", [])
    assert found["metrics"]["mean_absolute_error"] > 0
    assert 0 <= found["metrics"]["coverage"] <= 1
    figures = client.get(f"/api/v1/targets/{target.pk}/honest-figures").json()
    assert figures["unit"] == "mm"
    audit = [figures["audit"][name] for name in ("value", "low", "high", "draws")]
    assert audit == pytest.approx([4, 0, 4 + 12.706 * 2, 2])  # of two Student's is wide
    [listed] = client.get(f"/api/v1/projects/{cast.project.pk}/targets").json()
    offered = ["herding", "variance", "typicality", "core_set", "random"]
    assert (listed["head_strategies"], listed["head_strategy"]) == (offered, "variance")


def test_reads_drawn_at_random_are_the_audit(cast, target, cases, widths):
    read(cast, cases[6:30], widths[6:30])
    heads.refit(target, seed=1)
    cast.project.control_share = 1.0
    cast.project.save(update_fields=["control_share"])
    served = [hand_in(cast, number) for number in (20.0, 25.0, 30.0, 35.0)]
    heads.refit(target, seed=2)
    kept = Outcome.objects.filter(target=target, selection=Selection.CONTROL)
    training = {case.pk for case in cases[6:]}
    assert {o.case_id for o in kept} == {case for case in served if case in training}
    errors = [abs(o.number - o.said[0]) for o in kept]
    assert len(errors) > 1
    assert evidence.honest_figures(target).audit.value == pytest.approx(np.mean(errors))
