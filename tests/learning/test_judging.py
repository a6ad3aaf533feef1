"""A round measures its network once, and can be stopped while it does."""

from dataclasses import replace
from types import SimpleNamespace
from uuid import UUID

import numpy as np
import pytest
import torch

from annotation.datasets.models import Split
from annotation.labeling.schemas import parse_schema
from learning.models import Round, Shard, Target, TestResult
from learning.pipeline import judging, masks
from learning.pipeline.answers import Answers
from learning.pipeline.base import Examples, Judged, Learned
from learning.pipeline.judging import Kept
from learning.pipeline.kinds import kind_of
from learning.pipeline.volume_boxes import VolumeBoxes
from learning.services.test_results import Results
from learning.training.detection.network import Detector
from learning.training.metrics.figures import Examined
from tests.learning.test_kinds import DEFINITION
from tests.learning.test_pausing import execute, outcome, pause_when, request, resumed, target
from tests.learning.test_shards import Killed, die_after, lapse

__all__ = ["pause_when", "target"]  # fixtures
DEEP = {
    "keeps_size": True, "channels": [{"name": "image", "normalisation": "zscore"}],
    "size": [8, 16, 16], "dimensions": "3d",
}  # fmt: skip
VOLUME = (8, 16, 16)


class Stopped(Exception):
    pass


@pytest.fixture
def judgements(monkeypatch):
    """Of each round's network that was measured to the end."""
    found, judge = [], Answers.judge

    def judged(*arguments):
        found.append(judge(*arguments))
        return found[-1]

    monkeypatch.setattr(Answers, "judge", judged)
    return found


def measured(round_):
    """All that a round found out about its network and the pool."""
    kept = TestResult.objects.filter(model_version__round=round_).order_by("case_id")
    rows = list(kept.values_list("case_id", "patient_key", "truth", "values", "said"))
    return round_.metrics, round_.model_version.thresholds, rows, outcome(round_)


def test_a_round_that_is_killed_while_it_scores_is_not_measured_again(
    target, monkeypatch, judgements
):
    with monkeypatch.context() as patch:
        die_after(patch, 1)
        with pytest.raises(Killed):
            execute(request(target))
    lapse(Round, Shard)
    done = execute(Round.objects.get())
    assert (done.state, done.attempt, len(judgements)) == ("completed", 2, 1), done.error
    assert measured(done) == measured(execute(request(target)))


def test_a_round_that_is_paused_while_it_is_measured_begins_that_anew(
    target, cast, monkeypatch, judgements, pause_when
):
    monkeypatch.setattr(judging, "TELL_S", 0.0)
    heard = []

    def is_half_measured(said):
        heard.extend([said] if said.get("step") == "evaluate" else [])
        return bool(heard) and heard[-1]["done"] == 2

    pause_when(is_half_measured)
    paused = execute(request(target))
    assert (paused.is_paused, len(judgements)) == (True, 0)
    assert [(said["done"], said["total"]) for said in heard] == [(0, 4), (2, 4)]
    assert "seconds_left" in heard[1]
    done = resumed(paused, cast)
    assert (done.state, len(judgements)) == ("completed", 1), done.error
    assert measured(done) == measured(execute(request(target)))


def stopping_at(count):
    def on_judged(done, total):
        assert total == 5
        if done == count:
            raise Stopped

    return on_judged


def volumes(label, count=5):
    images = [np.zeros((1, *VOLUME), np.float16)] * count
    return {
        Split.VALIDATION: Examples([]),
        Split.TEST: Examples(
            images, [label] * count, [str(n) for n in range(count)], [UUID(int=n) for n in range(count)],
            spacings_mm=[(1.0, 1.0, 1.0)] * count,
        ),
    }  # fmt: skip


def test_masks_are_judged_volume_by_volume_as_long_as_somebody_wants_it(monkeypatch):
    asked = []

    def probabilities(self, trained, image):
        asked.append(image)
        return np.zeros((2, *VOLUME), np.float32)

    monkeypatch.setattr(masks.Masks, "_probabilities", probabilities)
    wish = Target(kind="segmentation", options={"layer": 0, "undrawn": "background"}, input=DEEP)
    kind = kind_of(wish, parse_schema(DEFINITION), {}, "random", 1)
    found = volumes(np.zeros(VOLUME, np.int16))
    learned = Learned(None, {}, {}, None)
    with pytest.raises(Stopped):
        kind.judge(learned, found, np.random.default_rng(0), stopping_at(2))
    assert len(asked) == 2


