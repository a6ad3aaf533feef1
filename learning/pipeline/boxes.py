"""Targets that are drawn as boxes: what is alike on single images and in volumes."""

from abc import abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, ClassVar
from uuid import NAMESPACE_OID, UUID, uuid5

import numpy as np
from numpy.typing import NDArray
from torch import nn

from annotation.datasets.formats.base import Read
from annotation.datasets.models import DatasetItem, Split
from learning.acquisition.pool import Pool
from learning.acquisition.uncertainty import box_components
from learning.pipeline.base import (
    DISAGREEING,
    Count,
    Examples,
    Foreseen,
    Json,
    Judged,
    Kind,
    Learned,
    NotEnoughLabels,
    OnJudged,
    OnProgress,
    Pretrained,
)
from learning.pipeline.reads import ReadAhead, read_too_early
from learning.services.modalities import usual_recolouring
from learning.services.test_results import Results
from learning.training.boxes import Boxes as BoxArray
from learning.training.boxes import iou
from learning.training.checkpoint import Checkpoints
from learning.training.config import TrainConfig
from learning.training.detection.augment import BoxAugmentation
from learning.training.detection.decode import Detections
from learning.training.detection.evaluate import examined_boxes, thresholds_of_boxes
from learning.training.detection.network import Detector, DetectorShape
from learning.training.detection.train import (
    BoxedImages,
    DetectorConfig,
    detect,
    placed,
    train_detector,
)
from learning.training.loop import choose_device
from learning.training.metrics.figures import figures
from learning.training.predict import one_ahead
from learning.training.preparation import UnusableInput
from learning.training.pretraining.contrastive import Images
from learning.training.pretraining.own_network import Run, pretrain_detector
from learning.training.resumable import Schedule
from learning.training.transfer import Start

SIDE, BATCH, RATE, DECAY = (
    320,
    8,
    2e-3,
    0.05,
)  # what was measured on blood cells (bench/detection.py)
LIKELY = 0.5  # score from which on a detection is counted


