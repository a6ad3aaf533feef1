"""Enhanced multi-frame objects are the series that their frames make up, wherever it is looked at."""

import gzip
from functools import partial
from pathlib import Path

import nibabel
import numpy as np
import pytest

from annotation.archive import selectors, storage
from annotation.archive.models import Instance
from annotation.archive.services.ingest import ingest
from annotation.imaging import masks
from annotation.imaging.volume import NotAVolume
from annotation.labeling.models import Case
from annotation.labeling.selectors import describe_studies
from annotation.labeling.services.label_volumes import Grid, keep_layers, nifti_of_layer
from annotation.labeling.services.projects import add_cases, current_schema, publish_schema
from learning.training.inputs import InputSpec
from learning.volumes import SpecifiedInputs
from tests import factories
from tests.enhanced import enhanced, name_stacks, place_frames

SHARED = Path(__file__).parents[3] / "shared" / "data" / "dicom" / "series"
SHUFFLED = [3, 0, 4, 1, 2]
DEEP = InputSpec((5, 32, 32), dimensions="3d", keeps_size=True)
REAL = {
    "dicom2nifti/mr_siemens_multiframe": None,
    "mr_canon_enhanced": NotAVolume.SAME_PLACE,
    "mr_philips_enhanced_fmap": NotAVolume.SAME_PLACE,
    "mr_agfa_pacs_vs_siemens": NotAVolume.SAME_PLACE,
}


def stored(cast, *files):
    for data in files:
        study = ingest(collection=cast.project.collection, chunks=[data]).study
    return study


def shuffled(key):
    return enhanced(factories.make_ct(key), key, order=SHUFFLED)


def test_frames_are_listed_by_where_they_lie(cast, django_assert_num_queries):
    study = stored(cast, shuffled("shuffled"))
    with django_assert_num_queries(2):
        [found] = selectors.find_image_series(study)
    [uid] = found.frames
    assert (found.frames[uid], found.not_a_volume, found.plane) == (5, None, "axial")
    assert found.in_slice_order == [(uid, frame) for frame in (2, 4, 5, 1, 3)]
    [described] = describe_studies([study], hides_patient=False)
    assert described["series"][0]["frame_order"] == [1, 3, 4, 0, 2]


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (partial(place_frames, positions=[(0, 0, z) for z in (0, 1, 2, 0, 1)]), NotAVolume.SAME_PLACE),
        (partial(place_frames, positions=[(0, 0, z) for z in (9, 1, 2, 3, 4)]), NotAVolume.VARYING_SPACING),
        (partial(place_frames, positions=[(0, z, z) for z in range(5)]), NotAVolume.TILTED_GANTRY),
        (partial(name_stacks, names="11122"), NotAVolume.SEVERAL_STACKS),
        (lambda dataset: dataset.pop("PerFrameFunctionalGroupsSequence"), NotAVolume.MULTI_FRAME),
        (lambda dataset: dataset.update({"ImagePositionPatient": [0, 0, 0]}), None),
    ],
    ids=["four dimensions", "gap", "tilt", "stacks", "no groups", "also one of the object"],
)  # fmt: skip
def test_what_is_no_volume_says_why(cast, change, why):
    study = stored(cast, enhanced(factories.make_ct("changed"), "changed", change=change))
    assert selectors.find_image_series(study)[0].not_a_volume is why


def test_a_position_of_the_whole_object_is_not_that_of_its_frames(cast):
    def only_at_the_top(dataset):
        dataset.ImagePositionPatient = [0, 0, 0]
        for group in dataset.PerFrameFunctionalGroupsSequence:
            del group.PlanePositionSequence

    study = stored(cast, enhanced(factories.make_ct("top"), "top", change=only_at_the_top))
    [found] = selectors.find_image_series(study)
    assert (found.not_a_volume, found.frame_order) == (NotAVolume.MULTI_FRAME, None)


