"""The light head: vectors of the cases, refits, the front of the worklist and honest outcomes."""

import io
import time
from datetime import timedelta

import numpy as np
import pytest
from django.utils import timezone

from annotation.archive.models import Instance, Series, SeriesPreparation
from annotation.core import jobs
from annotation.core.models import AuditEvent
from annotation.datasets.models import Split
from annotation.datasets.services import prescribe_splits
from annotation.labeling.models import Assignment, Case, Selection
from annotation.labeling.services import claiming, reading
from annotation.labeling.services.ranking import Ranked, publish_ranking
from learning import embedding
from learning.acquisition import reasons
from learning.heads.head import Head
from learning.images import choose_images, load_images
from learning.models import (
    EMBEDDING_SIZE,
    Embedding,
    EncoderVersion,
    HeadPick,
    HeadVersion,
    Outcome,
)
from learning.services import embeddings, evidence, heads, targets
from learning.training.pretraining.descriptor import SIDE, describe, fit_whitening
from tests import factories


@pytest.fixture
def pool(cast):
    """Twenty open cases with an image, two of which are held out."""
    cases = factories.make_cases(cast.project, 20)
    split_of = {c.study.patient_id: Split.TRAIN for c in cases[:18]}
    split_of |= {c.study.patient_id: Split.TEST for c in cases[18:]}
    prescribe_splits(project=cast.project, split_of_patient=split_of)
    return cases


@pytest.fixture
def target(cast, pool):
    return targets.create_target(actor=cast.manager, project=cast.project, question="nodule")


def embed(project):
    embeddings.embed_due()
    encoder = EncoderVersion.objects.get(project=project)
    jobs.execute(EncoderVersion, encoder.pk, embedding.run_encoder)
    encoder.refresh_from_db()
    return encoder


def label(cast, answers):
    return [factories.submit_next(cast.annotator, cast.project, answer).case for answer in answers]


def front_of(project):
    return list(Case.objects.filter(project=project, front__gt=0).order_by("-front"))


def arrived(cases, ago=timedelta(0)):
    of_studies = SeriesPreparation.objects.filter(series__study__cases__in=cases)
    of_studies.update(changed_at=timezone.now() - ago)


def test_studies_that_are_still_arriving_are_waited_for(target, pool, settings):
    settings.STUDY_QUIET_SECONDS = 60
    assert embeddings.embed_due() == 0
    arrived(pool, timedelta(seconds=61))
    assert embeddings.embed_due() == 1


def test_a_case_without_a_vector_gets_one_once_more_of_it_has_come(target, cast, pool):
    encoder = embed(cast.project)
    of_case = Embedding.objects.filter(encoder=encoder, case=pool[0])
    of_case.update(vector=None, reason="no image that can be rendered")
    assert embeddings.embed_due() == 0
    encoder.started_at -= timedelta(minutes=2)
    encoder.save()
    arrived(pool[:1], timedelta(minutes=1))  # while it ran: it may have seen the case before
    assert embeddings.embed_due() == 1
    jobs.execute(EncoderVersion, encoder.pk, embedding.run_encoder)
    assert of_case.get().vector is not None
    of_case.update(vector=None, reason="no image that can be rendered")
    assert embeddings.embed_due() == 0  # nothing has come since


def test_a_vector_is_made_anew_once_more_images_of_its_case_have_come(target, cast, pool):
    encoder = embed(cast.project)
    encoder.started_at -= timedelta(minutes=2)
    encoder.save()
    before = dict(encoder.embeddings.values_list("case", "pk"))
    Series.objects.filter(study=pool[1].study).update(modality="SR")
    arrived(pool, timedelta(hours=1))
    arrived(pool[:2], timedelta(minutes=1))
    assert embeddings.embed_due() == 1
    jobs.execute(EncoderVersion, encoder.pk, embedding.run_encoder)
    made_anew = {
        case for case, pk in encoder.embeddings.values_list("case", "pk") if pk != before[case]
    }
    assert made_anew == {pool[0].pk}


def test_a_head_is_told_whose_each_case_is(target, cast, monkeypatch):
    embed(cast.project)
    label(cast, ["yes", "no"] * 3)
    told = {}
    monkeypatch.setattr(heads, "fit", lambda *_, patients, **__: told.update(of=list(patients)))
    version = heads.refit(target, seed=1)
    assert len(set(told["of"])) == len(told["of"]) == version.training_labels > 0