class Boxes(Kind):
    """An anchor-free detector."""

    overlaps: ClassVar[tuple[float, ...]] = (0.5,)  # of a hit; the first decides between models
    same: ClassVar[float] = 0.5  # boxes of two readers that overlap so much are one object
    at_once: ClassVar[int] = 8  # images

    @property
    def classes(self) -> list[str]:
        known = self.schema.labels
        return [key for key in self.target.options["labels"] if key in known]

    def recipe(self, overrides: Json, sample_count: int) -> TrainConfig:
        del sample_count
        usual = TrainConfig(
            side=SIDE, batch_size=BATCH, learning_rate=RATE, weight_decay=DECAY, scale=0.2,
            shift=0.1, epochs=40, min_steps=400, max_steps=20_000,
            modality=usual_recolouring(self.target),
        )  # fmt: skip
        return usual.overridden(overrides)

    def answer(self, item: DatasetItem) -> Any:
        return item.revision_ids or None

    @abstractmethod
    def label(
        self, chosen: Any, item: DatasetItem, image: Any, reads: ReadAhead
    ) -> tuple[BoxArray, NDArray[np.int64]]:
        """(k, 2 x dimensions) boxes and (k,) classes on the network's grid: those of most readers.

        Raises UnusableInput.
        """

    @abstractmethod
    def shape(self, training: Examples) -> DetectorShape:
        """The network for these examples; without any, one with the same weights."""

    @property
    @abstractmethod
    def may_flip(self) -> tuple[bool, ...]:
        """By axis, in training."""

    @abstractmethod
    def suggested(self, chosen: Any, found: Detections, shape: tuple[int, ...]) -> Json:
        """Every detection in an input of this shape as a region with its score.

        The threshold is put on when it is offered.
        """

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
        shape = self.shape(training)
        steps = self.config.steps(len(training))
        schedule = Schedule(
            steps, self.config.learning_rate, self.config.weight_decay,
            report_every=max(steps // self.config.evaluations, 1),
        )  # fmt: skip
        augmentation = BoxAugmentation(
            self.may_flip, self.config.scale, self.config.shift, self.config.contrast
        )

        network = train_detector(
            boxed(training), shape,
            DetectorConfig(
                self.config.batch_size, schedule, augmentation, self.window,
                self.config.foreground_share,
            ),
            seed=seed, store=Checkpoints(folder), on_progress=on_progress, device=choose_device(),
            start=start, validation=boxed(examples[Split.VALIDATION]),
        )  # fmt: skip
        task = {"kind": "boxes", "classes": self.classes}
        return Learned(network, task, shape.as_json(), network)

    def pretrain(self, images: Images, run: Run) -> Pretrained:
        shape = self.shape(Examples(images=[]))
        weights = pretrain_detector(Detector(shape), images, run)
        return Pretrained(weights, shape.as_json())

    def restored(self, network: nn.Module, records: Json) -> Learned:
        """On the device that this worker has: `detect` works where it finds the network."""
        assert isinstance(network, Detector)  # noqa: S101  for the type checker
        here = placed(network, choose_device())
        return Learned(here, records["task"], records["architecture"], here)

    def judge(
        self,
        learned: Learned,
        examples: dict[Split, Examples],
        rng: np.random.Generator,
        on_judged: OnJudged,
    ) -> Judged:
        test, validation = examples[Split.TEST], examples[Split.VALIDATION]
        count = Count(len(validation) + len(test), on_judged)
        thresholds = thresholds_of_boxes(
            validation.labels, self._found(learned.trained, validation, count), len(self.classes),
            overlap=self.overlaps[0],
        )  # fmt: skip
        tested = self.tested(learned, test, thresholds, count)
        return Judged(figures(tested.examined, rng), thresholds, tested)

    def tested(
        self, learned: Learned, test: Examples, thresholds: tuple[float, ...], count: Count
    ) -> Results:
        del thresholds  # the figures are over all of them
        found = self._found(learned.trained, test, count)
        examined = examined_boxes(
            test.labels, found, self.classes, test.patients, overlaps=self.overlaps
        )
        return Results(test.cases, examined, [self._numbers(one) for one in found])

    def foresee(
        self,
        learned: Learned,
        loaded: Iterable[tuple[Any, Any]],
        excluded: dict[UUID, str],
        *,
        is_suggested: bool,
    ) -> Iterator[Foreseen]:
        del excluded
        searched = one_ahead(loaded, lambda one: self._detected(learned.trained, [one[1][None]]))
        for (chosen, image), [found] in searched:
            scores = {
                name: found.scores[found.labels == number]
                for number, name in enumerate(self.classes)
            }
            content = self.suggested(chosen, found, image.shape[1:]) if is_suggested else {}
            yield Foreseen(
                chosen.case_id, self._numbers(found), content, box_components(scores)
            )  # fmt: skip

    def _numbers(self, found: Detections) -> list[float]:
        """Of each class how many are likely, then the surest one's score: what drift is seen by."""
        scores = [found.scores[found.labels == number] for number in range(len(self.classes))]
        counts = [float((one >= LIKELY).sum()) for one in scores]
        return [*counts, *(float(one.max(initial=0.0)) for one in scores)]

    def pool(self, found: Sequence[Foreseen]) -> Pool:
        names = found[0].components
        return Pool(
            components={n: np.asarray([one.components[n] for one in found]) for n in names},
            classes=tuple(self.classes),
        )

    def reads_of(self, item: DatasetItem, reads: ReadAhead) -> list[Read]:
        """The item's reads. Raises UnusableInput where a reader could not draw a learned label yet."""
        found = reads.of(item)
        for read in found:
            known = {one.key for one in read.schema.region_labels if "box" in one.kinds}
            later = [key for key in self.classes if key not in known]
            if later:
                # The case would teach that nothing of this label is there.
                raise read_too_early(later[0])
        return found

    def drawn(self, content: Json) -> Iterator[tuple[Json, list[float], int]]:
        """Every box of a learned label that one reader drew: region, (y0, x0, y1, x1) pixels, class."""
        for region in content.get("regions", []):
            if region["kind"] != "box" or region["label"] not in self.classes:
                continue
            y0, x0, y1, x1 = rectangle_of(region)
            if y0 < y1 and x0 < x1:
                yield region, [y0, x0, y1, x1], self.classes.index(region["label"])

    def region(self, found: Detections, number: int, place: str) -> Json:
        """A detection without the place that is its own."""
        return {
            "id": str(uuid5(NAMESPACE_OID, place)), "kind": "box",
            "label": self.classes[int(found.labels[number])], "name": "", "answers": {},
            "points": None, "is_hidden": False, "is_locked": False,
            "score": round(float(found.scores[number]), 4),
        }  # fmt: skip

    def _found(
        self, network: nn.Module, examples: Examples, count: Callable[[int], None]
    ) -> list[Detections]:
        assert isinstance(network, Detector)  # noqa: S101  for the type checker

        def blocks() -> Iterator[NDArray[np.float16]]:
            for start in range(0, len(examples), self.at_once):
                block = np.stack(examples.images[start : start + self.at_once])
                yield block
                count(len(block))

        return self._detected(network, blocks())

    def _detected(
        self, network: Detector, blocks: Iterable[NDArray[np.float16]]
    ) -> list[Detections]:
        return detect(
            network, blocks, window=self.window, window_overlap=self.config.window_overlap
        )


def rectangle_of(region: Json) -> list[float]:
    """(y0, x0, y1, x1) of a region's corners, half-open: pixel 0 covers 0 to 1, as an array's does."""
    columns, rows = np.asarray(region["pixels"], np.float32).T
    # In annotations 0 is the first pixel's centre.
    return [rows.min() + 0.5, columns.min() + 0.5, rows.max() + 0.5, columns.max() + 0.5]


def corners(y0: float, x0: float, y1: float, x1: float) -> list[list[float]]:
    """(column, row) corners of a region, in the order of the screens' tools."""
    return [[x0, y0], [x1, y0], [x1, y1], [x0, y1]]


def agreed(
    reads: Sequence[tuple[BoxArray, NDArray[np.int64]]], same: float
) -> tuple[BoxArray, NDArray[np.int64]]:
    """The objects that more than half of the readers drew, as the mean of their boxes.

    Boxes of one label whose overlap reaches `same` are one object. Raises UnusableInput where exactly half
    drew one: without it the case would teach that nothing is there.
    """
    boxes = np.concatenate([b for b, _ in reads])
    labels = np.concatenate([c for _, c in reads])
    reader = np.repeat(np.arange(len(reads)), [len(c) for _, c in reads])
    is_free = np.ones(len(boxes), bool)
    found, classes = [], []
    for row in range(len(boxes)):
        if not is_free[row]:
            continue
        overlaps = iou(boxes[row : row + 1], boxes)[0]
        is_same = is_free & (labels == labels[row]) & (overlaps >= same)
        is_same[row] = True
        group = [
            int(mine[overlaps[mine].argmax()])
            for number in range(len(reads))
            if len(mine := np.flatnonzero(is_same & (reader == number)))
        ]
        is_free[group] = False
        if len(group) * 2 == len(reads):
            raise UnusableInput(DISAGREEING)
        if len(group) * 2 > len(reads):
            found.append(boxes[group].mean(axis=0))
            classes.append(labels[row])
    return np.asarray(found, np.float32).reshape(-1, boxes.shape[1]), np.asarray(classes, np.int64)


def boxed(examples: Examples) -> BoxedImages:
    boxes = [found for found, _ in examples.labels]
    return BoxedImages(examples.images, boxes, [classes for _, classes in examples.labels])
