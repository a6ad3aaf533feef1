"""Rounds that learn from images without labels too, and keep them only where they beat their ablation."""

import json

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits

from annotation.archive.models import Study
from annotation.core import jobs
from annotation.core.models import AuditEvent
from annotation.datasets import services as datasets
from annotation.datasets.models import PatientGroup, Split
from annotation.datasets.services import prescribe_splits
from annotation.datasets.splitter import Splitter
from annotation.labeling.models import Case
from annotation.labeling.services.projects import add_cases
from learning import cross_validation, pipeline
from learning.models import CrossValidation, Round, SeenStudies, Trigger
from learning.pipeline import ablation, unlabeled
from learning.pipeline import rounds as steps
from learning.pipeline.base import Examples
from learning.services import cross_validations, rounds, targets
from learning.services.card_text import as_markdown
from learning.services.leaks import leaked_patients
from learning.services.model_cards import model_card
from learning.stored_models import load_model
from learning.training import lessons
from learning.training.config import TrainConfig
from learning.training.metrics.figures import Examined
from learning.training.run import Progress
from tests import factories
from tests.learning.conftest import TINY

ASKED = {**TINY, "unlabeled": "mean_teacher"}


@pytest.fixture
def target(labeled_target, cast, monkeypatch):
    """Eight cases to learn from, two and two held out, six without labels beside them and three held out."""
    monkeypatch.setattr(ablation, "LEAST_PATIENTS", 2)
    monkeypatch.setattr(ablation, "LEAST_OF_RAREST", 1)
    pool = factories.make_cases(cast.project, 9)
    splits = [Split.TRAIN] * 6 + [Split.VALIDATION, Split.TEST, Split.TEST]
    patients = [case.study.patient_id for case in pool]
    prescribe_splits(
        project=cast.project, split_of_patient=dict(zip(patients, splits, strict=True))
    )
    return targets.change_target(actor=cast.manager, target=labeled_target, config=ASKED)


@pytest.fixture
def decided(monkeypatch):
    """Makes the comparison end so."""

    def arrange(is_better):
        compared = ablation.compared

        def as_told(with_images, without):
            decision = "kept" if is_better else "left_off"
            return compared(with_images, without) | {"decision": decision}

        monkeypatch.setattr(ablation, "compared", as_told)

    return arrange


@pytest.fixture
def told(monkeypatch):
    """What jobs report."""
    heard, report = [], jobs.report
    monkeypatch.setattr(
        jobs, "report", lambda job, **said: heard.append(said) or report(job, **said)
    )
    return heard


def request(target):
    target.refresh_from_db()
    return rounds.request_round(target=target, trigger=Trigger.MANUAL, seed=1)


def execute(round_):
    jobs.execute(Round, round_.pk, pipeline.run_round)
    round_.refresh_from_db()
    return round_


def run(target):
    done = execute(request(target))
    assert done.state == jobs.JobState.COMPLETED, done.error
    return done


def weights_of(folder):
    found = torch.load(max(folder.glob("*.pt")), weights_only=True)
    return found["best"]


# the comparison


def said(probabilities):
    """So sure of "yes" of forty patients, every second of whom has it."""
    yes = np.asarray(probabilities)
    return Examined(
        "one", np.arange(40) % 2, np.stack([1 - yes, yes], axis=1), [str(n) for n in range(40)]
    )


def test_a_gain_that_is_more_than_chance_keeps_them_and_no_other():
    rng, truth = np.random.default_rng(0), np.arange(40) % 2
    weak = said(np.clip(0.5 + 0.1 * (truth - 0.5) + rng.normal(0, 0.15, 40), 0, 1))
    strong = said(np.clip(0.5 + 0.5 * (truth - 0.5) + rng.normal(0, 0.15, 40), 0, 1))
    slightly = said(weak.predictions[:, 1] + 0.01 * (truth - 0.5))
    found = ablation.compared(strong, weak)
    assert (found["decision"], found["figure"], found["n"]) == ("kept", "auc", 40)
    assert found["difference"]["low"] > 0
    gain = found["with_images"]["value"] - found["without_images"]["value"]
    assert found["difference"]["value"] == pytest.approx(gain)
    for candidate, other in ((slightly, weak), (weak, weak), (weak, strong)):
        found = ablation.compared(candidate, other)
        assert found["decision"] == "left_off"
        assert found["difference"]["low"] <= 0
    nothing = said(np.full(40, np.nan))
    assert ablation.compared(nothing, weak)["decision"] == "left_off"


