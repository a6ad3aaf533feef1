"""Files of jobs that will not go on are deleted; those of all others stay."""

import os
from pathlib import Path
from uuid import uuid4

import pytest
from django.conf import settings

from annotation.datasets import services as datasets
from learning.models import CrossValidation, EncoderVersion, Round, Target
from learning.services import targets
from learning.services.leftovers import collect_leftovers
from tests import factories
from tests.learning.models import make_model


def left(kind, pk, *, days=2):
    """A folder with a checkpoint that was written so long ago."""
    folder = Path(settings.MODEL_ROOT) / kind / str(pk)
    (folder / "0").mkdir(parents=True)
    (folder / "0" / "checkpoint.pt").write_bytes(b"x")
    for path in (folder / "0" / "checkpoint.pt", folder / "0", folder):
        seconds = path.stat().st_mtime - days * 24 * 3600
        os.utime(path, (seconds, seconds))
    return folder


@pytest.fixture(autouse=True)
def own_folder(settings, tmp_path):
    settings.MODEL_ROOT = tmp_path


def kept_weights(name, *, days=2):
    path = Path(settings.MODEL_ROOT) / "weights" / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(b"x")
    seconds = path.stat().st_mtime - days * 24 * 3600
    os.utime(path, (seconds, seconds))
    return path


def test_weights_that_nobody_names_are_deleted(job):
    """Of a round that failed while it scored; not those of one that may go on, of a version, or new ones."""
    job("rounds", "failed", scorer={"weights_sha256": "f" * 64})
    job("rounds", "running", scorer={"weights_sha256": "a" * 64})
    version = make_model(Target.objects.get())
    gone = [kept_weights(f"{'f' * 64}.safetensors"), kept_weights(f"{'f' * 64}.part")]
    stay = [
        kept_weights(f"{'a' * 64}.safetensors"),
        kept_weights(f"{version.weights_sha256}.safetensors"),
        kept_weights(f"{'0' * 64}.safetensors", days=0),
    ]
    assert collect_leftovers() == len(gone)
    assert not any(path.exists() for path in gone)
    assert all(path.exists() for path in stay)


@pytest.fixture
def job(cast):
    """`job(folder, state)`: a row of the jobs of that folder."""
    project = cast.project
    target = targets.create_target(actor=None, project=project, question="nodule")

    def make(where, state, **fields):
        if where == "encoders":
            number = EncoderVersion.objects.count() + 1
            return EncoderVersion.objects.create(
                project=project, number=number, state=state, target=target, **fields
            )
        if where == "cross-validations":
            factories.import_answer(cast.annotator, factories.make_empty_cases(project, 1)[0], "no")
            frozen = datasets.freeze(project=project, name="d", actor=cast.manager)
            return CrossValidation.objects.create(
                target=target, dataset=frozen, state=state, fold_count=2, seed=1, config={}
            )  # fmt: skip
        return Round.objects.create(
            target=target, number=Round.objects.count() + 1, trigger="manual", state=state,
            strategy="margin", seed=1, config={}, code_revision="", **fields,
        )  # fmt: skip

    return make


@pytest.mark.parametrize(
    ("kind", "state", "fields", "is_kept"),
    [
        ("rounds", "failed", {}, False),
        ("rounds", "cancelled", {}, False),
        ("rounds", "running", {}, True),
        ("rounds", "pending", {"pause_requested": True}, True),
        ("cross-validations", "cancelled", {}, False),
        ("cross-validations", "pending", {}, True),
        ("encoders", "failed", {"kind": "pretrained"}, False),
        ("encoders", "pending", {"kind": "pretrained"}, True),
        ("encoders", "failed", {"kind": "contrastive"}, True),  # is taken up again
        ("encoders", "completed", {"kind": "contrastive", "content": b"fitted"}, False),
    ],
)
def test_only_what_will_not_go_on_is_deleted(kind, state, fields, is_kept, job):
    folder = left(kind, job(kind, state, **fields).pk)
    assert collect_leftovers() == (0 if is_kept else 1)
    assert folder.exists() == is_kept


def test_young_files_and_what_is_no_job_stay(db):
    young, gone = left("rounds", uuid4(), days=0), left("rounds", uuid4())
    other = left("rounds", "notes")
    assert collect_leftovers() == 1
    assert (young.exists(), gone.exists(), other.exists()) == (True, False, True)