def test_what_readers_drew_is_told_apart_from_what_they_left_open(monkeypatch):
    monkeypatch.setattr(
        masks.Masks, "_probabilities", lambda *_: np.zeros((2, *VOLUME), np.float32)
    )
    wish = Target(kind="segmentation", options={"layer": 0, "undrawn": "unknown"}, input=DEEP)
    kind = kind_of(wish, parse_schema(DEFINITION), {}, "random", 1)
    label = np.full(VOLUME, -1, np.int16)
    label[0] = 1
    found = volumes(np.zeros(VOLUME, np.int16), count=2)
    found[Split.TEST].labels[1] = label
    judged = kind.judge(
        Learned(None, {}, {}, None), found, np.random.default_rng(0), lambda *_: None
    )
    assert judged.results.examined.truth.tolist() == [[0], [1]]
    assert judged.metrics["labels"][0]["positives"] == judged.metrics["rests_on"] == 1


def test_boxes_are_judged_volume_by_volume_as_long_as_somebody_wants_it():
    options = {"labels": [one.key for one in parse_schema(DEFINITION).region_labels][:1]}
    wish = Target(kind="boxes", options=options, input=DEEP)
    kind = kind_of(wish, parse_schema(DEFINITION), {}, "random", 1)
    assert isinstance(kind, VolumeBoxes)
    network = Detector(replace(kind.shape(Examples([])), width=4, neck=8))
    asked = []
    network.register_forward_pre_hook(lambda *_: asked.append(1))
    found = volumes((np.zeros((0, 6), np.float32), np.zeros(0, np.int64)))
    with pytest.raises(Stopped):
        kind.judge(
            Learned(network, {}, {}, network), found, np.random.default_rng(0), stopping_at(2)
        )
    assert len(asked) == 2


@pytest.fixture
def examples():
    cases = [UUID(int=1), UUID(int=2)]
    return {
        Split.VALIDATION: Examples([], cases=cases[:1]),
        Split.TEST: Examples([], cases=cases[1:]),
    }


@pytest.fixture
def learned():
    return SimpleNamespace(network=torch.nn.Linear(2, 1))


@pytest.fixture
def judged():
    truth = np.asarray([[1.0, np.nan], [0.0, 1.0]])
    said = np.asarray([[0.1, 1 / 3], [np.nan, 0.7]])
    examined = Examined("many", truth, said, ["a", "b"], ("x", "y"), (0.5, 0.25))
    cases = [UUID(int=2), UUID(int=3)]
    return Judged(
        {"mean_auc": {"value": 0.1 + 0.2}}, (0.5, 0.25), Results(cases, examined, [[1.5], []])
    )


def test_a_judgement_is_kept_number_by_number(tmp_path, learned, examples, judged):
    Kept(tmp_path, learned, examples).save(judged)
    found = Kept(tmp_path, learned, examples).load()
    assert (found.metrics, found.thresholds) == (judged.metrics, judged.thresholds)
    assert found.results.cases == judged.results.cases
    assert found.results.said == judged.results.said
    for name, value in vars(judged.results.examined).items():
        np.testing.assert_array_equal(getattr(found.results.examined, name), value, err_msg=name)
    assert found.results.examined.classes == ("x", "y")


def test_a_judgement_that_is_damaged_or_of_something_else_is_none(
    tmp_path, learned, examples, judged
):
    kept = Kept(tmp_path, learned, examples)
    assert kept.load() is None
    kept.save(judged)
    assert Kept(tmp_path, learned, {**examples, Split.VALIDATION: Examples([])}).load() is None
    assert Kept(tmp_path, SimpleNamespace(network=torch.nn.Linear(2, 1)), examples).load() is None
    [path] = tmp_path.iterdir()
    path.write_bytes(path.read_bytes()[:-1])
    assert kept.load() is None
    path.unlink()
    judging.write_whole(
        tmp_path / f"{kept._name}-{judging._digest(b'of long ago')}.npz", b"of long ago"
    )
    assert kept.load() is None
