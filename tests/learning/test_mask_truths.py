"""What masks teach of a case: those on other images of its study, those of an older schema; missing files."""

import numpy as np
import pytest

from annotation.archive.models import Instance
from annotation.datasets.models import Split
from annotation.datasets.services import freeze, prescribe_splits
from annotation.imaging.frames import FILE_MISSING
from annotation.imaging.sandbox import SandboxFailure
from annotation.labeling.models import Annotation, Case
from annotation.labeling.services.importing import import_read
from annotation.labeling.services.label_volumes import Grid, keep_layers
from annotation.labeling.services.projects import (
    add_cases,
    change_settings,
    current_schema,
    publish_schema,
)
from learning import volumes
from learning.exclusions import words_of
from learning.pipeline.kinds import kind_of
from learning.pipeline.reads import ReadAhead
from learning.services import targets
from learning.training.preparation import UnusableInput
from learning.training.tasks.segmentation import UNLABELED
from tests.learning.test_kinds import DEFINITION, answers_of, make_volume
from tests.learning.test_volume_boxes import second_series

DEEP = {"size": [8, 32, 32], "dimensions": "3d", "keeps_size": True}
FLAT = {"size": [32, 32], "keeps_size": True}
SQUARE = (slice(4, 12), slice(8, 20))


@pytest.fixture
def case(cast):
    """A volume of eight images, and a shorter series of the same study that no network sees."""
    publish_schema(actor=cast.manager, project=cast.project, definition=DEFINITION)
    study = make_volume(cast.project, "two series")
    add_cases(project=cast.project, studies=[study])
    prescribe_splits(project=cast.project, split_of_patient={study.patient_id: Split.TRAIN})
    case = Case.objects.select_related("project", "study").get(study=study)
    second_series(case)
    return case


def square(case, image_count, value=3):
    """A layer with a square on the third image of the series that has so many."""
    images = Instance.objects.filter(series__study=case.study).order_by("instance_number")
    of_series = {}
    for image in images:
        of_series.setdefault(image.series.series_instance_uid, []).append(image.sop_instance_uid)
    [(series, uids)] = [one for one in of_series.items() if len(one[1]) == image_count]
    labels = np.zeros((image_count, 32, 32), np.uint8)
    labels[2][SQUARE] = value
    schema = current_schema(case.project).schema
    return keep_layers(schema=schema, labels=labels, grid=Grid.of_single_frames(series, uids))


def read(reader, case, masks):
    import_read(reader=reader, case=case, content={"answers": answers_of(1), "masks": masks})


def taught(cast, case, spec=DEEP, undrawn="background"):
    """The mask of the case as a round learns it. Raises UnusableInput."""
    dataset = freeze(project=cast.project, name="d", actor=cast.manager)
    target = targets.create_target(
        actor=cast.manager, project=cast.project, kind="segmentation", input=spec,
        options={"layer": 0, "undrawn": undrawn},
    )  # fmt: skip
    kind = kind_of(target, dataset.schema.schema, {}, target.strategy, 1)
    item = dataset.items.select_related("case__study").get(case=case)
    [chosen] = kind.inputs.choose([item.case], {})
    [(_, image)] = kind.inputs.load([chosen], {})
    return kind.label(chosen, item, image, ReadAhead([item]))


@pytest.mark.parametrize("spec", [DEEP, FLAT])
def test_a_case_that_is_drawn_on_another_series_alone_is_left_out(cast, case, spec):
    read(cast.annotator, case, square(case, 5))
    with pytest.raises(UnusableInput) as caught:
        taught(cast, case, spec)
    assert words_of(str(caught.value)) == {"code": "mask_unseen"}


def test_another_layer_on_another_series_does_not_matter(cast, case):
    read(cast.annotator, case, square(case, 5, value=5))
    assert (taught(cast, case) == 0).all()


def test_what_is_drawn_on_both_series_teaches_the_one_that_the_network_sees(cast, case):
    read(cast.annotator, case, square(case, 8) + square(case, 5))
    found = taught(cast, case)
    assert (found[2][SQUARE] == 1).all()
    assert (found == 1).sum() == 8 * 12


def test_a_flat_network_learns_that_the_middle_image_shows_nothing(cast, case):
    read(cast.annotator, case, square(case, 8) + square(case, 5))
    assert (taught(cast, case, FLAT) == 0).all()


