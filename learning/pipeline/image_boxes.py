"""Targets that are drawn as boxes on studies with one image."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from annotation.archive.models import Instance
from annotation.datasets.models import DatasetItem
from learning.images import Chosen, MiddleImages
from learning.pipeline.base import Examples, Inputs, Json
from learning.pipeline.boxes import Boxes, agreed, corners
from learning.pipeline.reads import ReadAhead
from learning.training.boxes import Boxes as BoxArray
from learning.training.detection.decode import Detections
from learning.training.detection.network import DetectorShape
from learning.training.preparation import UnusableInput

STRIDE = 4  # pixels per cell


class ImageBoxes(Boxes):
    """The detector on the one image of each study."""

    @property
    def inputs(self) -> Inputs:
        return OneImage(self.config.side)

    def label(
        self, chosen: Chosen, item: DatasetItem, image: Any, reads: ReadAhead
    ) -> tuple[BoxArray, Any]:
        del image
        fit = Fit.of(chosen.instance, self.config.side)
        each = [self._here(read.content, chosen.instance) for read in self.reads_of(item, reads)]
        boxes, labels = agreed(each, self.same)
        return fit.to_network(boxes), labels

    def shape(self, training: Examples) -> DetectorShape:
        del training
        return DetectorShape(class_count=len(self.classes), stride=STRIDE)

    @property
    def may_flip(self) -> tuple[bool, ...]:
        return self.config.modality == "colour", self.config.flip

    def suggested(self, chosen: Chosen, found: Detections, shape: tuple[int, ...]) -> Json:
        del shape
        boxes = Fit.of(chosen.instance, self.config.side).to_image(found.boxes) - 0.5
        regions = []
        for number, (y0, x0, y1, x1) in enumerate(boxes.round(2).tolist()):
            place = f"{self.target.pk} {chosen.instance.sop_instance_uid} {number} {y0} {x0}"
            regions.append({
                **self.region(found, number, place), "pixels": corners(y0, x0, y1, x1),
                "sop_instance_uid": chosen.instance.sop_instance_uid, "frame": 1,
            })  # fmt: skip
        return {"regions": regions}

    def _here(self, content: Json, instance: Instance) -> tuple[BoxArray, NDArray[np.int64]]:
        """One reader's boxes (k, 4) of (y0, x0, y1, x1) pixels, half-open, and their classes. Raises
        UnusableInput."""
        boxes, labels = [], []
        for region, rectangle, label in self.drawn(content):
            if region["sop_instance_uid"] != instance.sop_instance_uid:
                # As of a lateral view in a series of its own: this image would teach that nothing is there.
                raise UnusableInput("a box lies on an image that the network does not see")
            boxes.append(rectangle)
            labels.append(label)
        return np.asarray(boxes, np.float32).reshape(-1, 4), np.asarray(labels, np.int64)


class OneImage(MiddleImages):
    """Boxes are drawn on one image: studies with several would have boxes that nobody sees."""

    def choose(self, cases: Sequence[Any], excluded: dict[Any, str]) -> list[Chosen]:
        found = []
        for chosen in super().choose(cases, excluded):
            if (
                chosen.instance.series.number_of_instances > 1
                or chosen.instance.number_of_frames > 1
            ):
                excluded[chosen.case_id] = "boxes are learned from studies with one image"
            else:
                found.append(chosen)
        return found


class Fit:
    """How `model_input` lays an image into a square: scaled to fit, in the middle."""

    def __init__(self, rows: int, columns: int, side: int) -> None:
        self._side = side
        longest = max(rows, columns)
        scaled = [max(round(n * side / longest), 1) for n in (rows, columns)]
        self._zoom = np.asarray([s / n for s, n in zip(scaled, (rows, columns), strict=True)] * 2)
        self._start = np.asarray([(side - s) // 2 for s in scaled] * 2)
        self._limits = np.asarray([rows, columns] * 2, np.float32)

    @classmethod
    def of(cls, instance: Instance, side: int) -> "Fit":
        """Raises UnusableInput."""
        if not instance.rows or not instance.columns:
            raise UnusableInput("the image does not say how large it is")
        return cls(instance.rows, instance.columns, side)

    @property
    def edges(self) -> tuple[tuple[float, float], tuple[float, float]]:
        """Where the square begins and ends along the image's rows and columns, padding included."""
        (top, bottom), (left, right) = (
            (-start / zoom, (self._side - start) / zoom)
            for start, zoom in zip(self._start[:2], self._zoom[:2], strict=True)
        )
        return (float(top), float(bottom)), (float(left), float(right))

    def to_network(self, boxes: BoxArray) -> BoxArray:
        return np.asarray(boxes * self._zoom + self._start, np.float32)

    def to_image(self, boxes: BoxArray) -> BoxArray:
        """Clipped to the image."""
        return np.asarray(np.clip((boxes - self._start) / self._zoom, 0, self._limits), np.float32)
