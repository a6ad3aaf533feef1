"""Rounds through the real pipeline, in this process."""

import csv
import io
from datetime import timedelta

import numpy as np
import pytest
import torch
from django.core.management import call_command
from django.db import IntegrityError
from django.utils import timezone
from PIL import Image
from torch import nn
from torch.nn.modules.module import register_module_forward_pre_hook

from annotation.core import jobs
from annotation.core.errors import Conflict, InvalidInput
from annotation.datasets import services as datasets
from annotation.datasets.models import Split
from annotation.datasets.services import prescribe_splits
from annotation.imaging import synthesis
from annotation.labeling.models import Annotation, Case, Selection, Suggestion
from annotation.labeling.services.projects import change_settings, publish_schema
from learning import pipeline
from learning.heads.head import Head
from learning.models import HeadVersion, ModelVersion, Prediction, Round, Trigger
from learning.services import model_versions, retraining, rounds, suggestions, targets
from learning.stored_models import load_model
from tests import factories

TINY = {"side": 32, "batch_size": 8, "epochs": 1, "min_steps": 12, "evaluations": 3}


@pytest.fixture
def target(cast):
    """A target with twelve labeled cases (four of them held out) and eight in the pool."""
    cases = factories.make_labeled_cases(cast.project, cast.annotator, 12)
    splits = [Split.TRAIN] * 8 + [Split.VALIDATION] * 2 + [Split.TEST] * 2
    patients = [case.study.patient_id for case in cases]
    prescribe_splits(
        project=cast.project, split_of_patient=dict(zip(patients, splits, strict=True))
    )
    pool = factories.make_cases(cast.project, 8)
    in_training = {case.study.patient_id: Split.TRAIN for case in pool[:6]}
    held_out = {case.study.patient_id: Split.TEST for case in pool[6:]}
    prescribe_splits(project=cast.project, split_of_patient=in_training | held_out)
    return targets.create_target(
        actor=cast.manager, project=cast.project, question="nodule", config=TINY
    )


def run(target, **options):
    created = rounds.request_round(target=target, trigger=Trigger.MANUAL, seed=1, **options)
    jobs.execute(Round, created.pk, pipeline.run_round)
    created.refresh_from_db()
    return created


def test_a_round_trains_evaluates_predicts_ranks_and_publishes(target, cast):
    done = run(target)
    assert done.state == jobs.JobState.COMPLETED, done.error
    assert (done.training_labels, done.ranked_cases, done.metrics["n"]) == (8, 8, 2)
    assert done.curves[-1]["step"] >= 12
    version = ModelVersion.objects.get()
    assert (version.state, version.classes) == ("production", ["no", "yes"])
    predictions = Prediction.objects.filter(model_version=version)
    assert predictions.count() == 8
    assert all(abs(sum(p.values) - 1) < 1e-6 for p in predictions)
    assert predictions.filter(score=None).count() == 2
    waiting = Case.objects.filter(project=cast.project, state="open")
    first = waiting.order_by("-priority", "shuffle_key").first()
    assignment = factories.claim(cast.annotator, cast.project)
    assert (assignment.case_id, assignment.selection) == (first.pk, Selection.RANKED)
    assert assignment.ranking_id == done.pk


def test_a_round_says_how_long_it_takes_and_that_memory_is_short(target, monkeypatch):
    told = []
    report = jobs.report
    monkeypatch.setattr(
        jobs, "report", lambda job, **said: told.append(said) or report(job, **said)
    )

    def little_memory(module, inputs):
        if module.training and isinstance(module, nn.Conv2d) and len(inputs[0]) > 4:
            raise torch.OutOfMemoryError("CUDA out of memory")

    hook = register_module_forward_pre_hook(little_memory)
    done = run(target)
    hook.remove()
    assert done.state == jobs.JobState.COMPLETED, done.error
    training = [said for said in told if said.get("step") == "train" and said["done"]]
    assert training[-1]["seconds_left"] == 0
    assert {said["images_at_once"] for said in training} == {4}  # of a batch of 8


