"""Options that do nothing for a kind of target are neither offered nor accepted."""

import numpy as np
import pytest
import torch

from annotation.core.errors import InvalidInput
from annotation.core.wording import words_of
from annotation.labeling.schemas import parse_schema
from annotation.labeling.services.projects import publish_schema
from learning.models import Target
from learning.pipeline.kinds import kind_of
from learning.services import targets
from learning.training.config import TrainConfig
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
        ("segmentation", {"unlabeled": "mean_teacher"}, "kind segmentation cannot learn from unl"),
        ("boxes", {"unlabeled": "pseudo_labels"}, "kind boxes cannot learn from unlabeled images"),
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


@pytest.mark.parametrize(
    ("overrides", "flips"),
    [
        ({}, True),
        ({"flip": False}, False),
        ({"flip_at_test": False}, False),
        ({"flip": False, "flip_at_test": False}, False),
        (TrainConfig(flip=False).as_json(), True),  # the record of an old round
    ],
)
def test_no_mirror_images_are_averaged_where_none_teach(overrides, flips):
    schema = parse_schema(DRAWN | MEASURED)
    spec = InputSpec(size=(8, 16, 16), dimensions="3d", keeps_size=True).as_json()
    drawn = Target(kind="segmentation", options={"layer": 0}, input=spec)
    boxes = Target(kind="boxes", options={"labels": ["nodule"]}, input=spec)
    answers = Target(kind="one", question="dead")
    known = [kind_of(one, schema, overrides, "random", 1) for one in (answers, drawn, boxes)]
    assert [kind.config.flip_at_test for kind in known] == [flips] * 3
    assert TrainConfig.from_json(overrides).flip_at_test == flips


def test_mirror_images_at_test_alone_are_refused(cast):
    target = targets.create_target(actor=None, project=cast.project, question="nodule")
    both = {"flip": False, "flip_at_test": True}
    with pytest.raises(InvalidInput, match="never saw a mirror image") as refused:
        targets.change_target(actor=cast.manager, target=target, config=both)
    assert refused.value.extra["field"] == "config"
    assert words_of(str(refused.value)) == {"code": "recipe_flip"}
    Target.objects.filter(pk=target.pk).update(config=both)  # of before
    targets.change_target(actor=cast.manager, target=target, retrain_after=7)


MEASURED = {
    "questions": [
        {"key": "size", "label": "Size", "kind": "number"},
        {"key": "dead", "label": "Died", "kind": "one", "options": [{"key": "no"}, {"key": "yes"}]},
    ]
}
UNTIL_DEATH = {"event_question": "dead", "event_option": "yes"}


@pytest.mark.parametrize("options", [{}, UNTIL_DEATH], ids=["number", "time_to_event"])
def test_answers_without_probabilities_learn_from_no_unlabeled_images(options, cast):
    publish_schema(actor=cast.manager, project=cast.project, definition=MEASURED)
    with pytest.raises(InvalidInput, match="unlabeled: a target of the kind") as refused:
        targets.create_target(
            actor=None, project=cast.project, question="size", options=options,
            config={"unlabeled": "mean_teacher"},
        )  # fmt: skip
    assert refused.value.extra["field"] == "config"
    assert words_of(str(refused.value))["code"] == "recipe_unlabeled"


@pytest.mark.parametrize(
    ("config", "reason"),
    [
        ({"unlabeled": "both"}, "unlabeled must be one of none, pseudo_labels, mean_teacher"),
        ({"unlabeled_gate": 0.4}, "unlabeled_gate must lie between 0.5 and 1"),
        ({"unlabeled_per_label": 0}, "unlabeled_per_label must lie between 1 and 16"),
        ({"unlabeled_weight": 0.0}, "unlabeled_weight must lie between 0.01 and 100"),
        ({"unlabeled_ramp": 1.5}, "unlabeled_ramp must lie between 0 and 1"),
    ],
)
def test_options_of_unlabeled_images_have_limits(config, reason, cast):
    with pytest.raises(InvalidInput, match=reason):
        targets.create_target(actor=None, project=cast.project, question="nodule", config=config)


def test_forms_are_told_for_what_each_option_acts(cast, client_of):
    found = client_of(cast.manager).get("/api/v1/recipe-options").json()["knobs"]
    kinds = {knob["name"]: knob["kinds"] for knob in found}
    assert "boxes" not in kinds["network"]
    assert kinds["label_smoothing"] == ["one"]
    assert kinds["unlabeled"] == kinds["unlabeled_gate"] == ["one", "many", "ordinal"]
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
