"""Targets that are drawn as boxes on studies with one image."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any
from uuid import NAMESPACE_OID, uuid5

import numpy as np
from numpy.typing import NDArray
from torch import nn

from annotation.archive.models import Instance
from annotation.datasets.formats.base import reads_of_items
from annotation.datasets.models import DatasetItem, Split
from learning.acquisition.pool import Pool
from learning.acquisition.uncertainty import box_components
from learning.images import Chosen, MiddleImages
from learning.pipeline.base import (
    Examples,
    Foreseen,
    Inputs,
    Json,
    Judged,
    Kind,
    Learned,
    NotEnoughLabels,
    OnProgress,
    Start,
)
from learning.stored_models import DETECTOR
from learning.training.boxes import Boxes as BoxArray
from learning.training.boxes import iou
from learning.training.checkpoint import Checkpoints
from learning.training.config import TrainConfig
from learning.training.detection.augment import BoxAugmentation
from learning.training.detection.decode import Detections
from learning.training.detection.evaluate import evaluate_boxes, thresholds_of_boxes
from learning.training.detection.network import Detector, DetectorShape
from learning.training.detection.train import BoxedImages, DetectorConfig, detect, train_detector
from learning.training.loop import choose_device
from learning.training.preparation import UnusableInput
from learning.training.resumable import Schedule
from learning.training.run import Progress

BLOCK = 8
SIDE, BATCH, RATE, DECAY = (
    320,
    8,
    2e-3,
    0.05,
)  # what was measured on blood cells (bench/detection.py)
SAME = 0.5  # boxes of two readers that overlap so much are one object


class Boxes(Kind):
    """An anchor-free detector."""

    @property
    def classes(self) -> list[str]:
        known = self.schema.labels
        return [key for key in self.target.options["labels"] if key in known]

    @property
    def inputs(self) -> Inputs:
        return OneImage(self.config.side)

    def recipe(self, overrides: Json, sample_count: int) -> TrainConfig:
        del sample_count
        usual = TrainConfig(
            side=SIDE, batch_size=BATCH, learning_rate=RATE, weight_decay=DECAY, scale=0.2,
            shift=0.1, epochs=40, min_steps=400, max_steps=20_000,
        )  # fmt: skip
        return TrainConfig.from_json(usual.as_json() | overrides)

    def answer(self, item: DatasetItem) -> Any:
        return item.revision_ids or None

    def label(self, chosen: Chosen, item: DatasetItem, image: Any) -> tuple[BoxArray, Any]:
        """(k, 4) boxes and (k,) classes on the network's image: those that most readers drew."""
        del image
        fit = Fit.of(chosen.instance, self.config.side)
        reads = [self._drawn(read.content, chosen.instance) for read in reads_of_items([item])]
        boxes, labels = agreed(reads)
        return fit.to_network(boxes), labels

    def learn(
        self,
        examples: dict[Split, Examples],
        *,
        seed: int,
        folder: Path,
        on_progress: OnProgress,
        start: Start,
    ) -> Learned:
        training = examples[Split.TRAIN]
        if not any(len(boxes) for boxes, _ in training.labels):
            raise NotEnoughLabels(f"None of {len(training)} training cases shows a box.")
        shape = DetectorShape(class_count=len(self.classes))
        steps = self.config.steps(len(training))
        schedule = Schedule(steps, self.config.learning_rate, self.config.weight_decay)
        may_flip = (self.config.modality == "colour", self.config.flip)
        augmentation = BoxAugmentation(
            may_flip, self.config.scale, self.config.shift, self.config.contrast
        )

        def on_report(figures: dict[str, float], step: int, of: int) -> None:
            at_once = self.config.batch_size
            on_progress(Progress(step, of, 0, 0.0, at_once, {**figures, "epoch": 0.0}))

        network = train_detector(
            boxed(training), shape, DetectorConfig(self.config.batch_size, schedule, augmentation),
            seed=seed, store=Checkpoints(folder), on_report=on_report, device=choose_device(),
            start=start,
        )  # fmt: skip
        task = {"kind": "boxes", "classes": self.classes}
        return Learned(network, task, {"network": DETECTOR, **asdict(shape)}, network)

    def restored(self, network: nn.Module, records: Json) -> Learned:
        return Learned(network, records["task"], records["architecture"], network)

    def judge(
        self, learned: Learned, examples: dict[Split, Examples], rng: np.random.Generator
    ) -> Judged:
        test, validation = examples[Split.TEST], examples[Split.VALIDATION]
        thresholds = thresholds_of_boxes(
            validation.labels, _found(learned.trained, validation), len(self.classes)
        )
        metrics = evaluate_boxes(
            test.labels, _found(learned.trained, test), self.classes, test.patients, rng=rng
        )
        return Judged(metrics, thresholds)

    def foresee(
        self, learned: Learned, loaded: Iterable[tuple[Any, Any]], *, is_suggested: bool
    ) -> Iterator[Foreseen]:
        for chosen, image in loaded:
            [found] = detect(learned.trained, [image[None]])
            scores = {
                name: found.scores[found.labels == number]
                for number, name in enumerate(self.classes)
            }
            content = self._content(chosen, found) if is_suggested else {}
            counts = [float((s >= 0.5).sum()) for s in scores.values()]
            yield Foreseen(chosen.case_id, counts, content, box_components(scores))

    def pool(self, found: Sequence[Foreseen]) -> Pool:
        names = found[0].components
        return Pool(
            components={n: np.asarray([one.components[n] for one in found]) for n in names},
            classes=tuple(self.classes),
        )

    def _drawn(self, content: Json, instance: Instance) -> tuple[BoxArray, NDArray[np.int64]]:
        """One reader's boxes (k, 4) of (y0, x0, y1, x1) pixels, half-open, and their classes."""
        boxes, labels = [], []
        for region in content.get("regions", []):
            is_here = region["sop_instance_uid"] == instance.sop_instance_uid
            if region["kind"] == "box" and region["label"] in self.classes and is_here:
                columns, rows = np.asarray(region["pixels"], np.float32).T
                # Pixel 0 is the first pixel's centre; it covers -0.5 to 0.5.
                boxes.append([
                    rows.min() + 0.5, columns.min() + 0.5, rows.max() + 0.5, columns.max() + 0.5
                ])  # fmt: skip
                labels.append(self.classes.index(region["label"]))
        found = np.asarray(boxes, np.float32).reshape(-1, 4)
        is_box = (found[:, 2:] > found[:, :2]).all(axis=1)
        return found[is_box], np.asarray(labels, np.int64)[is_box]

    def _content(self, chosen: Chosen, found: Detections) -> Json:
        """Every detection as a region with its score; the threshold is put on when it is offered."""
        boxes = Fit.of(chosen.instance, self.config.side).to_image(found.boxes) - 0.5
        regions = []
        for number, (y0, x0, y1, x1) in enumerate(boxes.round(2).tolist()):
            place = f"{self.target.pk} {chosen.instance.sop_instance_uid} {number} {y0} {x0}"
            regions.append({
                "id": str(uuid5(NAMESPACE_OID, place)), "kind": "box",
                "label": self.classes[int(found.labels[number])], "name": "", "answers": {},
                "sop_instance_uid": chosen.instance.sop_instance_uid, "frame": 1,
                "pixels": [[x0, y0], [x1, y0], [x1, y1], [x0, y1]], "points": None,
                "is_hidden": False, "is_locked": False,
                "score": round(float(found.scores[number]), 4),
            })  # fmt: skip
        return {"regions": regions}


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