def test_files_that_this_machine_lacks_leave_no_reason(target, cast, pool):
    [instance] = Instance.objects.filter(series__study=pool[0].study)
    instance.path.rename(instance.path.with_suffix(".away"))
    encoder = embed(cast.project)
    assert (encoder.state, encoder.error) == (
        jobs.JobState.FAILED, "Stored files are not on this machine.",
    )  # fmt: skip
    assert not Embedding.objects.filter(case=pool[0]).exists()


def test_every_case_gets_a_vector_of_length_one_or_a_reason(target, cast):
    [empty] = factories.make_empty_cases(cast.project, 1)
    encoder = embed(cast.project)
    assert encoder.state == jobs.JobState.COMPLETED, encoder.error
    assert Embedding.objects.filter(encoder=encoder, vector__isnull=False).count() == 20
    assert Embedding.objects.get(case=empty).reason == "no image that can be rendered"
    space = embeddings.load_space(encoder)
    assert space.vectors.shape == (20, EMBEDDING_SIZE)
    assert np.allclose(np.linalg.norm(space.vectors, axis=1), 1, atol=1e-5)
    stored = Embedding.objects.get(encoder=encoder, case=space.cases[3]).vector
    assert np.allclose(stored, space.vectors[3])


def test_an_encoder_is_fitted_on_training_patients_alone(target, cast, pool):
    encoder = embed(cast.project)
    training = sorted(pool[:18], key=lambda case: case.shuffle_key)
    images = [image for _, image in load_images(choose_images(training, {}), SIDE, {})]
    wanted = fit_whitening(describe(images))
    with np.load(io.BytesIO(bytes(encoder.content))) as fitted:
        assert np.allclose(fitted["mean"], wanted.mean, atol=1e-5)
        assert np.allclose(np.abs(fitted["directions"]), np.abs(wanted.directions), atol=1e-3)


def test_cases_that_arrive_later_are_embedded_by_the_same_encoder(target, cast):
    encoder = embed(cast.project)
    before = bytes(encoder.content)
    assert embeddings.embed_due() == 0
    factories.make_cases(cast.project, 2)
    EncoderVersion.objects.update(attempt=5, kept_attempt=4)
    assert embeddings.embed_due() == 1
    encoder.refresh_from_db()
    assert (encoder.attempt, encoder.kept_attempt) == (0, 0)  # its deaths are counted anew
    jobs.execute(EncoderVersion, encoder.pk, embedding.run_encoder)
    encoder.refresh_from_db()
    assert (encoder.state, bytes(encoder.content)) == (jobs.JobState.COMPLETED, before)
    assert Embedding.objects.filter(encoder=encoder).count() == 22


def test_an_encoder_learns_from_the_projects_own_images_and_goes_on_after_a_stop(
    target, cast, monkeypatch
):
    monkeypatch.setattr(embeddings, "MIN_TO_LEARN", 20)
    monkeypatch.setattr(embedding, "STEPS", {"cpu": 2})
    first = embed(cast.project)
    assert embeddings.ready_encoder(cast.project) == first
    assert embeddings.embed_due() == 1
    learned = EncoderVersion.objects.get(kind="contrastive")
    EncoderVersion.objects.filter(pk=learned.pk).update(cancel_requested=True)
    jobs.execute(EncoderVersion, learned.pk, embedding.run_encoder)
    assert embeddings.ready_encoder(cast.project) == first
    EncoderVersion.objects.filter(pk=learned.pk).update(state="pending", cancel_requested=False)
    jobs.execute(EncoderVersion, learned.pk, embedding.run_encoder)
    learned.refresh_from_db()
    assert learned.state == jobs.JobState.COMPLETED, learned.error
    assert embeddings.ready_encoder(cast.project) == learned
    space = embeddings.load_space(learned)
    assert np.allclose(np.linalg.norm(space.vectors, axis=1), 1, atol=1e-5)
    assert heads.refit(target, seed=1).encoder == learned


def test_a_cancelled_encoder_keeps_what_it_made_and_can_go_on(target, cast):
    embeddings.embed_due()
    encoder = EncoderVersion.objects.get()
    EncoderVersion.objects.update(cancel_requested=True)
    jobs.execute(EncoderVersion, encoder.pk, embedding.run_encoder)
    encoder.refresh_from_db()
    assert encoder.state == jobs.JobState.CANCELLED
    EncoderVersion.objects.update(state="pending", cancel_requested=False)
    jobs.execute(EncoderVersion, encoder.pk, embedding.run_encoder)
    assert Embedding.objects.count() == 20


