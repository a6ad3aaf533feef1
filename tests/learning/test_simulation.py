"""Replays of a rare finding and of both speeds, through the product's own services."""

import csv
import io
from datetime import timedelta
from types import SimpleNamespace

import numpy as np
import pytest
from django.core.management import call_command
from django.utils import timezone
from PIL import Image
from sklearn.metrics import average_precision_score

from annotation.archive.models import SeriesPreparation
from annotation.imaging import synthesis
from annotation.labeling.accepted import find_accepted_answers
from annotation.labeling.models import Project
from learning import known
from learning.models import EncoderVersion, HeadPick, HeadVersion, ModelVersion
from learning.services import test_results

CONFIG = '{"side": 32, "batch_size": 8, "epochs": 1, "min_steps": 6, "evaluations": 2}'
TRAINING, POSITIVES = 30, 12


@pytest.fixture
def folder(tmp_path):
    """Thirty pictures to learn from, twelve of them with a nodule, and ten held out."""
    with (tmp_path / "labels.csv").open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["file", "label", "patient", "split"])
        for number in range(TRAINING + 10):
            has_nodule = number < POSITIVES or number >= TRAINING + 5
            rng = np.random.default_rng(number)
            pixels, _ = synthesis.chest_radiograph(rng, has_nodule=has_nodule, side=48)
            Image.fromarray((pixels >> 4).astype(np.uint8)).save(tmp_path / f"{number}.png")
            split = "train" if number < TRAINING else "test" if number % 2 else "val"
            label = "present" if has_nodule else "absent"
            table.writerow([f"{number}.png", label, number, split])
    return tmp_path


def simulate(folder, **options):
    out = io.StringIO()
    call_command(
        "simulate_rounds", dataset=folder, seeds=1, config=CONFIG, output=folder / "curves",
        stdout=out, **options,
    )  # fmt: skip
    return list(csv.DictReader((folder / "curves.csv").open())), out.getvalue()


def test_a_rare_finding_keeps_few_positives_and_all_that_measure(folder, db):
    rows, _ = simulate(folder, strategies="random", prevalence=0.1, schedule="6,12")
    project = Project.objects.get(name__contains=": random")
    assert project.cases.count() == 18 + 2 + 10
    assert [(r["figure"], r["labels"]) for r in rows] == [
        ("auc", "6"), ("average_precision", "6"), ("auc", "12"), ("average_precision", "12"),
    ]  # fmt: skip


def test_a_replay_waits_until_what_it_imported_can_be_served(folder, db, settings, monkeypatch):
    settings.STUDY_QUIET_SECONDS = 60
    waits = []

    def wait(seconds):
        waits.append(seconds)
        SeriesPreparation.objects.update(changed_at=timezone.now() - timedelta(minutes=2))

    monkeypatch.setattr(known, "time", SimpleNamespace(sleep=wait))
    rows, _ = simulate(folder, strategies="random", schedule="4")
    assert (rows[0]["labels"], len(waits)) == ("4", 1)


def test_every_arm_knows_two_cases_of_a_rare_finding_from_the_beginning(folder, db):
    simulate(folder, strategies="random", prevalence=0.1, schedule="4")
    project = Project.objects.get(name__contains=": random")
    answers = [answer.value for answer in find_accepted_answers(project, "finding").values()]
    held_out = {"absent": 5, "present": 5}
    assert answers.count("present") == held_out["present"] + 2
    assert answers.count("absent") == held_out["absent"] + 2


def test_the_precision_of_a_rare_finding_is_that_of_cases_so_often_repeated(folder, db):
    rows, _ = simulate(folder, strategies="random", prevalence=0.25, schedule="12")
    [version] = ModelVersion.objects.all()
    examined = test_results.results_of(version).examined
    scores = examined.predictions[:, 1]
    # Three of five test cases are positive: two of each and nine of each other make a quarter.
    times = np.where(examined.truth == 1, 2, 9)
    expected = average_precision_score(np.repeat(examined.truth, times), np.repeat(scores, times))
    [found] = [float(r["value"]) for r in rows if r["figure"] == "average_precision"]
    assert found == pytest.approx(expected)


def test_a_light_head_serves_between_the_rounds(folder, db):
    # The prevalence is the folder's own: both answers are met, whatever chance draws.
    rows, said = simulate(
        folder, strategies="random,herding", encoder="descriptor", every=4, schedule="10,14",
        full=True, prevalence=0.4,
    )  # fmt: skip
    assert [(r["strategy"], r["labels"]) for r in rows if r["figure"] == "auc"] == [
        ("random", "10"), ("random", "14"), ("random", "30"), ("herding", "10"), ("herding", "14"),
    ]  # fmt: skip
    assert list(
        HeadVersion.objects.order_by("number").values_list("training_labels", flat=True)
    ) == [2, 6, 10]
    assert HeadPick.objects.filter(head__strategy="herding", propensity__isnull=False).exists()
    assert "herding:" in said
    assert "R95" in said


def test_networks_of_both_arms_begin_with_what_was_learned_without_labels(folder, db):
    simulate(folder, strategies="random,margin", schedule="10", pretrain=3)
    [learned] = EncoderVersion.objects.filter(kind="pretrained")
    starts = [version.round.started_from for version in ModelVersion.objects.all()]
    assert [start["sha256"] for start in starts] == [learned.weights_sha256] * 2
    assert all(start["loaded"] > 0 for start in starts)


def test_vectors_of_a_rare_finding_are_learned_where_it_is_rare(folder, db):
    simulate(folder, strategies="herding", encoder="descriptor", prevalence=0.1, schedule="4")
    [learned, shared] = EncoderVersion.objects.order_by("created_at")
    assert learned.embeddings.count() == shared.embeddings.count() == 18 + 2 + 10
