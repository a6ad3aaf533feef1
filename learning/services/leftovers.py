"""Removes what jobs that ended without success left on the disk: inputs, masks, checkpoints and weights.

A job that succeeds clears up after itself. What may go on is kept: pending, running and paused jobs, and
encoders of cases, which are taken up again after a failure.
"""

import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

from django.conf import settings
from django.db.models import Model, Q

from annotation.core.jobs import UNFINISHED
from learning.models import CrossValidation, EncoderKind, EncoderVersion, ModelVersion, Round

MIN_AGE_S = 24 * 3600  # a worker that was thought dead may still write
_MAY_GO_ON = Q(state__in=UNFINISHED)
_IS_FITTED_LATER = ~Q(kind=EncoderKind.PRETRAINED) & Q(content=b"")
FOLDERS: dict[str, tuple[type[Model], Q]] = {
    "rounds": (Round, _MAY_GO_ON),
    "cross-validations": (CrossValidation, _MAY_GO_ON),
    "encoders": (EncoderVersion, _MAY_GO_ON | _IS_FITTED_LATER),
}
"""By name of the folder in MODEL_ROOT: whose jobs lie there, and which of them may go on."""


def collect_leftovers(*, min_age_s: float = MIN_AGE_S) -> int:
    """Delete the folders of jobs that will not go on, and weights that nobody names; returns how many."""
    oldest = time.time() - min_age_s
    removed = _unnamed_weights(oldest)
    for name, (model, may_go_on) in FOLDERS.items():
        for folder in _folders_in(Path(settings.MODEL_ROOT) / name):
            is_kept = model._default_manager.filter(may_go_on, pk=folder.name).exists()
            if not is_kept and _newest(folder) < oldest:
                shutil.rmtree(folder, ignore_errors=True)
                removed += 1
    return removed


def _unnamed_weights(oldest: float) -> int:
    """A round that ended after its network was kept, but before a version named it, leaves it here."""
    named = set(_named_weights())
    left = [
        path for path in (Path(settings.MODEL_ROOT) / "weights").glob("*")
        if path.stem not in named and path.is_file() and path.stat().st_mtime < oldest
    ]  # fmt: skip
    for path in left:
        path.unlink(missing_ok=True)
    return len(left)


def _named_weights() -> Iterator[str]:
    yield from ModelVersion.objects.values_list("weights_sha256", flat=True)
    yield from EncoderVersion.objects.values_list("weights_sha256", flat=True)
    unfinished = Round.objects.filter(_MAY_GO_ON)
    yield from (
        scorer.get("weights_sha256", "") for scorer in unfinished.values_list("scorer", flat=True)
    )


def _folders_in(root: Path) -> list[Path]:
    return [path for path in root.glob("*") if path.is_dir() and _is_id(path.name)]


def _is_id(name: str) -> bool:
    try:
        return str(UUID(name)) == name
    except ValueError:
        return False


def _newest(folder: Path) -> float:
    """When something in it was written last."""
    return max(path.stat().st_mtime for path in [folder, *folder.rglob("*")])