def test_the_model_can_be_traced_and_loaded_again(target):
    done = run(target)
    version = done.model_version
    Round.objects.update(config={})  # what describes the network is the version alone
    model = load_model(ModelVersion.objects.get())
    assert sum(p.numel() for p in model.network.parameters()) > 100_000
    assert model.task.classes == ("no", "yes")
    assert (model.architecture.size, model.config.side) == ((32, 32), 32)
    assert version.round.dataset.items.count() == 12


def test_a_failed_round_says_why_and_leaves_the_ranking(target, cast):
    run(target)
    before = dict(Case.objects.values_list("pk", "priority"))
    uneven = {**TINY, "network": "vit_small", "side": 33}
    targets.change_target(actor=cast.manager, target=target, config=uneven)
    target.refresh_from_db()
    failed = run(target)
    assert (failed.state, failed.error) == (
        "failed", "size: vit_small takes sides of at least 16 that are "
        "multiples of 8, not 33",
    )  # fmt: skip
    assert dict(Case.objects.values_list("pk", "priority")) == before


def test_too_few_labels_end_in_a_clear_sentence(cast):
    factories.make_cases(cast.project, 2)
    study = factories.make_labeled_cases(cast.project, cast.annotator, 1)[0].study
    prescribe_splits(project=cast.project, split_of_patient={study.patient_id: Split.TRAIN})
    target = targets.create_target(actor=None, project=cast.project, question="nodule", config=TINY)
    failed = run(target)
    assert failed.state == jobs.JobState.FAILED
    assert "at least two answers (no: 0, yes: 1)" in failed.error


def test_a_study_without_a_usable_image_is_left_out_with_a_reason(target, cast):
    [empty] = factories.make_empty_cases(cast.project, 1)
    done = run(target)
    assert done.state == jobs.JobState.COMPLETED
    assert {"case": str(empty.pk), "reason": "no image that can be rendered"} in done.metrics[
        "excluded"
    ]


def test_only_one_round_of_a_target_runs_at_a_time(target):
    rounds.request_round(target=target, trigger=Trigger.MANUAL)
    with pytest.raises(Conflict, match="under way"):
        rounds.request_round(target=target, trigger=Trigger.MANUAL)


def test_a_cancelled_round_changes_nothing(target, cast):
    created = rounds.request_round(target=target, trigger=Trigger.MANUAL)
    claimed = jobs.claim(Round, created.pk)
    rounds.cancel(actor=cast.manager, round_=claimed)
    Round.objects.filter(pk=created.pk).update(state="pending", attempt=0)
    jobs.execute(Round, created.pk, pipeline.run_round)
    created.refresh_from_db()
    assert created.state == jobs.JobState.CANCELLED
    assert ModelVersion.objects.count() == 0
    assert not Case.objects.exclude(ranking_id=None).exists()


def test_a_worker_that_was_thought_dead_writes_nothing(target):
    created = rounds.request_round(target=target, trigger=Trigger.MANUAL, seed=1)
    slow = jobs.claim(Round, created.pk)
    Round.objects.filter(pk=created.pk).update(attempt=2)
    with pytest.raises(jobs.JobFenced):
        pipeline.run_round(slow)
    assert ModelVersion.objects.count() == 0
    assert not jobs.finish(slow, jobs.JobState.COMPLETED)


def test_a_round_is_due_after_enough_newly_accepted_reads(cast):
    factories.make_empty_cases(cast.project, 5)
    target = targets.create_target(
        actor=None, project=cast.project, question="nodule", retrain_after=2
    )
    factories.submit_next(cast.annotator, cast.project)
    assert rounds.due() == []
    factories.submit_next(cast.annotator, cast.project)
    assert rounds.due() == [target]
    assert rounds.start_due() == 1
    assert rounds.start_due() == 0
    Round.objects.update(state="completed")
    assert rounds.due() == []


def test_reads_that_came_before_a_waiting_round_froze_its_labels_are_not_new(cast):
    cases = factories.make_empty_cases(cast.project, 3)
    target = targets.create_target(
        actor=None, project=cast.project, question="nodule", retrain_after=2
    )
    rounds.request_round(target=target, trigger=Trigger.MANUAL)
    for case in cases[:2]:
        factories.import_answer(cast.annotator, case, "no")
    frozen = datasets.freeze(project=cast.project, name="", actor=None, is_for_round=True)
    Round.objects.update(state="completed", dataset=frozen)
    assert not retraining.advice_of(target).is_due


