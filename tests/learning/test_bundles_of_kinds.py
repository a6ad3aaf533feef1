"""A model of every kind comes back as it left, into a target that asks the same; others say what differs."""

import copy
import json
import zipfile

import pytest
import torch

from annotation.core import jobs
from annotation.labeling.services.projects import create_project, publish_schema
from learning.models import ModelVersion
from learning.pipeline import arrivals
from learning.services import bundles, targets
from learning.stored_models import described, load_model, weights_folder
from learning.training.checkpoint import save_weights
from learning.training.columns import width_of
from learning.training.config import TrainConfig
from learning.training.inputs import InputSpec
from learning.training.networks import Architecture
from learning.training.tasks import (
    InvalidTask,
    ManyAnswers,
    Number,
    OneAnswer,
    OrdinalGrade,
    Segmentation,
    TimeToEvent,
)
from tests.learning.test_bundles import RECORD, changed, export, take_in

DEFINITION = {
    "questions": [
        {"key": "one", "label": "One", "kind": "one", "options": [{"key": "no"}, {"key": "yes"}]},
        {"key": "seen", "label": "Seen", "kind": "many", "options": [{"key": "a"}, {"key": "b"}]},
        {"key": "grade", "label": "Grade", "kind": "ordinal",
         "options": [{"key": "none"}, {"key": "mild"}, {"key": "severe"}]},
        {"key": "size", "label": "Size", "kind": "number", "unit": {"code": "mm"}},
        {"key": "days", "label": "Days", "kind": "number"},
        {"key": "died", "label": "Died", "kind": "one", "options": [{"key": "no"}, {"key": "yes"}]},
    ],
    "segments": [{"value": 3, "label": "Lesion"}, {"value": 5, "label": "Rim"}],
}  # fmt: skip
AGE = {"name": "PatientAge", "source": "dicom"}
SIZE = [32, 32]
WISHES = {
    "one": {"question": "one"},
    "many": {"question": "seen"},
    "ordinal": {"question": "grade"},
    "number": {"question": "size", "input": {"size": SIZE, "columns": [AGE]}},
    "time_to_event": {
        "question": "days", "kind": "time_to_event",
        "options": {"event_question": "died", "event_option": "yes"},
    },
    "segmentation": {"kind": "segmentation", "input": {"size": SIZE, "keeps_size": True}},
}  # fmt: skip
TASKS = {
    "one": OneAnswer(("yes", "no")),
    "many": ManyAnswers(("b", "a")),
    "ordinal": OrdinalGrade(("none", "mild", "severe")),
    "number": Number(mean=12.5, deviation=3.25),
    "time_to_event": TimeToEvent(),
    "segmentation": Segmentation(("Lesion", "Rim")),
}
THRESHOLDS = {"many": [0.3, 0.6], "segmentation": [0.2, 0.7]}
KEPT = ("weights_sha256", "classes", "threshold", "thresholds", "task", "architecture", "config", "input", "columns")  # fmt: skip


@pytest.fixture
def project(cast):
    publish_schema(actor=cast.manager, project=cast.project, definition=DEFINITION)
    return cast.project


def make_target(project, actor, kind, **changes):
    return targets.create_target(actor=actor, project=project, **WISHES[kind] | changes)


def make_version(target):
    """Untrained, but its weights really lie where they should."""
    task = TASKS[target.kind]
    spec = InputSpec.from_json(target.input or {"size": SIZE})
    architecture = Architecture(
        "unet_small" if task.is_dense else "resnet10", task.outputs, dimensions=spec.dimensions,
        channels=spec.branches, size=spec.size, columns=width_of(spec.columns),
    )  # fmt: skip
    config = TrainConfig(network=architecture.network, side=SIZE[0])
    names = [column.name for column in spec.columns]
    torch.manual_seed(0)
    return ModelVersion.objects.create(
        target=target, origin="made for a test", number=1, input=target.input,
        weights_sha256=save_weights(architecture.build(), weights_folder()),
        classes=list(getattr(task, "classes", ())), thresholds=THRESHOLDS.get(target.kind, []),
        columns={"names": names, "means": [61.0], "deviations": [9.0]} if names else {},
        **described(task, architecture, config),
    )  # fmt: skip


def bundle_of(target, actor):
    return bundles.export_path(export(make_version(target), actor)).read_bytes()