# a round with them


def test_a_round_trains_with_them_and_without_and_records_both(target, cast, told, decided):
    decided(is_better=True)
    done = run(target)
    found = done.metrics["unlabeled"]
    assert (found["decision"], found["method"]) == ("kept", "mean_teacher")
    assert (found["images"], found["patients"], len(found["images_sha256"])) == (6, 6, 64)
    assert (found["figure"], found["n"], found["validation_patients"]) == ("auc", 2, 2)
    # The same steps in both trainings, side by side.
    assert [point["step"] for point in done.curves] == [4, 8, 12]
    assert all({"loss", "unlabeled_loss", "validation_loss", "unlabeled_validation_loss"} <= set(p) for p in done.curves)  # fmt: skip
    assert target.config == ASKED
    target.refresh_from_db()
    assert target.config == ASKED  # they stay on
    training = [said for said in told if said.get("step") == "train"]
    assert [said["training"] for said in training] == sorted(said["training"] for said in training)
    assert [said["done"] for said in training] == sorted(said["done"] for said in training)
    assert {said["total"] for said in training} == {12 + 5 * 12}
    assert (training[-1]["done"], training[-1]["seconds_left"]) == (72, 0)
    card = as_markdown(model_card(done.model_version))
    assert "Tried by mean teacher with 6 images of 6 patients. They helped: auc better by" in card


def test_after_a_lost_ablation_its_network_is_the_rounds_and_later_rounds_train_without(
    target, cast, monkeypatch, decided, client_of
):
    decided(is_better=False)
    kept = {}
    monkeypatch.setattr(
        steps.shutil, "rmtree", lambda folder, **_: kept.update(without=weights_of(folder / "without"))
    )  # fmt: skip
    lost = run(target)
    assert lost.metrics["unlabeled"]["decision"] == "left_off"
    published = load_model(lost.model_version).network.state_dict()
    averaged = {n.removeprefix("teacher."): v for n, v in kept["without"].items() if n.startswith("teacher.")}  # fmt: skip
    assert all(torch.equal(published[name], value) for name, value in averaged.items())
    target.refresh_from_db()
    assert target.config == {**TINY, "unlabeled": "none"}
    [event] = AuditEvent.objects.filter(action="unlabeled_left_off")
    assert event.detail == {"round": 1, "method": "mean_teacher"}
    shown = client_of(cast.manager).get(f"/api/v1/targets/{target.pk}/rounds").json()
    assert shown[0]["metrics"]["unlabeled"]["decision"] == "left_off"
    plain = run(target)
    assert "unlabeled" not in plain.metrics
    assert all("unlabeled_loss" not in point for point in plain.curves)
    card = as_markdown(model_card(lost.model_version))
    assert "They did not help: auc better by" in card
    assert "; left off." in card
    targets.change_target(actor=cast.manager, target=target, config=ASKED)  # and on again
    assert run(target).metrics["unlabeled"]["decision"] == "left_off"


def test_a_recipe_that_was_changed_during_the_round_stays(target, cast, decided):
    decided(is_better=False)
    round_ = request(target)
    other = {**ASKED, "unlabeled": "pseudo_labels"}
    targets.change_target(actor=cast.manager, target=target, config=other)
    assert execute(round_).metrics["unlabeled"]["method"] == "mean_teacher"
    target.refresh_from_db()
    assert target.config == other


def test_training_with_them_that_fails_leaves_the_ablation(target, monkeypatch, cast, client_of):
    monkeypatch.setattr(
        lessons, "taught_loss", lambda _task, outputs, *_: outputs.sum() * torch.nan
    )
    done = run(target)
    found = done.metrics["unlabeled"]
    assert (found["decision"], found["trouble"]) == ("left_off", "the loss became nan in epoch 1")
    [shown] = client_of(cast.manager).get(f"/api/v1/targets/{target.pk}/rounds").json()
    assert shown["metrics"]["unlabeled"]["trouble_words"]["code"] == "loss_diverged"
    assert "failed (the loss became nan in epoch 1); left off" in as_markdown(
        model_card(done.model_version)
    )


