"""Training recolours images as their modality differs, unless the recipe says otherwise."""

import pytest

from annotation.archive.models import Series
from annotation.labeling.schemas import parse_schema
from annotation.labeling.services.projects import add_cases
from learning.models import Target
from learning.pipeline.kinds import kind_of
from learning.training.inputs import InputSpec
from tests import factories

DRAWN = {
    "questions": factories.QUESTIONS["questions"],
    "segments": [{"value": 1, "label": "Liver"}],
    "region_labels": [{"key": "nodule", "label": "Nodule", "kinds": ["box"]}],
}
MASKS = {
    "kind": "segmentation", "options": {"layer": 0},
    "input": InputSpec(size=(32, 32), keeps_size=True).as_json(),
}  # fmt: skip
ANSWERS = {"kind": "one", "question": "nodule"}
BOXES = {"kind": "boxes", "options": {"labels": ["nodule"]}}


def recoloured_as(wish, overrides=None, project=None):
    target = Target(**wish, project=project)
    return kind_of(target, parse_schema(DRAWN), overrides or {}, "random", 10).config.modality


@pytest.mark.parametrize("wish", [ANSWERS, MASKS, BOXES])
@pytest.mark.parametrize(
    ("modality", "recolouring"),
    [("DX", "radiograph"), ("MG", "radiograph"), ("CT", "ct"), ("MR", "mr"), ("US", "ultrasound"),
     ("PT", "mr")],
)  # fmt: skip
def test_the_projects_series_decide(modality, recolouring, wish, cast):
    case = factories.make_empty_cases(cast.project, 1)[0]
    Series.objects.create(
        study=case.study, series_instance_uid="1.2.3", modality=modality, dicom_json={}
    )
    assert recoloured_as(wish, project=cast.project) == recolouring
    assert recoloured_as(wish, {"modality": "colour"}, cast.project) == "colour"


def test_the_modality_that_an_input_asks_for_goes_first(cast):
    study = factories.make_study(cast.project)
    add_cases(project=cast.project, studies=[study])
    channel = {"name": "image", "rule": {"modality": "CT"}}
    spec = {**MASKS["input"], "channels": [channel]}
    assert recoloured_as({**ANSWERS, "input": spec}, project=cast.project) == "ct"
    assert recoloured_as(ANSWERS, project=cast.project) == "radiograph"