def test_reads_count_once_their_case_is_finished(cast):
    change_settings(actor=cast.manager, project=cast.project, readers_per_case=2)
    cases = factories.make_empty_cases(cast.project, 3)
    target = targets.create_target(
        actor=None, project=cast.project, question="nodule", retrain_after=4
    )
    for case in cases:
        factories.import_answer(cast.annotator, case, "no")
    old = timezone.now() - timedelta(days=2)
    Annotation.objects.update(accepted_at=old)
    factories.import_answer(cast.annotator2, cases[0], "no")
    assert rounds.due() == []
    factories.import_answer(cast.annotator2, cases[1], "no")
    assert rounds.due() == [target]
    rounds.request_round(target=target, trigger=Trigger.POLICY)
    Round.objects.update(state="completed", created_at=old + timedelta(days=1))
    assert rounds.due() == [target]  # by four reads: the first two were in no dataset before


@pytest.mark.parametrize("state", ["failed", "cancelled"])
def test_a_round_that_learned_nothing_is_tried_again_with_its_reads_each_time_later(state, cast):
    factories.make_empty_cases(cast.project, 5)
    target = targets.create_target(
        actor=None, project=cast.project, question="nodule", retrain_after=1
    )
    factories.submit_next(cast.annotator, cast.project)
    for number, minutes in ((1, 10), (2, 20), (3, 40)):
        assert rounds.start_due() == 1
        newest = Round.objects.filter(number=number)
        ended = timezone.now() - timedelta(minutes=minutes - 1)
        newest.update(state=state, finished_at=ended)
        assert rounds.due() == []
        newest.update(finished_at=ended - timedelta(minutes=2))
        assert rounds.due() == [target]


@pytest.mark.parametrize("state", ["failed", "cancelled"])
def test_reads_of_a_round_that_learned_nothing_still_count(state, cast):
    factories.make_empty_cases(cast.project, 2)
    target = targets.create_target(
        actor=None, project=cast.project, question="nodule", retrain_after=2
    )
    for _ in range(2):
        factories.submit_next(cast.annotator, cast.project)
    rounds.request_round(target=target, trigger="manual")
    Round.objects.update(state=state, finished_at=timezone.now())
    assert retraining.advice_of(target).is_due


def test_later_rounds_wait_until_the_reads_grew_by_a_fifth(cast):
    factories.make_empty_cases(cast.project, 13)
    target = targets.create_target(
        actor=None, project=cast.project, question="nodule", retrain_after=1
    )
    for _ in range(10):
        factories.submit_next(cast.annotator, cast.project)
    assert rounds.start_due() == 1
    Round.objects.update(state="completed")
    factories.submit_next(cast.annotator, cast.project)
    assert rounds.due() == []
    factories.submit_next(cast.annotator, cast.project)
    assert rounds.due() == [target]


def sources_of_suggestions(count):
    current = Suggestion.objects.filter(is_current=True)
    assert current.count() == count
    return set(current.values_list("source", flat=True))


def test_the_production_model_suggests_answers_for_the_pool_but_not_for_held_out_cases(target):
    version = run(target).model_version
    pool = set(version.predictions.filter(score__isnull=False).values_list("case_id", flat=True))
    offered = {s.case_id: s for s in Suggestion.objects.all()}
    assert set(offered) == pool
    assert len(pool) == 6
    for prediction in version.predictions.filter(case__in=pool):
        content = offered[prediction.case_id].content
        says_yes = prediction.values[1] >= version.threshold
        assert content["answers"] == {"nodule": "yes" if says_yes else "no"}
        assert content["probabilities"]["nodule"]["yes"] == round(prediction.values[1], 4)


def test_a_suggestion_of_several_classes_is_the_likeliest():
    content = suggestions.content_of("grade", ["a", "b", "c"], [0.2, 0.5, 0.3], 0.1)
    assert content["answers"] == {"grade": "b"}