def test_too_few_validation_patients_cannot_tell_and_nothing_is_paid(target, monkeypatch, told):
    monkeypatch.setattr(ablation, "LEAST_PATIENTS", 3)
    done = run(target)
    assert done.metrics["unlabeled"] == {"method": "mean_teacher", "decision": "few_patients"}
    assert done.model_version.config["unlabeled"] == "none"
    assert {said["total"] for said in told if said.get("step") == "train"} == {12}
    target.refresh_from_db()
    assert target.config == ASKED  # the next round asks again
    card = as_markdown(model_card(done.model_version))
    assert "not tried: too few validation patients to tell whether they help" in card


def test_validation_cases_of_one_answer_cannot_tell(target, monkeypatch):
    monkeypatch.setattr(ablation, "LEAST_PATIENTS", 1)
    frozen = steps.load_examples

    def one_answer(*arguments):
        examples = frozen(*arguments)
        examples[Split.VALIDATION].labels = ["yes"] * 2
        return examples

    monkeypatch.setattr(steps, "load_examples", one_answer)
    assert run(target).metrics["unlabeled"]["decision"] == "one_answer"


def test_too_few_validation_patients_with_the_rarest_answer_cannot_tell(target, monkeypatch):
    monkeypatch.setattr(ablation, "LEAST_OF_RAREST", 2)
    done = run(target)
    assert done.metrics["unlabeled"]["decision"] == "few_of_rarest"
    assert "too few validation patients with the rarest answer" in as_markdown(
        model_card(done.model_version)
    )


def test_without_an_open_training_case_there_is_nothing_to_learn_from(target, cast):
    Case.objects.filter(project=cast.project, state="open").delete()
    assert run(target).metrics["unlabeled"]["decision"] == "no_images"


# no way from a measuring patient into training


def test_no_patient_who_measures_the_models_is_learned_from(target, cast, monkeypatch):
    seen = []
    load = unlabeled.load_unlabeled
    monkeypatch.setattr(
        ablation, "load_unlabeled", lambda *arguments: seen.append(load(*arguments)) or seen[-1]
    )
    done = run(target)
    [found] = seen
    splitter = Splitter(datasets.policy_of(cast.project))
    of_case = {case.pk: case for case in Case.objects.select_related("study")}
    assert {splitter.split(splitter.patient_key(of_case[c])) for c in found.examples.cases} == {"train"}  # fmt: skip
    assert {of_case[case].state for case in found.examples.cases} == {"open"}
    labeled = set(done.dataset.items.values_list("case_id", flat=True))
    assert not labeled & set(found.examples.cases)


def test_who_measures_the_frozen_dataset_is_not_learned_from_whatever_came_since(target, cast):
    """A patient whose split was prescribed anew, another study of theirs, and one who looks like them."""
    round_ = jobs.claim(Round, request(target).pk)
    dataset = steps._frozen_dataset(round_)
    tested = dataset.items.select_related("case__study").filter(split=Split.TEST).first()
    patient = tested.case.study.patient_id
    again = factories.make_study(cast.project, patient=patient)
    add_cases(project=cast.project, studies=[again])
    [alike] = factories.make_cases(cast.project, 1)
    policy = datasets.policy_of(cast.project)
    policy.prescribed.filter(patient_key=tested.patient_key).update(split=Split.TRAIN)
    PatientGroup.objects.create(
        policy=policy, patient_key=Splitter(policy).patient_key(alike), leader_key=tested.patient_key
    )  # fmt: skip
    pool = unlabeled._training_pool(round_)
    opened = Case.objects.filter(project=cast.project, state="open")
    trained = set(opened.values_list("pk", flat=True)) & set(pool)
    assert len(trained) == len(pool) == 6
    assert alike.pk not in pool
    assert not opened.filter(pk__in=pool, study__patient_id=patient).exists()


