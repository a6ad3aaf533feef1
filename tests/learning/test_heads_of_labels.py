"""The quick loop of independent labels: each is learned, the least clear one decides who comes first."""

import numpy as np
import pytest

from annotation.core.errors import InvalidInput
from annotation.core.jobs import JobState
from annotation.datasets.models import Split
from annotation.datasets.services import prescribe_splits
from annotation.labeling.models import Case, Selection
from annotation.labeling.services.importing import import_read
from annotation.labeling.services.projects import publish_schema
from learning.heads.head import Head
from learning.models import EMBEDDING_SIZE, Embedding, EncoderVersion, HeadPick, Outcome
from learning.services import evidence, heads, retraining, targets
from tests import factories

LABELS = ("effusion", "nodule", "edema")


def ask(cast, labels):
    options = [{"key": key, "label": key} for key in labels]
    question = {"key": "seen", "label": "Seen", "kind": "many", "options": options}
    publish_schema(actor=cast.manager, project=cast.project, definition={"questions": [question]})


def vectors_of(signs, rng):
    """One axis says how much a case shows each label, between 1 (plainly) and -1 (plainly not)."""
    found = rng.normal(0, 0.02, (len(signs), EMBEDDING_SIZE))
    found[:, : len(LABELS)] += signs
    found[:, len(LABELS)] += 1
    return found / np.linalg.norm(found, axis=1, keepdims=True)


@pytest.fixture
def signs():
    """Thirty-six labeled cases, sixteen open ones; of the last open one effusion is unclear."""
    found = np.random.default_rng(0).choice([-1.0, 1.0], (52, len(LABELS)))
    found[51, 0] = 0
    return found


@pytest.fixture
def cases(cast, signs):
    """With vectors of an encoder; the first six are test patients, all others teach."""
    ask(cast, LABELS)
    made = factories.make_empty_cases(cast.project, len(signs))
    made.sort(key=lambda case: case.study.patient_id.zfill(12))
    splits = [Split.TEST] * 6 + [Split.TRAIN] * 46
    patients = [case.study.patient_id for case in made]
    prescribe_splits(
        project=cast.project, split_of_patient=dict(zip(patients, splits, strict=True))
    )
    encoder = EncoderVersion.objects.create(
        project=cast.project, number=1, is_ready=True, state=JobState.COMPLETED
    )
    Embedding.objects.bulk_create(
        Embedding(encoder=encoder, case=case, vector=vector)
        for case, vector in zip(made, vectors_of(signs, np.random.default_rng(1)), strict=True)
    )
    return made


@pytest.fixture
def target(cast, cases):
    return targets.create_target(
        actor=cast.manager, project=cast.project, question="seen", head_strategy="margin"
    )


def read(cast, cases, signs, labels=LABELS):
    for case, row in zip(cases, signs, strict=True):
        seen = [name for name, sign in zip(LABELS, row, strict=True) if sign > 0 and name in labels]
        import_read(reader=cast.annotator, case=case, content={"answers": {"seen": seen}})


def test_the_case_of_which_one_label_is_unclear_comes_first_and_the_reader_learns_which(
    cast, target, cases, signs
):
    assert (target.kind, target.refit_after) == ("many", 5)
    read(cast, cases[:36], signs[:36])
    version = heads.refit(target, seed=1)
    assert version.training_labels == 30
    assert Head.from_bytes(bytes(version.content)).kind == "many"
    first, second = HeadPick.objects.filter(head=version).order_by("place")[:2]
    assert first.case == cases[51]
    assert first.score > second.score + 0.2
    assert first.reason.startswith("The model cannot decide whether there is effusion (0.")
    front = Case.objects.filter(project=cast.project, front__gt=0).order_by("-front")
    assert (front[0], front[0].priority_reason) == (cases[51], first.reason)


@pytest.mark.parametrize("strategy", ["herding", "adaptive", "rare", "badge"])
def test_strategies_on_vectors_serve_the_unclear_case_early(cast, target, cases, signs, strategy):
    targets.change_target(actor=cast.manager, target=target, head_strategy=strategy)
    target.refresh_from_db()
    read(cast, cases[:36], signs[:36])
    places = []
    for seed in range(5):
        version = heads.refit(target, seed=seed)
        places.append(HeadPick.objects.get(head=version, case=cases[51]).place)
    assert np.median(places) <= 4  # of sixteen


def test_the_finding_that_a_manager_chose_is_looked_for(cast, target, cases, signs):
    with pytest.raises(InvalidInput, match="finding must be an option"):
        targets.change_target(actor=cast.manager, target=target, finding="nonsense")
    read(cast, cases[:36], signs[:36])
    for finding in ("effusion", "edema"):
        targets.change_target(
            actor=cast.manager, target=target, finding=finding, head_strategy="rare"
        )
        target.refresh_from_db()
        head = heads.refit(target, seed=1)
        picks = HeadPick.objects.filter(head=head, arm="positive")
        said = picks.values_list("reason", flat=True)
        assert said
        assert all(f"rare {finding} " in reason for reason in said)


def test_figures_of_the_test_patients_count_every_label(cast, target, cases, signs):
    read(cast, cases[:36], signs[:36])
    heads.refit(target, seed=1)
    version = heads.refit(target, seed=2)
    assert version.metrics["n"] == 6
    assert version.metrics["auc"] == 1
    assert version.metrics["balanced_accuracy"] == 1
    assert version.metrics["kappa"] == 1
    present = (signs[6:36] > 0).sum(axis=0)
    assert version.metrics["per_class"] == np.minimum(present, 30 - present).tolist()


