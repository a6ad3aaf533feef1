"""Networks that see two sequences, as channels and as branches, through whole rounds."""

from pathlib import Path

import pytest
import torch

from annotation.core import jobs
from annotation.datasets.models import Split
from annotation.labeling.models import Suggestion
from annotation.labeling.services.projects import publish_schema
from learning.models import Round, Trigger
from learning.pipeline.examples import load_examples
from learning.pipeline.kinds import kind_of_round
from learning.services import rounds, targets
from learning.stored_models import load_network
from learning.training.transfer import start_afresh
from tests.learning.test_kinds import labeled, open_cases, run
from tests.learning.test_series_answers import make_study

SPLITS = (*[Split.TRAIN] * 6, *[Split.VALIDATION] * 2, *[Split.TEST] * 2)
YES_NO = [{"key": "no"}, {"key": "yes"}]
DEFINITION = {
    "questions": [
        {"key": key, "label": key, "kind": "one", "options": YES_NO} for key in ("seen", "grown")
    ],
}
CONFIG = {"batch_size": 4, "epochs": 1, "min_steps": 6, "evaluations": 3}


class Stopped(Exception):
    pass


@pytest.fixture
def project(cast):
    """Ten answered studies with a T1 and a T2 each, and two open ones."""
    publish_schema(actor=cast.manager, project=cast.project, definition=DEFINITION)
    answers = [{"seen": ("no", "yes")[n % 2], "grown": ("no", "yes")[n % 2]} for n in range(10)]
    labeled(
        cast.project, cast.annotator, [lambda _, a=a: {"answers": a} for a in answers],
        make=lambda n: make_study(cast.project, n), splits=SPLITS,
    )  # fmt: skip
    open_cases(cast.project, [make_study(cast.project, f"open {n}") for n in range(2)])
    return cast.project


def sequences(*branches):
    """T1 and T2 in these branches."""
    channels = [
        {"name": name, "rule": {"description": name}, "branch": branch}
        for name, branch in zip(("t1", "t2"), branches, strict=True)
    ]
    return {"size": [32, 32], "channels": channels}


def learned(kind, examples, folder, on_progress=lambda _progress: None):
    found = kind.learn(examples, seed=1, folder=folder, on_progress=on_progress, start=start_afresh)
    return found.network.state_dict()


def check_resume(round_, folder: Path):
    """Stopped at its first checkpoint, a run ends with the weights of a straight one."""
    again = rounds.request_round(target=round_.target, trigger=Trigger.MANUAL, seed=2)
    kind = kind_of_round(round_)
    examples = load_examples(
        jobs.claim(Round, again.pk), round_.dataset, kind, folder / "examples", {}
    )

    def stop(progress):
        if progress.saved_step:
            raise Stopped

    straight = learned(kind, examples, folder / "straight")
    with pytest.raises(Stopped):
        learned(kind, examples, folder / "resumed", stop)
    resumed = learned(kind, examples, folder / "resumed")
    assert straight.keys() == resumed.keys()
    assert all(torch.equal(straight[name], resumed[name]) for name in straight)


def test_two_sequences_are_learned_together_and_apart(cast, project, tmp_path):
    suggested = []
    for question, branches, network in (("seen", (0, 0), "ResNet"), ("grown", (0, 1), "Fusion")):
        target = targets.create_target(
            actor=cast.manager, project=project, question=question, input=sequences(*branches),
            config=CONFIG,
        )  # fmt: skip
        done = run(target)
        assert (done.training_labels, done.metrics["n"], done.metrics["excluded"]) == (6, 2, [])
        assert done.ranked_cases == 2
        assert type(load_network(done.model_version)).__name__ == network
        check_resume(done, tmp_path / question)
        suggested.append(Suggestion.objects.filter(is_current=True).count())
    assert suggested == [1, 2]