def test_weights_that_learned_from_the_pool_know_its_patients_elsewhere(target, cast, decided):
    decided(is_better=True)
    version = run(target).model_version
    other = factories.make_project(cast.manager, "Another")
    patients = set()
    for case in Case.objects.filter(project=cast.project, state="open").select_related("study"):
        factories.make_study(other, patient=case.study.patient_id)
        patients.add(case.study.patient_id)
    add_cases(project=other, studies=Study.objects.filter(collection=other.collection))
    prescribe_splits(project=other, split_of_patient=dict.fromkeys(patients, Split.TEST))
    start = {"model_version": str(version.pk)}
    assert len(leaked_patients(project=other, start=start)) == 6  # of nine: three were held out
    assert len(SeenStudies.objects.get(round=version.round).studies) == 6
    round_ = version.round
    round_.metrics["unlabeled"]["decision"] = "left_off"
    round_.save()
    assert len(leaked_patients(project=other, start=start)) == 0


# waiting and going on


@pytest.mark.parametrize("training", [1, 2])
def test_a_round_paused_in_either_training_goes_on_bit_for_bit(
    training, target, cast, monkeypatch, decided
):
    decided(is_better=True)
    straight = run(target)
    report, waiting = jobs.report, [training]

    def report_paused(job, **said):
        if waiting and said.get("training") == training and said["done"] >= 8 + 12 * (training - 1):
            waiting.pop()
            rounds.pause(actor=cast.manager, round_=job)
        report(job, **said)

    monkeypatch.setattr(jobs, "report", report_paused)
    paused = execute(request(target))
    assert paused.is_paused
    monkeypatch.setattr(jobs, "report", report)
    rounds.resume(actor=cast.manager, round_=paused)
    done = execute(paused)
    assert done.state == jobs.JobState.COMPLETED, done.error
    assert done.metrics["unlabeled"] == straight.metrics["unlabeled"]
    assert done.curves == straight.curves
    assert done.model_version.weights_sha256 == straight.model_version.weights_sha256


def test_what_was_drawn_stays_drawn_though_some_have_been_labeled_since(target, cast, tmp_path):
    round_ = jobs.claim(Round, request(target).pk)
    steps._frozen_dataset(round_)
    kind = steps._kind_of(round_)
    first = unlabeled.load_unlabeled(round_, kind, 4, tmp_path)
    assert len(first) == 4
    labeled = Case.objects.get(pk=first.examples.cases[0])
    factories.import_answer(cast.annotator, labeled, "no")
    again = unlabeled.load_unlabeled(round_, kind, 4, tmp_path)
    assert again.examples.cases == first.examples.cases
    assert again.sha256 == first.sha256
    for one, other in zip(again.examples.images, first.examples.images, strict=True):
        assert (one == other).all()
    other_folder = unlabeled.load_unlabeled(round_, kind, 4, tmp_path / "fresh")
    assert labeled.pk not in other_folder.examples.cases


def test_images_that_need_more_room_than_there_is_are_left_out(target, monkeypatch, tmp_path):
    round_ = jobs.claim(Round, request(target).pk)
    steps._frozen_dataset(round_)
    kind = steps._kind_of(round_)
    monkeypatch.setattr(unlabeled, "MOST_BYTES", 3 * 32 * 32 * 2)
    found = unlabeled.load_unlabeled(round_, kind, 100, tmp_path)
    assert (len(found), len(found.examples.images)) == (3, 3)
    assert json.loads((tmp_path / "unlabeled.json").read_text())["sha256"] == found.sha256


def test_time_left_counts_the_training_that_is_still_to_come():
    heard = []
    both = ablation.TwoTrainings(heard.append, cost=5)
    figures = {"step": 10.0, "epoch": 1.0, "loss": 0.5, "validation_loss": 0.4}
    both.first(Progress(10, 100, 1, 9.0, 8, figures=figures))
    both.first(Progress(100, 100, 9, 0.0, 8))
    both.second(Progress(50, 100, 5, 30.0, 32, figures=figures))
    assert [(p.step, p.steps, p.training) for p in heard] == [(10, 600, 1), (100, 600, 1), (350, 600, 2)]  # fmt: skip
    assert [p.seconds_left for p in heard] == pytest.approx([9 + 0.1 * 500, 0.1 * 500, 30])
    assert heard[0].figures == figures
    assert heard[2].figures == {"step": 10.0, "epoch": 1.0, "unlabeled_loss": 0.5, "unlabeled_validation_loss": 0.4}  # fmt: skip
    assert ablation.cost_of_step(TrainConfig()) == 5


