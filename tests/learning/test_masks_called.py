"""A network that draws too much: validation finds from where on it is right, and so it suggests."""

import numpy as np
import pytest
import torch

from annotation.core import jobs
from annotation.datasets.models import Split
from annotation.labeling.models import Suggestion
from annotation.labeling.services.projects import publish_schema
from learning.models import Prediction, Scoring
from learning.pipeline import arrivals, masks, scoring
from learning.services import scorings, targets
from learning.services.card_text import as_markdown
from learning.services.model_cards import model_card
from learning.services.test_results import results_of
from learning.stored_models import load_model
from learning.training.bundle import export_zip, import_bundle
from learning.training.operating_points import USUAL
from tests.learning.test_kinds import (
    DEFINITION,
    drawn,
    labeled,
    make_volume,
    open_cases,
    run,
    stored_mask,
)

SPLITS = (*[Split.TRAIN] * 4, *[Split.VALIDATION] * 6, *[Split.TEST] * 3)
DEEP = {
    "keeps_size": True, "channels": [{"name": "image", "normalisation": "zscore"}],
    "size": [8, 32, 32], "dimensions": "3d",
}  # fmt: skip
CONFIG = {
    "network": "unet_small", "batch_size": 4, "epochs": 1, "min_steps": 60, "evaluations": 1,
    "flip_at_test": False,
}  # fmt: skip
BIAS = 3.0  # the structure is said to be e^3 times as likely as it is


@pytest.fixture
def project(cast):
    publish_schema(actor=cast.manager, project=cast.project, definition=DEFINITION)
    labels = np.zeros((8, 32, 32), np.uint8)
    labels[2:6, 8:20, 8:20] = 3
    contents = [drawn(cast.project, labels) for _ in SPLITS]
    labeled(
        cast.project, cast.annotator, contents, make=lambda n: make_volume(cast.project, n),
        splits=SPLITS,
    )  # fmt: skip
    open_cases(cast.project, [make_volume(cast.project, f"open {n}") for n in range(2)])
    return cast.project


@pytest.fixture
def target(cast, project):
    return targets.create_target(
        actor=cast.manager, project=project, kind="segmentation", strategy="class_entropy",
        options={"layer": 0, "undrawn": "background"}, input=DEEP, config=CONFIG,
    )  # fmt: skip


@pytest.fixture
def favours(monkeypatch):
    """Every network that is trained favours the structure by BIAS."""
    trained = masks.train_in

    def biased(*arguments, **named):
        found = trained(*arguments, **named)
        last = [m for m in found.network.modules() if getattr(m, "out_channels", 0) == 2][-1]
        with torch.no_grad():
            last.bias[1] += BIAS
        return found

    monkeypatch.setattr(masks, "train_in", biased)


def voxels(suggestion):
    return sum(
        int((stored_mask(address) == 3).sum())
        for layer in suggestion.content["masks"]
        for address in layer["slices"].values()
    )


def test_what_validation_chose_is_suggested_and_measured(target, favours, monkeypatch):
    done = run(target)
    version = done.model_version
    [threshold] = version.thresholds
    assert threshold > 0.7
    assert done.metrics["thresholds"] == [threshold]
    assert results_of(version).examined.thresholds == (threshold,)
    [offered] = Suggestion.objects.filter(is_current=True)
    share = Prediction.objects.get(model_version=version, case=offered.case).values[0]
    assert share == pytest.approx(voxels(offered) / (8 * 32 * 32))

    monkeypatch.setattr(masks, "thresholds_of_structures", lambda *_: (USUAL,))
    argmax = run(target)
    assert argmax.model_version.weights_sha256 == version.weights_sha256
    before, after = (one.metrics["mean_dice"]["value"] for one in (argmax, done))
    assert after > before + 0.05
    assert (
        version.predictions.get(case=offered.case).values[0]
        < 0.8 * (argmax.model_version.predictions.get(case=offered.case).values[0])
    )


def test_the_threshold_goes_with_the_model(target, favours, client_of, cast, tmp_path):
    version = run(target).model_version
    [threshold] = version.thresholds
    said = client_of(cast.manager).get(f"/api/v1/model-versions/{version.pk}").json()
    assert [one["threshold"] for one in said["labels"]] == [threshold]
    card = model_card(version)
    assert card["figures"]["thresholds"] == [threshold]
    assert f"| Lesion | 3 | {threshold:.3f} |" in as_markdown(card)
    export_zip(load_model(version), tmp_path / "model.zip")
    assert import_bundle(tmp_path / "model.zip").thresholds == (threshold,)


def test_helpers_and_later_looks_call_alike(target, favours):
    done = run(target)
    version = done.model_version
    _, learned = scoring._restored(done)  # what another worker scores with
    assert list(learned.thresholds) == version.thresholds
    own = version.predictions.get(score__isnull=False)
    assert looked_at_again(version, own.case) == own.values
    version.thresholds = []  # as one that was trained before there were any: the likeliest
    version.save()
    assert looked_at_again(version, own.case)[0] > 1.25 * own.values[0]


def looked_at_again(version, case):
    """What the stored version says of a case as if it had just arrived."""
    version.predictions.filter(case=case).delete()
    assert scorings.request_due() == 1
    [part] = Scoring.objects.filter(state=jobs.JobState.PENDING)
    jobs.execute(Scoring, part.pk, arrivals.score_part)
    return version.predictions.get(case=case).values
