"""Targets that are drawn as boxes on the frames of volumes."""

from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from annotation.archive.stacks import Frame
from annotation.datasets.models import DatasetItem
from learning.pipeline.base import Examples, Inputs, Json
from learning.pipeline.boxes import Boxes, agreed, corners
from learning.pipeline.reads import ReadAhead
from learning.training.boxes import Boxes as BoxArray
from learning.training.boxes import sizes
from learning.training.config import TrainConfig
from learning.training.detection.decode import Detections
from learning.training.detection.lesions import (
    frames_crossed,
    link,
    share_inside,
    to_network,
    to_series,
)
from learning.training.detection.network import DetectorShape
from learning.training.inputs import InputSpec
from learning.training.preparation import UnusableInput
from learning.volumes import ChosenSeries, SpecifiedInputs

SMALL = 8  # voxels along its shortest side: what is smaller needs the finer cells
FINE, COARSE = 2, 4  # voxels per cell
LEAST_INSIDE = 0.5  # of a box that the network can be asked to find


class VolumeBoxes(Boxes):
    """The detector in three dimensions, on one series of each study."""

    # A box that is one frame of three too short overlaps by 0.67 before it errs in the plane: in
    # volumes 0.1 says that a lesion was found (Baumgartner et al. 2021, nnDetection).
    overlaps: ClassVar[tuple[float, ...]] = (0.1, 0.5)
    same: ClassVar[float] = 0.25
    at_once: ClassVar[int] = 1

    @cached_property
    def spec(self) -> InputSpec:
        return InputSpec.from_json(self.target.input)

    @property
    def volumes(self) -> SpecifiedInputs:
        return SpecifiedInputs(self.spec)

    @property
    def inputs(self) -> Inputs:
        return self.volumes

    def recipe(self, overrides: Json, sample_count: int) -> TrainConfig:
        usual = replace(super().recipe({}, sample_count), batch_size=2)
        return usual.overridden(overrides)

    def shape(self, training: Examples) -> DetectorShape:
        shortest = np.concatenate(
            [np.zeros(0), *(sizes(boxes).min(axis=1) for boxes, _ in training.labels)]
        )
        is_fine = len(shortest) > 0 and np.median(shortest) < SMALL
        return DetectorShape(
            class_count=len(self.classes), dimensions=3, channels=len(self.spec.channels),
            stride=FINE if is_fine else COARSE,
        )  # fmt: skip

    @property
    def may_flip(self) -> tuple[bool, ...]:
        return False, False, self.config.flip

    def label(
        self, chosen: ChosenSeries, item: DatasetItem, image: Any, reads: ReadAhead
    ) -> tuple[BoxArray, NDArray[np.int64]]:
        """(k, 6) boxes and (k,) classes on the network's volume. Raises UnusableInput."""
        place_of = {frame.key: z for z, frame in enumerate(chosen.grid().frames)}
        each = [self.linked(read.content, place_of) for read in self.reads_of(item, reads)]
        boxes, labels = agreed(each, self.same)
        shape = image.shape[1:]
        found = to_network(boxes, self.volumes.edges_of(chosen), shape)
        if (share_inside(found, shape) < LEAST_INSIDE).any():
            raise UnusableInput("a box lies outside of what the network sees of the series")
        return np.clip(found, 0, np.asarray([*shape, *shape], np.float32)), labels

    def linked(
        self, content: Json, place_of: Mapping[str, int]
    ) -> tuple[BoxArray, NDArray[np.int64]]:
        """One reader's lesions in voxels of the series."""
        frames, boxes, labels = [], [], []
        for region, rectangle, label in self.drawn(content):
            place = place_of.get(f"{region['sop_instance_uid']}:{region['frame']}")
            if place is None:
                # Without these boxes the case would teach that nothing is there.
                raise UnusableInput("a box lies on an image that the network does not see")
            frames.append(place)
            boxes.append(rectangle)
            labels.append(label)
        return link(
            np.asarray(frames, np.int64), np.asarray(boxes, np.float32).reshape(-1, 4),
            np.asarray(labels, np.int64),
        )  # fmt: skip

    @property
    def window(self) -> tuple[int, ...]:
        return self.spec.size if self.spec.keeps_size else ()

    def suggested(self, chosen: ChosenSeries, found: Detections, shape: tuple[int, ...]) -> Json:
        """Every detection as one region with its score and the frames that it crosses."""
        stack = chosen.grid()
        edges = self.volumes.edges_of(chosen)
        limits = np.asarray([len(stack.frames), stack.rows, stack.columns] * 2, np.float32)
        boxes = np.clip(to_series(found.boxes, edges, shape), 0, limits)
        regions = []
        is_inside = (sizes(boxes) > 0).all(
            axis=1
        )  # a padded input has places outside of the series
        for number in np.flatnonzero(is_inside).tolist():
            box = boxes[number].round(2).tolist()
            place = f"{self.target.pk} {stack.frames[0].key} {number} {box}"
            regions.append(self._crossing(stack.frames, box, self.region(found, number, place)))
        return {"regions": regions}

    def _crossing(self, frames: tuple[Frame, ...], box: list[float], region: Json) -> Json:
        z0, y0, x0, z1, y1, x1 = box
        crossed = [frames[z] for z in frames_crossed(z0, z1, len(frames))]
        return {
            **region, "pixels": corners(y0 - 0.5, x0 - 0.5, y1 - 0.5, x1 - 0.5),
            "frames": [[f.instance.sop_instance_uid, f.number] for f in crossed],
        }  # fmt: skip
