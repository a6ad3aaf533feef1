"""Masks that only a model has drawn so far outlive the collection of what nobody names."""

import os

import numpy as np
import pytest
from django.core.management import call_command

from annotation.archive import storage
from annotation.imaging import masks
from annotation.labeling.models import Annotation
from annotation.labeling.services.masks import keep_slices
from annotation.labeling.services.projects import current_schema
from learning.models import Prediction, Shard
from learning.services import rounds
from tests import factories
from tests.learning.models import make_model


def stored(value):
    """A stored mask, written two days ago: its content as a read has it, and its file."""
    data = masks.compress(np.full((1, 4, 4), value, np.uint8))
    address = masks.address(data)
    keep_slices({address: data})
    path = storage.blob_path(address)
    long_ago = path.stat().st_mtime - 2 * 24 * 3600
    os.utime(path, (long_ago, long_ago))
    layer = {
        "layer": 0, "series_instance_uid": "1.2", "rows": 4, "columns": 4,
        "slices": {"1.2.3:1": address},
    }  # fmt: skip
    return {"masks": [layer]}, path


def predicted(target, case, content):
    Prediction.objects.create(model_version=make_model(target), case=case, content=content)


def in_a_shard(target, case, content):
    round_ = rounds.request_round(target=target, trigger="manual", seed=1)
    found = [{"case_id": str(case.pk), "content": content}]
    Shard.objects.create(round=round_, number=1, is_held_out=False, case_ids=[], found=found)


def in_a_first_impression(target, case, content):
    schema = current_schema(target.project)
    draft = {"answers": {}, "first_impression": {"answers": {}, **content}}
    Annotation.objects.create(
        case=case, schema=schema, reader=factories.make_user("first"), draft=draft
    )


@pytest.mark.parametrize("name", [predicted, in_a_shard, in_a_first_impression])
def test_masks_that_something_names_are_kept(labeled_target, cast, name):
    [case] = factories.make_cases(cast.project, 1)
    content, kept = stored(1)
    _, dropped = stored(2)
    name(labeled_target, case, content)
    call_command("collect_garbage")
    assert (kept.exists(), dropped.exists()) == (True, False)