def test_managers_stop_an_encoder_and_let_it_go_on(target, cast, client_of, monkeypatch):
    monkeypatch.setattr(embeddings, "MIN_TO_LEARN", 20)
    embeddings.embed_due()
    encoder = EncoderVersion.objects.get()
    path = f"/api/v1/encoders/{encoder.pk}/cancellation"
    claimed = jobs.claim(EncoderVersion, encoder.pk)
    assert client_of(cast.manager).post(path).status_code == 202
    with pytest.raises(jobs.JobCancelled):
        embedding.run_encoder(claimed)
    jobs.finish(claimed, jobs.JobState.CANCELLED)
    assert client_of(cast.manager).post(path).status_code == 409
    assert embeddings.embed_due() == 0  # somebody has said no: neither this one nor the next kind
    assert client_of(cast.manager).delete(path).status_code == 202
    assert client_of(cast.manager).delete(path).status_code == 409
    jobs.execute(EncoderVersion, encoder.pk, embedding.run_encoder)
    assert Embedding.objects.count() == 20
    assert embeddings.embed_due() == 1
    actions = AuditEvent.objects.filter(action__startswith="encoder_")
    assert set(actions.values_list("action", flat=True)) == {"encoder_cancelled", "encoder_resumed"}


def test_a_stopped_encoder_waits_while_another_one_works(target, cast, client_of):
    first = embed(cast.project)
    EncoderVersion.objects.update(state="cancelled")
    embeddings.create_encoder(cast.project)
    answer = client_of(cast.manager).delete(f"/api/v1/encoders/{first.pk}/cancellation")
    assert (answer.status_code, "Another encoder" in answer.json()["detail"]) == (409, True)


def test_a_head_learns_again_once_labels_are_gone(target, cast):
    """As where more readers per case are asked for: every case is open again."""
    embed(cast.project)
    heads.refit(target, seed=1)
    assert heads.refit_due() == 0
    HeadVersion.objects.update(finished_cases=target.refit_after)
    assert heads.refit_due() == 1


def test_before_any_label_typical_cases_come_first_with_a_reason(target, cast):
    embed(cast.project)
    version = heads.refit(target, seed=1)
    front = front_of(cast.project)
    assert (len(front), version.training_labels, bytes(version.content)) == (20, 0, b"")
    first = factories.claim(cast.annotator, cast.project)
    assert (first.case_id, first.selection) == (front[0].pk, Selection.RANKED)
    assert all(case.priority_reason for case in front)
    assert all(reasons.SENTENCES[case.priority_words["code"]] for case in front)
    held_out = [case for case in front if case.priority_reason == reasons.HELD_OUT]
    assert len(held_out) == 2


def test_a_refit_learns_ranks_and_writes_down_why(target, cast):
    embed(cast.project)
    heads.refit(target, seed=1)
    labeled = label(cast, ["no", "yes", "no", "yes"])
    version = heads.refit(target, seed=2)
    in_training = [case for case in labeled if case.priority_reason != reasons.HELD_OUT]
    assert version.training_labels == len(in_training)
    assert Head.from_bytes(bytes(version.content)).class_count == 2
    picks = list(HeadPick.objects.filter(head=version).order_by("place"))
    assert [pick.case_id for pick in picks] == [case.pk for case in front_of(cast.project)]
    assert len(picks) == 16
    ranked = [pick for pick in picks if pick.arm != "held_out"]
    assert all(pick.components and pick.reason for pick in ranked)
    assert all(0 < pick.propensity <= 1 for pick in picks if pick.propensity is not None)


def test_the_same_seed_gives_the_same_front(target, cast):
    embed(cast.project)
    label(cast, ["no", "yes", "no"])
    heads.refit(target, seed=5)
    first = [case.pk for case in front_of(cast.project)]
    heads.refit(target, seed=5)
    assert [case.pk for case in front_of(cast.project)] == first


def test_what_the_head_had_said_is_kept_before_it_learns_the_answer(target, cast):
    embed(cast.project)
    label(cast, ["no", "yes"] * 3)
    first = heads.refit(target, seed=1)
    assert all(outcome.said is None for outcome in Outcome.objects.all())
    [case] = label(cast, ["yes"])
    while case.priority_reason == reasons.HELD_OUT:  # held-out labels are no outcomes
        [case] = label(cast, ["yes"])
    said = Head.from_bytes(bytes(first.content))
    heads.refit(target, seed=2)
    outcome = Outcome.objects.get(case=case)
    vector = np.asarray(Embedding.objects.get(case=case).vector, np.float32)[None]
    assert outcome.head == first
    assert np.allclose(outcome.said, said.predict(vector)[0])
    assert (outcome.answer, outcome.selection) == ("yes", "ranked")
    pick = HeadPick.objects.get(head=first, case=case)
    assert (outcome.propensity, outcome.pool_size) == (pick.propensity, first.pool_size)