def agreed(
    reads: Sequence[tuple[BoxArray, NDArray[np.int64]]],
) -> tuple[BoxArray, NDArray[np.int64]]:
    """The objects that more than half of the readers drew, as the mean of their boxes."""
    boxes = np.concatenate([b for b, _ in reads])
    labels = np.concatenate([c for _, c in reads])
    reader = np.repeat(np.arange(len(reads)), [len(c) for _, c in reads])
    is_free = np.ones(len(boxes), bool)
    found, classes = [], []
    for row in range(len(boxes)):
        if not is_free[row]:
            continue
        overlaps = iou(boxes[row : row + 1], boxes)[0]
        same = is_free & (labels == labels[row]) & (overlaps >= SAME)
        same[row] = True
        group = [
            int(mine[overlaps[mine].argmax()])
            for number in range(len(reads))
            if len(mine := np.flatnonzero(same & (reader == number)))
        ]
        is_free[group] = False
        if len(group) * 2 > len(reads):
            found.append(boxes[group].mean(axis=0))
            classes.append(labels[row])
    return np.asarray(found, np.float32).reshape(-1, 4), np.asarray(classes, np.int64)


def boxed(examples: Examples) -> BoxedImages:
    boxes = [found for found, _ in examples.labels]
    return BoxedImages(examples.images, boxes, [classes for _, classes in examples.labels])


def _found(network: nn.Module, examples: Examples) -> list[Detections]:
    assert isinstance(network, Detector)  # noqa: S101  for the type checker
    blocks = (
        np.stack(examples.images[start : start + BLOCK]) for start in range(0, len(examples), BLOCK)
    )
    return detect(network, list(blocks)) if len(examples) else []