def test_one_answer_to_every_label_teaches_no_head(cast, target, cases):
    read(cast, cases[6:16], np.ones((10, 3)))
    version = heads.refit(target, seed=1)
    assert (version.training_labels, bytes(version.content)) == (10, b"")
    assert version.metrics["per_class"] == [0, 0, 0]


def test_a_label_that_nobody_looked_for_is_missing_not_absent(cast, target, cases, signs):
    ask(cast, LABELS[:2])
    read(cast, cases[6:20], signs[6:20], LABELS[:2])
    ask(cast, LABELS)
    read(cast, cases[20:36], signs[20:36])
    version = heads.refit(target, seed=1)
    kept = {o.case_id: o.labels for o in Outcome.objects.filter(target=target)}
    assert all(kept[case.pk][2] is None for case in cases[6:20])
    assert [kept[case.pk] for case in cases[20:36]] == (signs[20:36] > 0).astype(int).tolist()
    assert set(Outcome.objects.values_list("answer", flat=True)) == {""}
    edema = (signs[20:36, 2] > 0).sum()
    assert version.metrics["per_class"][2] == min(edema, 16 - edema)


@pytest.mark.parametrize("strategy", ["margin", "rare", "adaptive"])
def test_a_label_that_nobody_was_asked_of_decides_nothing(cast, target, cases, signs, strategy):
    targets.change_target(actor=cast.manager, target=target, head_strategy=strategy)
    target.refresh_from_db()
    read(cast, cases[6:36], signs[6:36])
    before = heads.refit(target, seed=1)
    ask(cast, [*LABELS, "mass"])
    target.finding = "mass"
    after = heads.refit(target, seed=1)
    assert after.classes == [*LABELS, "mass"]
    told = [
        list(head.picks.order_by("place").values_list("case", "reason")) for head in (before, after)
    ]
    assert told[0] == told[1]


def test_what_the_former_head_said_of_each_label_is_kept_before_it_learns(
    cast, target, cases, signs
):
    read(cast, cases[6:36], signs[6:36])
    first = heads.refit(target, seed=1)
    read(cast, cases[50:51], signs[50:51])
    heads.refit(target, seed=2)
    outcome = Outcome.objects.get(case=cases[50])
    vector = np.asarray(Embedding.objects.get(case=cases[50]).vector, np.float32)[None]
    said = Head.from_bytes(bytes(first.content)).predict(vector)[0]
    assert outcome.head == first
    np.testing.assert_allclose(outcome.said, said, rtol=1e-6)
    assert ((said >= 0.5) == (signs[50] > 0)).all()


def test_when_labels_change_an_outcome_keeps_the_options_that_its_head_knew(
    cast, target, cases, signs
):
    read(cast, cases[6:36], signs[6:36])
    heads.refit(target, seed=1)
    read(cast, cases[50:51], signs[50:51])
    heads.refit(target, seed=2)
    outcome = Outcome.objects.get(case=cases[50])
    assert outcome.labels == [int(sign > 0) for sign in signs[50]]
    ask(cast, ["edema", "mass", "effusion"])
    read(cast, cases[50:51], -signs[50:51], labels=["edema", "effusion"])
    heads.refit(target, seed=3)
    outcome.refresh_from_db()
    effusion, _, edema = (int(sign < 0) for sign in signs[50])
    assert outcome.labels == [effusion, None, edema]  # nobody is asked of a nodule any more


def test_honest_figures_and_the_surprise_are_those_worked_out_by_hand(cast, target, cases, signs):
    read(cast, cases[6:36], signs[6:36])
    head = heads.refit(target, seed=1)
    said = [[0.9, 0.2, 0.1], [0.4, 0.7, 0.1], [0.3, 0.1, 0.1], [0.2, 0.1, 0.1]]
    truth = [[1, 1, 0], [1, 0, 0], [0, 0, 0], [0, None, 0]]
    for case, p, labels in zip(cases[40:44], said, truth, strict=True):
        Outcome.objects.create(
            target=target, case=case, head=head, labels=labels, said=p,
            selection=Selection.CONTROL,
        )  # fmt: skip
    figures = evidence.honest_figures(target)
    # Effusion: 1 of 2 missed, no false alarm. Nodule: 1 of 1 missed, 1 of 2 false. Edema: none had it.
    assert figures.audit.value == pytest.approx((0.25 + 0.75) / 2)
    assert figures.audit.draws == 4
    assert not figures.stopping.is_advised
    Outcome.objects.filter(case=cases[43]).update(selection=Selection.RANKED)
    recent = retraining.recent_surprise(target)
    assert recent.value == pytest.approx(-(np.log(0.8) + np.log(0.9)) / 2)
    by_hand = [-(p * np.log(p) + (1 - p) * np.log(1 - p)) for p in (0.2, 0.1)]
    assert recent.expected == pytest.approx(np.mean(by_hand))


def test_times_have_no_light_head_yet_and_say_so(cast):
    days = {"key": "days", "label": "Days", "kind": "number"}
    options = [{"key": "no", "label": "No"}, {"key": "yes", "label": "Yes"}]
    died = {"key": "died", "label": "Died", "kind": "one", "options": options}
    publish_schema(actor=cast.manager, project=cast.project, definition={"questions": [days, died]})
    target = targets.create_target(
        actor=cast.manager, project=cast.project, question="days",
        options={"event_question": "died", "event_option": "yes"},
    )  # fmt: skip
    assert (target.kind, target.refit_after) == ("time_to_event", 0)
    with pytest.raises(InvalidInput, match="No light head"):
        targets.change_target(actor=cast.manager, target=target, refit_after=5)