def hand_in(cast, case, answer):
    annotation = reading.open_annotation(reader=cast.annotator, case=case)
    reading.submit(
        actor=cast.annotator, annotation=annotation, content={"answers": {"nodule": answer}},
        version=annotation.draft_version,
    )  # fmt: skip


def go_on(cast, lease):
    return lease


def put_aside_and_go_on(cast, lease):
    claiming.release(assignment=lease)
    again = factories.claim(cast.annotator, cast.project)
    # The database's clock stands still within a test.
    Assignment.objects.filter(pk=again.pk).update(created_at=timezone.now())
    return again


@pytest.mark.parametrize("come_back", [go_on, put_aside_and_go_on])
def test_a_slow_read_belongs_to_the_head_that_drew_it(target, cast, come_back):
    embed(cast.project)
    label(cast, ["no", "yes"] * 3)
    first = heads.refit(target, seed=1)
    lease = factories.claim(cast.annotator, cast.project)
    while lease.case.priority_reason == reasons.HELD_OUT:  # held-out labels are no outcomes
        hand_in(cast, lease.case, "no")
        lease = factories.claim(cast.annotator, cast.project)
    slow = lease.case
    reading.open_annotation(reader=cast.annotator, case=slow)
    heads.refit(target, seed=2)
    assert come_back(cast, lease).case == slow
    hand_in(cast, slow, "no")
    heads.refit(target, seed=3)
    outcome = Outcome.objects.get(case=slow)
    pick = HeadPick.objects.get(head=first, case=slow)
    vector = np.asarray(Embedding.objects.get(case=slow).vector, np.float32)[None]
    assert (outcome.head, outcome.selection) == (first, "ranked")
    assert np.allclose(outcome.said, Head.from_bytes(bytes(first.content)).predict(vector)[0])
    assert (outcome.place, outcome.propensity) == (pick.place, pick.propensity)
    assert outcome.pool_size == first.pool_size


def test_what_a_front_left_over_was_not_served_by_its_draw(target, cast):
    embed(cast.project)
    label(cast, ["no", "yes"] * 3)
    first = heads.refit(target, seed=1)
    left = next(c for c in front_of(cast.project) if c.priority_reason != reasons.HELD_OUT)
    second = heads.refit(target, seed=2)
    # As if the new front had left it out and were read up: the order of a round comes next.
    Case.objects.filter(project=cast.project).update(front=0, priority=0)
    Case.objects.filter(pk=left.pk).update(ranking_id=first.pk, priority=9.0)
    assert label(cast, ["no"]) == [left]
    # The database's clock stands still within a test.
    Assignment.objects.filter(case=left).update(created_at=timezone.now())
    heads.refit(target, seed=3)
    outcome = Outcome.objects.get(case=left)
    assert (outcome.head, outcome.place, outcome.propensity) == (second, None, None)


def test_held_out_patients_teach_the_head_nothing_and_measure_it(target, cast, pool):
    embed(cast.project)
    for case, answer in zip(pool[18:], ["no", "yes"], strict=True):
        factories.import_answer(cast.annotator, case, answer)
    label(cast, ["no", "yes", "no", "yes"])
    version = heads.refit(target, seed=1)
    assert (version.training_labels, version.metrics["n"]) == (4, 2)
    assert {"auc", "average_precision", "accuracy"} < set(version.metrics)


def test_refits_wait_for_enough_labels(target, cast):
    embed(cast.project)
    assert heads.refit_due() == 1  # the first front
    label(cast, ["no"] * 4)
    assert heads.refit_due() == 0
    label(cast, ["yes"])
    assert heads.refit_due() == 1
    assert target.heads.count() == 2
    targets.change_target(actor=cast.manager, target=target, refit_after=0)
    label(cast, ["no"] * 5)
    assert heads.refit_due() == 0


def test_a_lease_survives_a_new_front_and_a_round_leaves_the_front(target, cast):
    embed(cast.project)
    heads.refit(target, seed=1)
    held = factories.claim(cast.annotator, cast.project)
    heads.refit(target, seed=2)
    assert factories.claim(cast.annotator, cast.project) == held
    front = front_of(cast.project)
    ranked = [Ranked(case.pk, target.pk, "by a round", priority=0.5) for case in front]
    publish_ranking(project=cast.project, ranked=ranked)
    assert front_of(cast.project) == front
    assert front[0].priority_reason != "by a round"