def test_enhanced_objects_of_one_frame_are_slices(cast):
    slices = factories.make_ct("one each")
    study = stored(cast, *(enhanced([data], f"one {n}") for n, data in enumerate(slices)))
    [found] = selectors.find_image_series(study)
    assert (len(found.frames), found.frame_order, found.not_a_volume) == (5, None, None)


def test_real_series_are_what_their_frames_say(cast):
    """Those that are here."""
    for name, why in REAL.items():
        files = [path.read_bytes() for path in sorted((SHARED / name).glob("*.dcm"))]
        if files:
            [found] = selectors.find_image_series(stored(cast, *files))
            assert found.not_a_volume is why, name


def test_models_see_the_same_volume_as_of_single_slices(cast):
    slices = factories.make_ct("seen")
    plain = stored(cast, *slices)
    whole = stored(cast, enhanced(slices, "seen", order=SHUFFLED, change=of_another_study))
    add_cases(project=cast.project, studies=[plain, whole])
    inputs, excluded = SpecifiedInputs(DEEP), {}
    cases = Case.objects.filter(project=cast.project).select_related("study")
    chosen = inputs.choose(list(cases), excluded)
    [one, other] = [image for _, image in inputs.load(chosen, excluded)]
    assert excluded == {}
    np.testing.assert_array_equal(one, other)
    one, other = (inputs.load_placed(each) for each in chosen)
    assert one.edges == other.edges


def of_another_study(dataset):
    dataset.StudyInstanceUID += ".1"
    dataset.SeriesInstanceUID += ".1"


def seen_frames(cast, *files):
    """How many frames of which size a model is shown of a series that arrives in this order."""
    study = stored(cast, *files)
    add_cases(project=cast.project, studies=[study])
    cases = Case.objects.filter(project=cast.project, study=study).select_related("study")
    [chosen] = SpecifiedInputs(InputSpec((32, 32))).choose(list(cases), {})
    grid = chosen.grid()
    return len(grid.frames), grid.rows, grid.columns


def test_the_commonest_size_of_a_series_is_that_of_most_frames(cast):
    slices = factories.make_ct("with stills")
    stills = [factories.cropped(data, 20, 16) for data in slices[3:]]
    assert seen_frames(cast, *stills, enhanced(slices[:3], "with stills")) == (3, 32, 32)


def test_of_two_sizes_that_are_as_common_the_first_image_decides(cast):
    first, second = factories.make_ct("two views", slices=2)
    assert seen_frames(cast, second, factories.cropped(first, 20, 16)) == (1, 20, 16)


def test_a_mask_on_frames_lies_in_the_volume_where_they_do(cast):
    definition = factories.QUESTIONS | {"segments": [{"value": 1, "label": "Lesion"}]}
    publish_schema(actor=cast.manager, project=cast.project, definition=definition)
    study = stored(cast, shuffled("masked"))
    [found] = selectors.find_image_series(study)
    labels = np.zeros((5, 32, 32), np.uint8)
    for z in range(1, 4):
        labels[z, z, 2 * z] = 1
    grid = Grid(found.series.series_instance_uid, found.in_slice_order)
    layers = keep_layers(schema=current_schema(cast.project).schema, labels=labels, grid=grid)
    uid = Instance.objects.get().sop_instance_uid
    assert set(layers[0]["slices"]) == {f"{uid}:{frame}" for frame in (4, 5, 1)}
    data = storage.blob_path(layers[0]["slices"][f"{uid}:4"]).read_bytes()
    np.testing.assert_array_equal(masks.decompress(data)[0], labels[1])

    made = nifti_of_layer(study=study, content={"masks": layers}, layer=0)
    image = nibabel.Nifti1Image.from_bytes(gzip.decompress(made))
    np.testing.assert_array_equal(np.asarray(image.dataobj).T, labels)
    np.testing.assert_allclose(image.affine, np.diag([-2, -2, 3, 1]))