def test_a_cross_validation_learns_from_labels_alone(target, cast):
    datasets.freeze(project=cast.project, name="d", actor=cast.manager)
    job = cross_validations.request_cross_validation(
        actor=cast.manager, target=target, fold_count=3, seed=7
    )
    assert job.config["unlabeled"] == "mean_teacher"
    kind = cross_validation._kind_of(jobs.claim(CrossValidation, job.pk))
    job.refresh_from_db()
    assert kind.config.unlabeled == job.config["unlabeled"] == "none"


# decided by nothing but the images


@pytest.fixture
def digits(target, monkeypatch):
    """Lets the round learn handwritten 3 and 5 from 8 and 9 instead of its images, `labels` of each digit.

    A hundred are to validate, two hundred have no label.
    """
    pictures, digit = load_digits(return_X_y=True)
    pictures = np.kron(pictures.reshape(-1, 1, 8, 8), np.ones((2, 2)))
    pictures = pictures - pictures.mean(axis=(1, 2, 3), keepdims=True)
    pictures = (pictures / pictures.std(axis=(1, 2, 3), keepdims=True)).astype(np.float32)

    def arrange(labels, seed):
        rng = np.random.default_rng(seed)
        order = np.asarray(
            [row for row in rng.permutation(len(digit)) if digit[row] in (3, 5, 8, 9)]
        )
        validation, others = order[:100], order[100:]
        training = np.concatenate([others[digit[others] == d][:labels] for d in (3, 5, 8, 9)])
        pool = rng.permutation(np.setdiff1d(others, training))[:200]

        def examples(rows):
            answers = ["yes" if digit[row] in (8, 9) else "no" for row in rows]
            return Examples(pictures[rows], answers, patients=[str(row) for row in rows])

        load = steps.load_examples
        monkeypatch.setattr(
            steps, "load_examples", lambda *arguments: load(*arguments)
            | {Split.TRAIN: examples(training), Split.VALIDATION: examples(validation)},
        )  # fmt: skip
        unknown = Examples(pictures[pool], [None] * len(pool), [str(row) for row in pool])
        monkeypatch.setattr(
            ablation, "load_unlabeled", lambda *_: unlabeled.Unlabeled(unknown, "0" * 64)
        )

    return arrange


LEARNED = {
    "side": 16, "batch_size": 16, "epochs": 1, "min_steps": 300, "evaluations": 2, "flip": False,
    "rotate_degrees": 8.0, "scale": 0.1, "contrast": 0.1, "flip_at_test": False,
    "unlabeled": "mean_teacher", "unlabeled_per_label": 5,
}  # fmt: skip


def learn_digits(target, cast, **config):
    targets.change_target(actor=cast.manager, target=target, config=LEARNED | config)
    target.refresh_from_db()
    done = execute(rounds.request_round(target=target, trigger=Trigger.MANUAL, seed=2))
    assert done.state == jobs.JobState.COMPLETED, done.error
    target.refresh_from_db()
    return done.metrics["unlabeled"]


def test_few_labels_and_a_pool_in_clusters_keep_them(target, cast, digits):
    """Eight labels, two of each digit: the pool shows what the others look like."""
    digits(labels=2, seed=2)
    found = learn_digits(target, cast)
    assert found["decision"] == "kept", found
    assert found["difference"]["low"] > 0
    assert found["with_images"]["value"] > found["without_images"]["value"] + 0.05
    assert target.config["unlabeled"] == "mean_teacher"


def test_where_labels_suffice_they_are_left_off(target, cast, digits):
    digits(labels=60, seed=2)
    found = learn_digits(target, cast, min_steps=60)
    assert found["decision"] == "left_off", found
    assert found["without_images"]["value"] > 0.9
    assert target.config["unlabeled"] == "none"
