"""Options that do nothing for a kind of target are neither offered nor accepted."""

import numpy as np
import pytest
import torch

from annotation.core.errors import InvalidInput
from annotation.labeling.schemas import parse_schema
from annotation.labeling.services.projects import publish_schema
from learning.models import Target
from learning.pipeline.kinds import kind_of
from learning.services import targets
from learning.training.data import Samples
from learning.training.inputs import InputSpec
from learning.training.knobs import KNOBS_OF_KIND, knobs
from learning.training.loop import _weighting

DRAWN = {
    "questions": [{"key": "note", "label": "Note", "kind": "text", "required": False}],
    "segments": [{"value": 1, "label": "Liver"}],
    "region_labels": [{"key": "nodule", "label": "Nodule", "kinds": ["box"]}],
}


@pytest.mark.parametrize(
    ("kind", "config", "reason"),
    [
        ("boxes", {"network": "resnet18"}, "network: without effect"),
        ("boxes", {"dropout": 0.5, "noise": 0.1, "epochs": 3}, "dropout, noise: without effect"),
        ("segmentation", {"oversample": True}, "oversample: without effect"),
        ("segmentation", {"network": "resnet18"}, "resnet18 does not learn this kind"),
    ],
)
def test_an_option_without_effect_is_refused_with_its_name(kind, config, reason, cast):
    publish_schema(actor=cast.manager, project=cast.project, definition=DRAWN)
    with pytest.raises(InvalidInput, match=reason):
        targets.create_target(actor=None, project=cast.project, kind=kind, config=config)
    target = targets.create_target(actor=None, project=cast.project, kind=kind)
    with pytest.raises(InvalidInput, match=reason):
        targets.change_target(actor=cast.manager, target=target, config=config)
    Target.objects.filter(pk=target.pk).update(config={"oversample": True})  # of before
    targets.change_target(actor=cast.manager, target=target, retrain_after=7)


def test_forms_are_told_for_what_each_option_acts(cast, client_of):
    found = client_of(cast.manager).get("/api/v1/recipe-options").json()["knobs"]
    kinds = {knob["name"]: knob["kinds"] for knob in found}
    assert "boxes" not in kinds["network"]
    assert kinds["label_smoothing"] == ["one"]
    assert set().union(*KNOBS_OF_KIND.values()) == {knob.name for knob in knobs()}


def test_dropout_reaches_the_network_of_masks():
    spec = InputSpec(size=(32, 32), keeps_size=True).as_json()
    target = Target(kind="segmentation", options={"layer": 0}, input=spec)
    kind = kind_of(target, parse_schema(DRAWN), {"dropout": 0.3}, "random", 10)
    assert kind.architecture().dropout == 0.3


def test_masks_weigh_their_structures_only_where_asked():
    spec = InputSpec(size=(32, 32), keeps_size=True).as_json()
    target = Target(kind="segmentation", options={"layer": 0}, input=spec)
    samples = Samples([np.zeros((1, 4, 4), np.float32)], [np.eye(4, dtype=np.int16)])
    for asked, weights in (({}, None), ({"class_weights": True}, [0.7321, 1.2679])):
        kind = kind_of(target, parse_schema(DRAWN), asked, "random", 10)
        found = _weighting(kind.task, samples, kind.config, torch.device("cpu")).weights
        assert (
            found is None if weights is None else found.tolist() == pytest.approx(weights, abs=1e-4)
        )
