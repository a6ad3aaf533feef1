"""Masks that are drawn on few slices, and networks that see one slice or a few, through whole rounds."""

import numpy as np
import pytest

from annotation.core import jobs
from annotation.datasets.models import Split
from annotation.datasets.services import freeze
from annotation.labeling.models import Suggestion
from annotation.labeling.services.importing import import_read
from annotation.labeling.services.projects import publish_schema
from learning.exclusions import words_of
from learning.models import Round, Trigger
from learning.pipeline.examples import load_examples
from learning.pipeline.kinds import kind_of, kind_of_round
from learning.pipeline.masks import NOTHING_DRAWN
from learning.services import rounds, targets
from learning.training.tasks.segmentation import UNLABELED
from tests.learning.test_kinds import (
    DEFINITION,
    answers_of,
    drawn,
    labeled,
    make_volume,
    open_cases,
    run,
    stored_mask,
)

SPLITS = (*[Split.TRAIN] * 4, Split.VALIDATION, *[Split.TEST] * 2)
WINDOW = {"keeps_size": True, "channels": [{"name": "image", "normalisation": "zscore"}]}
FLAT = {**WINDOW, "size": [32, 32]}
FEW = {**WINDOW, "size": [4, 32, 32], "dimensions": "2.5d"}
DEEP = {**WINDOW, "size": [8, 32, 32], "dimensions": "3d"}
CONFIG = {
    "network": "unet_small",
    "batch_size": 4,
    "epochs": 1,
    "evaluations": 1,
    "flip_at_test": False,
}
DRAWN_ON = (3, 4)  # the middle one of eight is the fifth


@pytest.fixture
def project(cast):
    publish_schema(actor=cast.manager, project=cast.project, definition=DEFINITION)
    return cast.project


@pytest.fixture
def cases(cast, project):
    """Readers drew on two slices of eight, and nothing on the others."""
    labels = np.zeros((8, 32, 32), np.uint8)
    labels[DRAWN_ON[0] : DRAWN_ON[1] + 1, 8:20, 8:20] = 3
    contents = [drawn(project, labels) for _ in SPLITS]
    labeled(
        project, cast.annotator, contents, make=lambda n: make_volume(project, n), splits=SPLITS
    )  # fmt: skip
    return open_cases(project, [make_volume(project, f"open {n}") for n in range(2)])


def target_of(cast, spec, undrawn, steps):
    return targets.create_target(
        actor=cast.manager, project=cast.project, kind="segmentation", strategy="class_entropy",
        options={"layer": 0, "undrawn": undrawn}, input=spec, config=CONFIG | {"min_steps": steps},
    )  # fmt: skip


def labels_of(round_, folder):
    """The masks of the training cases as the round loads them."""
    again = rounds.request_round(target=round_.target, trigger=Trigger.MANUAL, seed=2)
    claimed = jobs.claim(Round, again.pk)
    found = load_examples(claimed, round_.dataset, kind_of_round(round_), folder, {})
    return np.stack(list(found[Split.TRAIN].labels))


@pytest.mark.parametrize(
    ("spec", "undrawn", "taught"),
    [
        (DEEP, "unknown", DRAWN_ON),
        (FEW, "unknown", DRAWN_ON),
        (FEW, "background", range(8)),
    ],
    ids=["3d-unknown", "2.5d-unknown", "2.5d-background"],
)
def test_slices_that_nobody_drew_on_teach_what_the_target_says(
    cast, cases, tmp_path, spec, undrawn, taught
):
    done = run(target_of(cast, spec, undrawn, steps=6))
    assert (done.metrics["n"], done.metrics["excluded"], done.ranked_cases) == (2, [], 2)
    assert done.metrics["mean_dice"]["value"] is not None
    labels = labels_of(done, tmp_path)
    known = np.flatnonzero((labels != UNLABELED).any(axis=(0, 2, 3)))
    assert known.tolist() == list(taught)
    assert (labels == 1).sum() == 4 * len(DRAWN_ON) * 12 * 12


@pytest.mark.parametrize(
    ("spec", "undrawn", "left_out"),
    [(DEEP, "unknown", 1), (FLAT, "unknown", 2), (DEEP, "background", 0)],
    ids=["3d-unknown", "2d-unknown", "3d-background"],
)
def test_a_case_of_which_nothing_is_known_is_left_out_with_a_reason(
    cast, cases, tmp_path, spec, undrawn, left_out
):
    """One more was drawn nowhere, one on its first slice alone; a flat network sees the middle one."""
    first = np.zeros((8, 32, 32), np.uint8)
    first[0, 8:20, 8:20] = 3
    contents = [lambda _: {"answers": answers_of(1)}, drawn(cast.project, first)]
    labeled(
        cast.project, cast.annotator, contents, splits=[Split.TRAIN] * 2,
        make=lambda n: make_volume(cast.project, f"more {n}"),
    )  # fmt: skip
    dataset = freeze(project=cast.project, name="d", actor=cast.manager)
    target = target_of(cast, spec, undrawn, steps=1)
    kind = kind_of(target, dataset.schema.schema, target.config, target.strategy, 1)
    asked = rounds.request_round(target=target, trigger=Trigger.MANUAL)
    excluded = {}
    found = load_examples(jobs.claim(Round, asked.pk), dataset, kind, tmp_path, excluded)
    assert sum(map(len, found.values())) == len(SPLITS) + 2 - left_out
    assert list(excluded.values()) == [NOTHING_DRAWN] * left_out
    assert all(words_of(why) == {"code": "nothing_drawn"} for why in excluded.values())


def test_readers_who_agree_on_no_voxel_are_told_apart_from_nothing_drawn(cast, project, tmp_path):
    full = [drawn(project, np.full((8, 32, 32), 3, np.uint8))]
    [case] = labeled(
        project, cast.annotator, full, make=lambda n: make_volume(project, n), splits=[Split.TRAIN]
    )
    import_read(reader=cast.annotator2, case=case, content={"answers": answers_of(1)})
    dataset = freeze(project=project, name="d", actor=cast.manager)
    target = target_of(cast, DEEP, "background", steps=1)
    kind = kind_of(target, dataset.schema.schema, target.config, target.strategy, 1)
    asked = rounds.request_round(target=target, trigger=Trigger.MANUAL)
    excluded = {}
    load_examples(jobs.claim(Round, asked.pk), dataset, kind, tmp_path, excluded)
    assert excluded == {case.pk: "the readers do not agree"}


def test_a_flat_network_draws_on_every_slice(cast, cases, tmp_path):
    """It learns the middle one; the bright cube lies on others too."""
    done = run(target_of(cast, FLAT, "background", steps=60))
    assert (done.metrics["n"], done.metrics["excluded"], done.ranked_cases) == (2, [], 2)
    assert done.metrics["mean_dice"]["value"] > 0.5
    assert labels_of(done, tmp_path).shape == (4, 32, 32)
    [offered] = Suggestion.objects.filter(is_current=True)
    [layer] = offered.content["masks"]
    assert len(layer["slices"]) > 1
    for address in layer["slices"].values():
        assert set(np.unique(stored_mask(address))) <= {0, 3}