def test_promotion_moves_production_and_rolls_back(target, cast):
    first = run(target).model_version
    second = run(target).model_version
    model_versions.promote(version=second, actor=cast.manager)
    assert sources_of_suggestions(6) == {"Nodule? #2"}
    model_versions.promote(version=first, actor=cast.manager)
    assert sources_of_suggestions(6) == {"Nodule? #1"}
    second.refresh_from_db()
    first.refresh_from_db()
    assert (first.state, second.state) == ("production", "retired")
    with pytest.raises(IntegrityError):
        ModelVersion.objects.filter(pk=second.pk).update(state="production")


def test_a_target_must_be_a_question_on_the_study(cast):
    with pytest.raises(InvalidInput):
        targets.create_target(actor=None, project=cast.project, question="nonsense")
    on_regions = {"key": "margin", "scope": "region", "options": [{"key": "no"}, {"key": "yes"}]}
    definition = {"questions": [*factories.QUESTIONS["questions"], on_regions]}
    publish_schema(actor=cast.manager, project=cast.project, definition=definition)
    with pytest.raises(InvalidInput, match="on the study"):
        targets.create_target(actor=None, project=cast.project, question="margin")
    with pytest.raises(InvalidInput, match="Strategies of this kind"):
        targets.create_target(actor=None, project=cast.project, question="nodule", strategy="x")
    with pytest.raises(InvalidInput, match="colour"):
        targets.create_target(
            actor=None, project=cast.project, question="nodule", config={"colour": 1}
        )


def test_a_job_that_kills_its_worker_three_times_fails(target):
    created = rounds.request_round(target=target, trigger=Trigger.MANUAL)
    for attempt in range(1, 4):
        assert jobs.claim(Round, created.pk).attempt == attempt
        Round.objects.update(lease_expires_at=timezone.now() - timedelta(seconds=1))
        lost = jobs.lost_jobs(Round)
        assert len(lost) == (1 if attempt < 3 else 0)
    created.refresh_from_db()
    assert (created.state, "died 3 times" in created.error) == ("failed", True)


@pytest.fixture
def known(tmp_path):
    """A folder of 24 pictures with a table of labels and splits."""
    with (tmp_path / "labels.csv").open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["file", "label", "patient", "split"])
        for number in range(24):
            rng = np.random.default_rng(number)
            pixels, _ = synthesis.chest_radiograph(rng, has_nodule=number % 2 == 0, side=48)
            Image.fromarray((pixels >> 4).astype(np.uint8)).save(tmp_path / f"{number}.png")
            split = "test" if number < 6 else "val" if number < 10 else "train"
            table.writerow(
                [f"{number}.png", "nodule" if number % 2 == 0 else "none", number, split]
            )
    return tmp_path


def test_a_replay_learns_through_the_same_services(known, db):
    out = io.StringIO()
    config = '{"side": 32, "batch_size": 8, "epochs": 1, "min_steps": 6, "evaluations": 2}'
    call_command(
        "simulate_rounds", dataset=known, strategies="random,margin", seeds=1, schedule="9,14",
        config=config, output=known / "curves", stdout=out,
    )  # fmt: skip
    rows = list(csv.DictReader((known / "curves.csv").open()))
    assert [(r["strategy"], r["labels"]) for r in rows] == [
        ("random", "9"), ("random", "14"), ("margin", "9"), ("margin", "14"),
    ]  # fmt: skip
    assert rows[0]["value"] == rows[2]["value"]  # the first labels of a seed are the same for all
    assert (known / "curves.svg").read_text().startswith("<?xml")


def test_a_replay_of_the_quick_loop_goes_on_where_it_stopped(known, db):
    options = {
        "dataset": known, "seeds": 1, "every": 4, "until": 12, "encoder": "descriptor",
        "output": known / "heads.csv",
    }  # fmt: skip
    call_command("simulate_heads", strategies="random", stdout=io.StringIO(), **options)
    out = io.StringIO()
    call_command("simulate_heads", strategies="random,adaptive", stdout=out, **options)
    rows = list(csv.DictReader((known / "heads.csv").open()))
    assert {row["strategy"] for row in rows} == {"random", "adaptive"}
    assert max(int(row["labels"]) for row in rows) == 12
    assert "random seed 0" not in out.getvalue()
    assert "R95" in out.getvalue()
    assert Head.from_bytes(bytes(HeadVersion.objects.latest("created_at").content))
