"""The series that stands for a case is found whatever its headers say of their slices."""

import pytest

from annotation.archive.services.ingest import ingest
from annotation.labeling.models import Case
from annotation.labeling.services.projects import add_cases
from learning.training.inputs import Channel, InputSpec, SeriesRule
from learning.volumes import SpecifiedInputs
from tests import factories
from tests.enhanced import enhanced

STUDY = "1.2.826.0.1.3680043.8.498.7"
THINNEST = InputSpec((32, 32), channels=(Channel("image", SeriesRule(prefer="thinnest")),))
THICKNESS = b"\x18\x00\x50\x00DS"


def series(number):
    """Three files of one series of the study."""
    return [
        factories.with_attributes(
            data, StudyInstanceUID=STUDY, SeriesInstanceUID=f"{STUDY}.{number}", SeriesNumber=number
        )
        for data in factories.make_ct(f"series {number}", slices=3)
    ]


def saying(files, thickness):
    """With this text of an even length as the thickness of the slices."""
    told, wanted = (
        THICKNESS + len(text).to_bytes(2, "little") + text for text in (b"3.0 ", thickness.encode())
    )
    assert all(told in data for data in files)
    return [data.replace(told, wanted) for data in files]


def chosen_number(cast, *files):
    for data in files:
        study = ingest(collection=cast.project.collection, chunks=[data]).study
    add_cases(project=cast.project, studies=[study])
    cases = Case.objects.filter(project=cast.project).select_related("study")
    [chosen] = SpecifiedInputs(THINNEST).choose(list(cases), {})
    return chosen.series["image"].series_number


@pytest.mark.parametrize("odd", ["5.0 mm", "\\5", "thin"])
def test_a_thickness_that_is_no_number_is_not_known(cast, odd):
    known = saying(series(2), "7.5 ")
    assert chosen_number(cast, *saying(series(1), odd), *known) == 2


def test_an_enhanced_object_tells_its_thickness_among_what_its_frames_share(cast):
    def as_thin(dataset):
        shared = dataset.SharedFunctionalGroupsSequence[0]
        shared.PixelMeasuresSequence[0].SliceThickness = 1

    thin = enhanced(series(2), "thin", change=as_thin)
    assert chosen_number(cast, *saying(series(1), "5.0 "), thin) == 2