def test_a_refit_that_fails_changes_nothing(target, cast, monkeypatch):
    embed(cast.project)
    heads.refit(target, seed=1)
    before = [(case.pk, case.front) for case in front_of(cast.project)]
    monkeypatch.setattr(target, "head_strategy", "x" * 41)  # more than its column holds
    label(cast, ["no"])
    with pytest.raises(KeyError):
        heads.refit(target, seed=2)
    after = dict(Case.objects.filter(front__gt=0).values_list("pk", "front"))
    assert after.items() <= dict(before).items()
    assert target.heads.count() == 1


def test_similar_cases_are_the_nearest_of_the_same_project(target, cast, pool):
    encoder = embed(cast.project)
    twin = pool[4]
    vector = Embedding.objects.get(encoder=encoder, case=pool[3]).vector
    Embedding.objects.filter(encoder=encoder, case=twin).update(vector=vector)
    found = embeddings.similar_cases(pool[3], count=5)
    assert found[0][0] == twin
    assert found[0][1] == pytest.approx(0, abs=1e-6)
    distances = [distance for _, distance in found]
    assert distances == sorted(distances)
    assert pool[3] not in [case for case, _ in found]


def test_a_refit_is_done_within_seconds(target, cast):
    embed(cast.project)
    label(cast, ["no", "yes"] * 3)
    started = time.monotonic()
    version = heads.refit(target, seed=1)
    assert version.seconds <= time.monotonic() - started < 5


def test_honest_figures_come_from_predictions_made_before_the_label(target, cast):
    cast.project.control_share = 1.0
    cast.project.save(update_fields=["control_share"])
    embed(cast.project)
    heads.refit(target, seed=1)
    label(cast, ["no", "yes"] * 3)
    heads.refit(target, seed=2)
    label(cast, ["yes", "no", "yes", "no"])
    heads.refit(target, seed=3)
    figures = evidence.honest_figures(target)
    said = Outcome.objects.filter(target=target, said__isnull=False)
    wrong = [max(range(2), key=o.said.__getitem__) != ["no", "yes"].index(o.answer) for o in said]
    assert (figures.outcomes, figures.audit.draws) == (len(said), len(said))
    assert figures.audit.value == pytest.approx(np.mean(wrong))
    assert figures.weighted is None  # nothing was drawn by rank
    assert not figures.stopping.is_advised
    assert "kappa" in target.heads.order_by("-number").first().metrics


def make_head(target, encoder, number, labels, accuracy=0.9, auc=0.95):
    interval = {"value": accuracy, "low": accuracy - 0.02, "high": accuracy + 0.02}
    return HeadVersion.objects.create(
        target=target, encoder=encoder, number=number, classes=["no", "yes"], strategy="herding",
        seed=number, finished_cases=labels, training_labels=labels, pool_size=1000, seconds=1.0,
        metrics={
            "n": 200, "patients": 200, "auc": auc, "accuracy": accuracy, "kappa": 0.995, "per_class": [60, 40],
            "intervals": {
                "accuracy": interval, "auc": {"value": auc, "low": auc - 0.02, "high": auc + 0.02}
            },
        },
    )  # fmt: skip


def make_audited(target, head, cases, wrong):
    for place, case in enumerate(cases):
        answer = "no" if place < wrong else "yes"
        Outcome.objects.create(
            target=target, case=case, head=head, answer=answer, said=[0.1, 0.9],
            selection=Selection.CONTROL,
        )  # fmt: skip


def test_the_advice_to_stop_comes_true_once_every_row_says_so(target, cast):
    encoder = embed(cast.project)
    for number, labels in enumerate([40, 60, 80, 90], 1):
        make_head(target, encoder, number, labels, auc=0.95)
    last = make_head(target, encoder, 5, 100)
    make_audited(target, last, factories.make_empty_cases(cast.project, 60), wrong=3)
    found = evidence.honest_figures(target).stopping
    assert found.is_advised, found  # without a goal, which nobody has set
    targets.change_target(actor=cast.manager, target=target, goal=0.94)
    target.refresh_from_db()
    found = evidence.honest_figures(target).stopping
    assert not found.is_advised  # only 0.93 is sure
    assert [c.name for c in found.conditions if not c.holds] == ["target"]
    targets.change_target(actor=cast.manager, target=target, goal=0.92)
    target.refresh_from_db()
    found = evidence.honest_figures(target).stopping
    assert found.is_advised, found
    assert len(found.conditions) == 5