def test_a_reader_who_was_asked_for_slices_of_another_series_says_nothing_of_this_one(cast, case):
    some = [{"layer": 0, "series_instance_uid": "1.2", "slices": ["1.2.3:1"]}]
    schema = current_schema(case.project)
    Annotation.objects.create(case=case, reader=cast.annotator, schema=schema, asked=some)
    read(cast.annotator, case, [])
    with pytest.raises(UnusableInput) as caught:
        taught(cast, case)
    assert words_of(str(caught.value)) == {"code": "nothing_drawn"}


LATER = {**DEFINITION, "segments": [*DEFINITION["segments"], {"value": 4, "label": "Rim"}]}


def publish(cast, definition):
    publish_schema(actor=cast.manager, project=cast.project, definition=definition)


def test_where_a_structure_came_later_only_what_is_drawn_is_known(cast, case):
    read(cast.annotator, case, square(case, 8))
    publish(cast, LATER)
    found = taught(cast, case)
    assert (found == 1).sum() == 8 * 12
    assert (found == UNLABELED).sum() == found.size - 8 * 12


def test_a_model_is_not_measured_on_a_case_read_before_a_structure_could_be_drawn(cast, case):
    patient = case.study.patient_id
    prescribe_splits(project=cast.project, split_of_patient={patient: Split.TEST})
    read(cast.annotator, case, square(case, 8))
    publish(cast, LATER)
    with pytest.raises(UnusableInput) as caught:
        taught(cast, case)
    assert words_of(str(caught.value)) == {"code": "label_later", "name": "Rim"}


def test_a_structure_of_another_layer_that_came_later_changes_nothing(cast, case):
    read(cast.annotator, case, square(case, 8))
    segments = [*DEFINITION["segments"], {"value": 4, "label": "Rim", "layer": 1}]
    publish(cast, DEFINITION | {"segments": segments})
    assert (taught(cast, case) == UNLABELED).sum() == 0


def test_a_reader_who_knew_all_structures_tells_what_the_first_could_not(cast, case):
    change_settings(actor=cast.manager, project=cast.project, readers_per_case=2)
    read(cast.annotator, case, square(case, 8))
    publish(cast, LATER)
    read(cast.annotator2, case, square(case, 8, value=4))
    found = taught(cast, case)
    assert (found[2][SQUARE] == UNLABELED).all()  # they differ
    assert (found == UNLABELED).sum() == 8 * 12
    assert (found == 0).sum() == found.size - 8 * 12


@pytest.fixture
def looking(cast, case):
    """A flat network as a worker restores it, and the case that it is to look at."""
    target = targets.create_target(
        actor=cast.manager, project=cast.project, kind="segmentation", input=FLAT,
        config={"network": "unet_small", "flip_at_test": False},
    )  # fmt: skip
    schema = current_schema(cast.project).schema
    kind = kind_of(target, schema, target.config, target.strategy, 1)
    architecture = kind.architecture()
    records = {"task": kind.task.as_json(), "architecture": architecture.as_json(), "columns": {}}
    return kind, kind.restored(architecture.build(), records), kind.inputs.choose([case], {})


def foreseen(looking):
    kind, learned, chosen = looking
    excluded = {}
    loaded = kind.inputs.load(chosen, excluded)
    return list(kind.foresee(learned, loaded, excluded, is_suggested=True)), excluded


def path_of(looking, place):
    [chosen] = looking[2]
    return chosen.grid().frames[place].instance.path


@pytest.mark.parametrize("place", [0, 4], ids=["drawn on", "learned from"])
def test_a_missing_file_leaves_its_case_to_a_machine_that_has_it(case, looking, place):
    path = path_of(looking, place)
    path.rename(path.with_suffix(".away"))
    assert foreseen(looking) == ([], {case.pk: FILE_MISSING})
    path.with_suffix(".away").rename(path)
    [one], excluded = foreseen(looking)
    assert (one.case_id, excluded) == (case.pk, {})


def test_a_slice_that_cannot_be_read_is_left_empty(looking, monkeypatch):
    def shown(stack, channel):
        if stack.frames[0].instance.path == path_of(looking, 0):
            raise SandboxFailure("the reader process died")
        return show(stack, channel)

    show = volumes._shown
    monkeypatch.setattr(volumes, "_shown", shown)
    [one], excluded = foreseen(looking)
    assert excluded == {}
    assert one.content.keys() == {"masks"}