@pytest.mark.parametrize("kind", WISHES)
def test_a_model_of_every_kind_comes_back_as_it_left(kind, project, cast):
    target = make_target(project, cast.manager, kind)
    version = make_version(target)
    path = bundles.export_path(export(version, cast.manager))
    done = take_in(target, cast.manager, path.read_bytes())
    assert done.state == jobs.JobState.COMPLETED, done.error
    found = done.model_version
    assert (found.number, found.state) == (2, "candidate")
    for name in KEPT:
        assert getattr(found, name) == getattr(version, name), name
    assert load_model(found).task == TASKS[kind]
    assert load_model(found).encoder() == load_model(version).encoder()
    assert arrivals._kind_of(found).classes == version.classes


@pytest.mark.parametrize(
    ("kind", "asked"),
    [
        ("many", {}),
        ("number", {"unit": "mm"}),
        ("time_to_event", {"event_question": "died", "event_option": "yes"}),
    ],
)
def test_a_bundle_says_what_was_asked(kind, asked, project, cast):
    path = bundles.export_path(
        export(make_version(make_target(project, cast.manager, kind)), cast.manager)
    )
    with zipfile.ZipFile(path) as bundle:
        assert json.loads(bundle.read(RECORD)).get("asked", {}) == asked


def other_questions():
    """The questions of a project in which the models are of other questions."""
    definition = copy.deepcopy(DEFINITION)
    _, seen, grade, size, *_ = definition["questions"]
    seen["options"] = [{"key": "a"}, {"key": "c"}]
    grade["options"] = grade["options"][::-1]
    size["unit"] = {"code": "cm"}
    definition["segments"] = [{"value": 3, "label": "Rim"}, {"value": 5, "label": "Lesion"}]
    return definition


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        ("many", "task: the model tells apart b, a; seen asks for a, c"),
        ("ordinal", "task: the model tells apart none, mild, severe; "
         "grade asks for severe, mild, none, in this order"),
        ("number", "asked: unit of the model is mm; that of size is cm"),
        ("segmentation", "task: the model tells apart Lesion, Rim; "
         "masks of layer 0 asks for Rim, Lesion, in this order"),
    ],
)  # fmt: skip
def test_a_model_of_another_question_says_what_differs(kind, reason, project, cast):
    content = bundle_of(make_target(project, cast.manager, kind), cast.manager)
    other = create_project(actor=cast.manager, name="Other", definition=other_questions())
    refused = take_in(make_target(other, cast.manager, kind), cast.manager, content)
    assert (refused.state, refused.error) == ("failed", f"{RECORD}: {reason}")


def test_a_risk_of_another_event_is_refused(project, cast):
    content = bundle_of(make_target(project, cast.manager, "time_to_event"), cast.manager)
    options = {"event_question": "died", "event_option": "no"}
    other = make_target(project, cast.manager, "time_to_event", options=options)
    assert take_in(other, cast.manager, content).error == (
        f"{RECORD}: asked: event_option of the model is yes; that of days is no"
    )


def test_a_model_of_another_kind_is_refused(project, cast):
    content = bundle_of(make_target(project, cast.manager, "number"), cast.manager)
    graded = make_target(project, cast.manager, "ordinal")
    assert take_in(graded, cast.manager, content).error == (
        f"{RECORD}: task: the model is of the kind number; grade asks for ordinal"
    )


def test_a_bundle_from_before_the_unit_was_told_is_taken(project, cast):
    target = make_target(project, cast.manager, "number")

    def untold(data):
        record = json.loads(data)
        del record["asked"]
        return json.dumps(record).encode()

    content = changed(bundle_of(target, cast.manager), RECORD, untold)
    assert take_in(target, cast.manager, content).state == "completed"


def test_a_model_that_draws_other_structures_than_the_project_has_now_is_not_used(project, cast):
    target = make_target(project, cast.manager, "segmentation")
    found = take_in(target, cast.manager, bundle_of(target, cast.manager)).model_version
    changed_structures = {**DEFINITION, "segments": other_questions()["segments"]}
    publish_schema(actor=cast.manager, project=project, definition=changed_structures)
    with pytest.raises(arrivals.NotEnoughLabels, match="draws Lesion, Rim; the project now has"):
        arrivals._kind_of(found)


@pytest.mark.parametrize("scale", [{"mean": "12"}, {"deviation": 0.0}, {"mean": float("nan")}])
def test_a_scale_that_is_none_is_refused(scale):
    with pytest.raises(InvalidTask, match="mean and deviation must be numbers"):
        Number.from_json(scale)
