"""Inputs of several series: laid on each other in the patient, read ahead with few queries."""

import io

import numpy as np
import pydicom
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from annotation.archive.services.ingest import ingest
from annotation.imaging import conversion
from annotation.labeling.models import Case
from annotation.labeling.services.projects import add_cases
from learning.training.inputs import InputSpec
from learning.training.preparation import UnusableInput
from learning.volumes import SpecifiedInputs, spacing_of
from tests import factories
from tests.unit.test_aligning import AXIAL, SAGITTAL, scanned

CHANNELS = [
    {"name": name, "rule": {"description": name}, "normalisation": "zscore"}
    for name in ("t1", "t2")
]
DEEP = {"size": [12, 32, 32], "dimensions": "3d", "channels": CHANNELS}
FLAT = {"size": [32, 32], "channels": CHANNELS}


def store(project, key, volume, description, reference):
    """One series of the study `key`; returns the study."""
    subject = conversion.Subject(patient_id=key)
    values = np.rint(volume.values * 10).astype(np.int16)
    for data in conversion.volume_series(
        values, volume.affine_lps, subject, f"{key} {description}", "MR"
    ):
        dataset = pydicom.dcmread(io.BytesIO(data))
        dataset.StudyInstanceUID = conversion.derived_uid(key, "study")
        dataset.FrameOfReferenceUID = conversion.derived_uid(reference, "frame of reference")
        dataset.SeriesDescription = description
        file = io.BytesIO()
        dataset.save_as(file)
        study = ingest(collection=project.collection, chunks=[file.getvalue()]).study
    return study


def case_of(project, key, reference="same", origin=(-4, -3, 32)):
    """An axial T1, and a T2 that was taken sagittally."""
    store(project, key, scanned((12, 32, 32), AXIAL, (1, 1, 2), (0, 0, 0)), "t1", "same")
    second = scanned((44, 40, 40), SAGITTAL, (1, 1, 1), origin)
    study = store(project, key, second, "t2", reference)
    add_cases(project=project, studies=[study])
    return Case.objects.select_related("study").get(project=project, study=study)


def load(spec, cases):
    inputs, excluded = SpecifiedInputs(InputSpec.from_json(spec)), {}
    found = list(inputs.load(inputs.choose(cases, excluded), excluded))
    return [np.float32(image) for _, image in found], excluded


@pytest.mark.parametrize("spec", [DEEP, FLAT], ids=["3d", "2d"])
def test_the_channels_of_a_case_show_the_same_place(cast, spec):
    [image], excluded = load(spec, [case_of(cast.project, "together")])
    assert excluded == {}
    assert np.corrcoef(image[0].ravel(), image[1].ravel())[0, 1] > 0.97


def test_every_frame_of_a_flat_input_shows_its_channels_at_one_place(cast):
    """As the middle one, that the network is trained on; the second series is cut by each of them."""
    inputs = SpecifiedInputs(InputSpec.from_json(FLAT))
    [chosen] = inputs.choose([case_of(cast.project, "sliced")], {})
    images = list(inputs.load_slices(chosen))
    assert len(images) == 12
    np.testing.assert_array_equal(images[6], inputs.load_placed(chosen).image)
    for image in images[3:9]:
        assert np.corrcoef(image[0].ravel(), image[1].ravel())[0, 1] > 0.95
    assert not np.array_equal(images[3][1], images[6][1])


def test_series_of_other_frames_or_places_leave_their_case_out(cast):
    cases = [
        case_of(cast.project, "moved on the table", reference="another"),
        case_of(cast.project, "legs", origin=(-4, -3, 800)),
    ]
    images, excluded = load(DEEP, cases)
    assert images == []
    assert excluded == {
        cases[0].pk: "t2: lies in another frame of reference than t1",
        cases[1].pk: "t2: shows 0% of what t1 shows of the patient",
    }


def test_inputs_that_are_ready_take_one_query_for_all_cases(cast):
    cases = [case_of(cast.project, f"case {number}") for number in range(3)]
    made, _ = load(DEEP, cases)
    inputs = SpecifiedInputs(InputSpec.from_json(DEEP))
    chosen = inputs.choose(cases, {})
    with CaptureQueriesContext(connection) as queries:
        again = [np.float32(image) for _, image in inputs.load(chosen, {})]
    assert len(queries) == 1
    assert all(np.array_equal(a, b) for a, b in zip(made, again, strict=True))


@pytest.mark.parametrize("left", [0, 60, 600], ids=["nothing", "half a head", "half an image"])
def test_an_input_that_was_lost_with_the_power_is_made_anew(cast, left):
    case = case_of(cast.project, "cut short")
    [made], _ = load(DEEP, [case])
    inputs = SpecifiedInputs(InputSpec.from_json(DEEP))
    [(_, kept)] = inputs._paths(inputs.choose([case], {}))
    kept.write_bytes(kept.read_bytes()[:left])
    [again], excluded = load(DEEP, [case])
    assert excluded == {}
    np.testing.assert_array_equal(again, made)
    np.testing.assert_array_equal(np.load(kept), made)


def test_pixels_of_unknown_size_are_not_taken_for_one_millimetre(cast):
    """A picture as a radiograph: nothing says how large it is."""
    [case] = factories.make_cases(cast.project, 1)
    plain = {"size": [32, 32]}
    assert load({**plain, "spacing_mm": [2, 2]}, [case]) == (
        [], {case.pk: "image: how large its pixels are is not known"},
    )  # fmt: skip
    assert len(load(plain, [case])[0]) == 1
    [chosen] = SpecifiedInputs(InputSpec.from_json(plain)).choose([case], {})
    assert np.isnan(spacing_of(chosen.grid())).all()


def test_a_file_that_is_lost_in_between_is_no_frame_that_cannot_be_used(cast):
    """The first frames are looked at; then one lies on another machine."""
    inputs = SpecifiedInputs(InputSpec.from_json({"size": [32, 32], "channels": CHANNELS[:1]}))
    [chosen] = inputs.choose([case_of(cast.project, "lost")], {})
    looking = inputs.load_slices(chosen)
    assert next(looking) is not None
    chosen.grid().frames[1].instance.path.unlink()
    with pytest.raises(UnusableInput, match="a stored file is not on this machine"):
        next(looking)
