"""Network inputs of cases: made once in the sandbox, kept in a cache that may be deleted."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from uuid import UUID, uuid4

import numpy as np
from django.conf import settings
from numpy.typing import NDArray

from annotation.archive.models import Instance
from annotation.imaging import sandbox

LOADERS = 2
Image = NDArray[np.float16]


class ImageCache:
    """(side, side) float16 images by the SHA-256 of their instance."""

    def __init__(self, side: int) -> None:
        self.side = side
        self.folder = Path(settings.DATA_ROOT) / "cache" / f"model-input-{side}"

    def load(self, instance: Instance) -> Image:
        """The instance's middle frame. Raises SandboxFailure with the reason."""
        path = self.folder / instance.sha256[:2] / f"{instance.sha256}.npy"
        try:
            return np.asarray(np.load(path), np.float16)
        except (OSError, ValueError):
            return self._make(instance, path)

    def load_many(
        self,
        instances: Sequence[Instance],
        on_refused: Callable[[Instance, str], None],
        on_progress: Callable[[int], None] = lambda _done: None,
    ) -> Iterator[tuple[Instance, Image]]:
        """Images in order; what cannot be decoded is reported and left out."""
        with ThreadPoolExecutor(LOADERS) as pool:
            for done, (instance, found) in enumerate(
                zip(instances, pool.map(self._try, instances), strict=True)
            ):
                if isinstance(found, str):
                    on_refused(instance, found)
                else:
                    yield instance, found
                if done % 50 == 0:
                    on_progress(done)

    def _try(self, instance: Instance) -> Image | str:
        try:
            return self.load(instance)
        except sandbox.SandboxFailure as failure:
            return failure.reason

    def _make(self, instance: Instance, path: Path) -> Image:
        middle = max(instance.number_of_frames, 1) // 2 + 1
        frame = min(middle, max(instance.number_of_frames, 1))
        _, data = sandbox.run("model_input", path=str(instance.path), frame=frame, side=self.side)
        image = np.frombuffer(data, "<f2").reshape(self.side, self.side)
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        partial = path.with_name(f"{uuid4().hex}.part.npy")
        np.save(partial, image)
        partial.rename(path)
        return np.asarray(image, np.float16)


def exclusions_by_case(refused: dict[UUID, str], limit: int = 50) -> list[dict[str, str]]:
    """Which cases a round left out and why, for its record."""
    return [{"case": str(case), "reason": why} for case, why in list(refused.items())[:limit]]
