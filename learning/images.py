"""Network inputs of cases: made once in the sandbox, kept in a cache that may be deleted."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID, uuid4

import numpy as np
from numpy.typing import NDArray

from annotation.archive import selectors as archive
from annotation.archive.models import Instance
from annotation.imaging import sandbox
from annotation.labeling.models import Case
from learning.input_cache import folder_of

LOADERS = 2
LOADED_BLOCK = (
    16  # images that a thread loads in one go: from the cache a call costs as much as an image
)
NPY_MAGIC = b"\x93NUMPY"
NPY_HEADER_BYTES = 128  # np.save's before a small array of numbers
CHOOSE_BLOCK = 500  # studies looked up at once
Image = NDArray[np.float16]


class ImageCache:
    """(side, side) float16 images by the SHA-256 of their instance."""

    def __init__(self, side: int) -> None:
        self.side = side
        self.folder = folder_of(str(side))

    def load(self, instance: Instance) -> Image:
        """The instance's middle frame. Raises SandboxFailure with the reason."""
        path = self.folder / instance.sha256[:2] / f"{instance.sha256}.npy"
        try:
            # np.load reads the header as Python, which takes longer than reading the image.
            data = path.read_bytes()
            if data.startswith(NPY_MAGIC):  # not so after a loss of power
                image = np.frombuffer(data, np.float16, offset=NPY_HEADER_BYTES)
                return image.reshape(self.side, self.side).copy()
            return self._make(instance, path)
        except (OSError, ValueError):
            return self._make(instance, path)

    def load_many(
        self,
        instances: Sequence[Instance],
        on_refused: Callable[[Instance, str], None],
        on_progress: Callable[[int], None] = lambda _done: None,
    ) -> Iterator[tuple[Instance, Image]]:
        """Images in order; what cannot be decoded is reported and left out."""
        parts = [instances[n : n + LOADED_BLOCK] for n in range(0, len(instances), LOADED_BLOCK)]
        with ThreadPoolExecutor(LOADERS) as pool:
            for done, (part, images) in enumerate(
                zip(parts, pool.map(self._try, parts), strict=True)
            ):
                on_progress(done * LOADED_BLOCK)
                for instance, found in zip(part, images, strict=True):
                    if isinstance(found, str):
                        on_refused(instance, found)
                    else:
                        yield instance, found

    def _try(self, instances: Sequence[Instance]) -> list[Image | str]:
        found: list[Image | str] = []
        for instance in instances:
            try:
                found.append(self.load(instance))
            except sandbox.SandboxFailure as failure:
                found.append(failure.reason)
        return found

    def _make(self, instance: Instance, path: Path) -> Image:
        frame = middle_frame(instance)
        _, data = sandbox.run("model_input", path=str(instance.path), frame=frame, side=self.side)
        image = np.frombuffer(data, "<f2").reshape(self.side, self.side)
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        partial = path.with_name(f"{uuid4().hex}.part.npy")
        np.save(partial, image)
        partial.rename(path)
        return np.asarray(image, np.float16)


def middle_frame(instance: Instance) -> int:
    """The frame that stands for an instance, from 1."""
    count = max(instance.number_of_frames, 1)
    return min(count // 2 + 1, count)


@dataclass(frozen=True)
class Chosen:
    """The image that stands for a case."""

    case_id: UUID
    study_id: UUID
    instance: Instance


def choose_images(cases: Sequence[Case], excluded: dict[UUID, str]) -> list[Chosen]:
    """One image per case, in the order of the cases; the others get a reason."""
    found: list[Chosen] = []
    for start in range(0, len(cases), CHOOSE_BLOCK):
        part = cases[start : start + CHOOSE_BLOCK]
        instances = archive.find_training_instances([case.study_id for case in part])
        for case in part:
            instance = instances.get(case.study_id)
            if instance is None:
                excluded[case.pk] = "no image that can be rendered"
            else:
                found.append(Chosen(case.pk, case.study_id, instance))
    return found


def load_images(
    chosen: Sequence[Chosen],
    side: int,
    excluded: dict[UUID, str],
    on_progress: Callable[[int], None] = lambda _done: None,
) -> Iterator[tuple[Chosen, Image]]:
    """The network's inputs, from files alone: this part may run in a thread without a connection."""
    by_instance = {c.instance.pk: c for c in chosen}

    def refuse(instance: Instance, why: str) -> None:
        excluded[by_instance[instance.pk].case_id] = why

    for instance, image in ImageCache(side).load_many(
        [c.instance for c in chosen], refuse, on_progress
    ):
        yield by_instance[instance.pk], image


@dataclass(frozen=True)
class MiddleImages:
    """What a target sees that specifies no input: each study's middle image, made square."""

    side: int

    def choose(self, cases: Sequence[Case], excluded: dict[UUID, str]) -> list[Chosen]:
        return choose_images(cases, excluded)

    def load(
        self,
        chosen: Sequence[Chosen],
        excluded: dict[UUID, str],
        on_progress: Callable[[int], None] = lambda _done: None,
    ) -> Iterator[tuple[Chosen, Image]]:
        """(1, side, side) in order; what cannot be decoded is excluded with its reason."""
        for one, image in load_images(chosen, self.side, excluded, on_progress):
            yield one, image[None]