def test_the_audit_is_that_of_recent_heads_and_agrees_with_their_own_tests(target, cast):
    encoder = embed(cast.project)
    early = make_head(target, encoder, 1, 20, accuracy=0.5)
    half = make_head(target, encoder, 2, 60, accuracy=0.7)
    last = make_head(target, encoder, 3, 100, accuracy=0.95)
    cases = factories.make_empty_cases(cast.project, 100)
    make_audited(target, early, cases[:20], wrong=10)
    make_audited(target, half, cases[20:80], wrong=18)
    make_audited(target, last, cases[80:], wrong=1)
    figures = evidence.honest_figures(target)
    assert (figures.outcomes, figures.audit.draws) == (100, 80)
    assert figures.audit.value == pytest.approx(19 / 80)
    assert (figures.window.first, figures.window.last) == (2, 3)
    assert (figures.window.labels_first, figures.window.labels_last) == (60, 100)
    assert figures.agreement.holds  # 30 % and 5 % at their time, though 5 % now
    words = figures.agreement.sentence.words
    assert words["test"] == pytest.approx(100 * (60 * 0.3 + 20 * 0.05) / 80)


@pytest.mark.parametrize(
    ("strategy", "holds"), [("stratified_margin", None), ("random", False)]
)  # of draws by chance the rest is like the pool
def test_what_ranking_has_left_over_is_not_held_against_the_test(target, cast, strategy, holds):
    last = make_head(target, embed(cast.project), 1, 100)
    HeadVersion.objects.filter(pk=last.pk).update(strategy=strategy, pool_size=60)
    cases = factories.make_empty_cases(cast.project, 160)
    make_audited(target, last, cases[:100], wrong=2)
    Outcome.objects.bulk_create(
        Outcome(
            target=target, case=case, head=last, answer="yes", said=[0.1, 0.9],
            selection=Selection.RANKED,
        )
        for case in cases[100:]
    )  # fmt: skip
    agreement = evidence.honest_figures(target).agreement
    assert agreement.holds is holds
    assert agreement.sentence.words["code"] == (
        "differs" if strategy == "random" else "audit_of_the_rest"
    )


def test_a_few_audited_labels_that_are_all_right_prove_nothing_and_raise_no_alarm(target, cast):
    last = make_head(target, embed(cast.project), 1, 100)
    make_audited(target, last, factories.make_empty_cases(cast.project, 3), wrong=0)
    figures = evidence.honest_figures(target)
    assert figures.audit.value == 0
    assert figures.audit.interval[1] > 0.5
    assert {c.name: c.holds for c in figures.stopping.conditions}["audit"] is None
    assert figures.agreement is None


def test_ranked_draws_tell_the_error_of_the_pool(target, cast):
    encoder = embed(cast.project)
    last = make_head(target, encoder, 1, 100)
    cases = factories.make_empty_cases(cast.project, 4)
    served = {"selection": Selection.RANKED, "pool_size": 1000}
    for place, case in enumerate(cases):
        Outcome.objects.create(
            target=target, case=case, head=last, answer="yes", said=[0.1, 0.9], place=place,
            propensity=1 / (1000 - place), **served,
        )  # fmt: skip
    assert evidence.honest_figures(target).weighted.value == 0
    Outcome.objects.filter(case=cases[0]).update(answer="no")
    assert evidence.honest_figures(target).weighted.value == pytest.approx(0.25)


def test_heads_from_before_most_labels_went_are_not_recent(target, cast):
    encoder = embed(cast.project)
    for number, labels in enumerate(
        [90, 100, 20, 24], 1
    ):  # a new question took the old answers away
        make_head(target, encoder, number, labels)
    window = evidence.honest_figures(target).window
    assert (window.first, window.last) == (3, 4)


def test_figures_of_the_test_patients_have_intervals(target, cast, pool):
    embed(cast.project)
    for case, answer in zip(pool[18:], ["no", "yes"], strict=True):
        factories.import_answer(cast.annotator, case, answer)
    label(cast, ["no", "yes", "no", "yes"])
    figures = heads.refit(target, seed=1).metrics
    assert set(figures["intervals"]) == {"auc", "average_precision", "accuracy"}
    accuracy = figures["intervals"]["accuracy"]
    assert accuracy["low"] <= accuracy["value"] == figures["accuracy"] <= accuracy["high"]
