"""Targets that are drawn as masks: one layer of segments, in two or three dimensions."""

from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from annotation.archive.stacks import Frame, Stack
from annotation.datasets.formats.base import Read
from annotation.datasets.formats.label_maps import LabelVolume, label_volumes_of
from annotation.datasets.models import DatasetItem, Split
from annotation.labeling.schemas import Segment
from annotation.labeling.services.asked import Asked
from annotation.labeling.services.label_volumes import Grid, keep_layers
from learning.acquisition.pool import Pool
from learning.acquisition.slices import choose_slices, slice_scores
from learning.acquisition.uncertainty import mask_components
from learning.machine import process_count
from learning.pipeline.asking import asked_for, generator_of
from learning.pipeline.base import (
    DISAGREEING,
    Count,
    Examples,
    Foreseen,
    Inputs,
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
from learning.training.config import TrainConfig
from learning.training.data import Samples
from learning.training.evaluate import mask_truth, mask_values
from learning.training.inputs import InputSpec
from learning.training.loop import Trained, choose_device
from learning.training.metrics.figures import Examined, figures
from learning.training.metrics.masks import compare_maps
from learning.training.networks import Architecture
from learning.training.operating_points import called, thresholds_of_structures
from learning.training.predict import Members, one_ahead, segment
from learning.training.preparation import (
    UnusableInput,
    places_in,
    prepare_mask,
    restore_mask,
)
from learning.training.pretraining.contrastive import Images
from learning.training.pretraining.own_network import Run
from learning.training.processes import train_in
from learning.training.recipes import recommended
from learning.training.tasks import Segmentation, Unlearnable
from learning.training.tasks.segmentation import UNLABELED
from learning.training.transfer import Start
from learning.volumes import ChosenSeries, SpecifiedInputs, spacing_of

Mask = NDArray[np.int16]
DISAGREEMENT = UNLABELED  # a voxel on which readers differ teaches nothing
NOTHING_DRAWN = "nothing is drawn on what the network sees of the series"
DRAWN_ELSEWHERE = "masks lie only on images that the network does not see"


class Masks(Kind):
    """One network for every voxel."""

    is_drawn = True

    @cached_property
    def segments(self) -> list[Segment]:
        """Class 1 is the first."""
        layer = self.target.options["layer"]
        found = [s for s in self.schema.segments if s.layer == layer]
        if not found:
            raise NotEnoughLabels(f"The schema no longer has a layer {layer}.")
        return sorted(found, key=lambda s: s.value)

    @property
    def classes(self) -> list[str]:
        labels = [segment.label for segment in self.segments]
        unique = len(set(labels)) == len(labels)
        return labels if unique else [f"{s.label} {s.value}" for s in self.segments]

    @property
    def task(self) -> Segmentation:
        return Segmentation(tuple(self.classes))

    @cached_property
    def spec(self) -> InputSpec:
        return InputSpec.from_json(self.target.input)

    @property
    def inputs(self) -> Inputs:
        return SpecifiedInputs(self.spec)

    def recipe(self, overrides: Json, sample_count: int) -> TrainConfig:
        usual = recommended(
            self.task, dimensions=self.spec.dimensions, sample_count=sample_count,
            on_gpu=choose_device().type == "cuda", modality=usual_recolouring(self.target),
            size=self.spec.size,
        )  # fmt: skip
        return usual.overridden(overrides)

    def architecture(self) -> Architecture:
        return Architecture(
            self.config.network, self.task.outputs, dimensions=self.spec.dimensions,
            channels=self.spec.branches, size=self.spec.size, neighbours=self.spec.neighbours,
            dropout=self.config.dropout,
        )  # fmt: skip

    def pretrain(self, images: Images, run: Run) -> Pretrained:
        del images, run
        raise ValueError(f"{self.config.network} segments; it has no vector per image")

    def answer(self, item: DatasetItem) -> Any:
        return item.revision_ids or None

    def label(self, chosen: ChosenSeries, item: DatasetItem, image: Any, reads: ReadAhead) -> Mask:
        """What the readers of an item agree on, on the grid of the image."""
        grid = chosen.grid()
        spacing = spacing_of(self._seen(grid))
        found = reads.of(item)
        self._require_measuring(item, found)
        each = [self._drawn(read, chosen, grid) for read in found]
        mask = agreed(each)
        if _is_open(mask):
            raise UnusableInput(NOTHING_DRAWN if all(map(_is_open, each)) else DISAGREEING)
        flat = mask[0] if self.spec.spatial == 2 else mask
        prepared = prepare_mask(flat, spacing[-flat.ndim :], self.spec)
        if prepared.shape != image.shape[1:]:
            raise UnusableInput(
                f"the mask {prepared.shape} does not lie on the image {image.shape}"
            )
        return prepared

    def learn(
        self,
        examples: dict[Split, Examples],
        *,
        seed: int,
        folder: Path,
        on_progress: OnProgress,
        start: Start,
    ) -> Learned:
        architecture = self.architecture()
        sets = {split: Samples(found.images, found.labels) for split, found in examples.items()}
        try:
            trained = train_in(
                process_count(), config=self.config, task=self.task, architecture=architecture,
                training=sets[Split.TRAIN], validation=sets[Split.VALIDATION], seed=seed,
                folder=folder, on_progress=on_progress, start=start,
            )  # fmt: skip
        except Unlearnable as error:
            raise NotEnoughLabels(str(error)) from None
        return Learned(trained.network, trained.task.as_json(), architecture.as_json(), trained)

    def judge(
        self,
        learned: Learned,
        examples: dict[Split, Examples],
        rng: np.random.Generator,
        on_judged: OnJudged,
    ) -> Judged:
        test, validation = examples[Split.TEST], examples[Split.VALIDATION]
        count = Count(len(validation) + len(test), on_judged)
        thresholds = thresholds_of_structures(
            (self._probabilities(learned.trained, image) for image in count.each(validation.images)),
            validation.labels, validation.patients, len(self.classes), rng,
        )  # fmt: skip
        count.expect(len(test))  # where nothing can be chosen, validation was not asked
        tested = self.tested(learned, test, thresholds, count)
        return Judged(figures(tested.examined, rng), thresholds, tested)

    def tested(
        self, learned: Learned, test: Examples, thresholds: tuple[float, ...], count: Count
    ) -> Results:
        """On the network's grid; voxels that readers left open do not count."""
        overlaps, said = [], []
        images = count.each(test.images)
        for image, mask, spacing in zip(images, test.labels, test.spacings_mm, strict=True):
            answer = called(self._probabilities(learned.trained, image), thresholds)
            said.append(self._shares(answer))
            is_open = mask == UNLABELED
            truth = np.where(is_open, 0, mask)
            answer = np.where(is_open, 0, answer)
            overlaps.append(
                compare_maps(
                    truth, answer, class_count=1 + len(self.classes), spacing_mm=spacing
                )
            )  # fmt: skip
        found = Examined(
            kind="segmentation", truth=mask_truth(overlaps, len(self.classes)),
            predictions=mask_values(overlaps, len(self.classes)), patients=test.patients,
            classes=tuple(self.classes), thresholds=thresholds,
        )  # fmt: skip
        return Results(test.cases, found, said)

    def spacing_of(self, chosen: ChosenSeries) -> tuple[float, ...]:
        """mm per voxel of the network's grid; NaN where the images do not say it."""
        return self.spec.spacing_mm or spacing_of(chosen.grid())[-self.spec.spatial :]

    def foresee(
        self,
        learned: Learned,
        loaded: Iterable[tuple[Any, Any]],
        excluded: dict[UUID, str],
        *,
        is_suggested: bool,
    ) -> Iterator[Foreseen]:
        answered = one_ahead(loaded, lambda one: self._probabilities(learned.trained, one[1]))
        for (chosen, _), probabilities in answered:
            found = mask_components(probabilities, self._names)
            mask = called(probabilities, learned.thresholds)
            content, asked = {}, None
            if is_suggested:
                try:
                    content = self._content(learned, chosen, mask)
                    asked = self._asked(chosen, probabilities)
                except UnusableInput as why:
                    excluded[chosen.case_id] = str(why)
                    continue
            yield Foreseen(chosen.case_id, self._shares(mask), content, found, asked=asked)

    @property
    def _names(self) -> tuple[str, ...]:
        """Of all outputs of the network."""
        return ("background", *self.classes)

    def _asked(self, chosen: ChosenSeries, probabilities: NDArray[np.float32]) -> Asked | None:
        """The slices of the series that are worth drawing; None where whole volumes are wanted."""
        if not self.target.options.get("slices"):
            return None
        frames = len(chosen.grid().frames)
        plane_of = places_in(probabilities.shape[1], frames)
        by_plane = slice_scores(probabilities, self._names)
        scores = {name: values[plane_of] for name, values in by_plane.items()}
        wanted = self.target.options["slices"]
        picks = choose_slices(self.strategy, scores, wanted, generator_of(chosen))
        return asked_for(self.target, chosen, picks)

    def _shares(self, mask: NDArray[np.int64]) -> list[float]:
        """Of each structure the share of the image that it takes: what its drift is seen by."""
        counts = np.bincount(mask.ravel(), minlength=1 + len(self.classes))
        return [float(count) / mask.size for count in counts[1:]]

    def pool(self, found: Sequence[Foreseen]) -> Pool:
        names = found[0].components
        return Pool(
            components={n: np.asarray([one.components[n] for one in found]) for n in names},
            classes=tuple(self.classes),
        )

    def _probabilities(self, trained: Trained, image: Any) -> NDArray[np.float32]:
        members = Members([trained.network])
        return next(
            segment(
                members, image, trained.task, self.architecture(), self.config, choose_device()
            )
        )  # fmt: skip

    def _seen(self, grid: Stack) -> Stack:
        """The frames that the image shows: of a flat input the middle one."""
        if self.spec.spatial == 3:
            return grid
        middle = grid.frames[len(grid.frames) // 2]
        return Stack((middle,), grid.rows, grid.columns, None)

    def _drawn(self, read: Read, chosen: ChosenSeries, grid: Stack) -> Mask:
        """(z, y, x) classes as one reader drew them; of asked slices alone where some were asked.

        Raises UnusableInput.
        """
        [series, *_] = chosen.series.values()
        uid, layer = series.series_instance_uid, self.target.options["layer"]
        # Imported label maps have no layer.
        volumes = [one for one in label_volumes_of(read) if one.layer in (None, layer)]
        asked = read.asked_slices(layer, uid)
        is_whole = asked is None and not read.is_asked_for_some(layer)
        is_background = is_whole and self.target.options["undrawn"] != "unknown"
        if is_background and self._are_all_elsewhere(volumes, grid):
            # As on another series of the study: this one would teach that nothing is there.
            raise UnusableInput(DRAWN_ELSEWHERE)
        undrawn = 0 if asked is not None or is_background else UNLABELED
        stack = self._seen(grid)
        found = np.full((len(stack.frames), stack.rows, stack.columns), undrawn, np.int16)
        for z, frame in enumerate(stack.frames):
            if asked is not None and frame.key not in asked:
                found[z] = UNLABELED
                continue
            for volume in volumes:
                self._add_slice(found[z], volume, frame)
        if self._later_than(read):
            found[found == 0] = UNLABELED  # it may show what nobody could draw yet
        return found

    def _require_measuring(self, item: DatasetItem, reads: Sequence[Read]) -> None:
        """A model is measured where somebody looked for all structures: else nothing it says too much counts.

        Raises UnusableInput.
        """
        later = min((self._later_than(read) for read in reads), key=len, default=[])
        if later and item.split != Split.TRAIN:
            raise read_too_early(later[0].label)

    def _later_than(self, read: Read) -> list[Segment]:
        """The learned structures that the schema which the reader answered did not have."""
        known = {(one.value, one.layer) for one in read.schema.segments}
        return [one for one in self.segments if (one.value, one.layer) not in known]

    def _are_all_elsewhere(self, volumes: Sequence[LabelVolume], grid: Stack) -> bool:
        """Whether structures are drawn on other images of the study, and on none of this grid."""
        drawn = [(volume, key) for volume in volumes for key in volume.keys]
        seen = {frame.key for frame in grid.frames}
        others = [one for one in drawn if one[1] not in seen]
        if not others:  # as a rule: then no file is read twice
            return False
        here = [one for one in drawn if one[1] in seen]
        return self._show_any(others) and not self._show_any(here)

    def _show_any(self, slices: Sequence[tuple[LabelVolume, str]]) -> bool:
        """Whether any of these slices, by volume and key, holds a structure that is learned."""
        values = [segment.value for segment in self.segments]
        found = (volume.labels_at(key) for volume, key in slices)
        return any(labels is not None and np.isin(labels, values).any() for labels in found)

    def _add_slice(self, target: Mask, volume: LabelVolume, frame: Frame) -> None:
        labels = volume.labels_of(frame)
        if labels is None:
            return  # as on images of the series that have another size
        if labels.shape != target.shape:
            raise UnusableInput("the mask has another size than the images")
        target[target == UNLABELED] = 0
        for number, one in enumerate(self.segments, 1):
            target[labels == one.value] = number

    def _content(self, learned: Learned, chosen: ChosenSeries, mask: NDArray[np.int64]) -> Json:
        """The mask as a reader's own would be kept."""
        stack = chosen.grid()
        volume = mask if self.spec.spatial == 3 else self._slices(learned, chosen, mask)
        values = np.asarray([0, *(one.value for one in self.segments)], np.uint8)
        shape = (len(stack.frames), stack.rows, stack.columns)
        labels = values[restore_mask(volume, shape)]
        [series, *_] = chosen.series.values()
        images = [(frame.instance.sop_instance_uid, frame.number) for frame in stack.frames]
        grid = Grid(series.series_instance_uid, images)
        return {"masks": keep_layers(schema=self.schema, labels=labels, grid=grid)}

    def _slices(
        self, learned: Learned, chosen: ChosenSeries, middle: NDArray[np.int64]
    ) -> NDArray[np.int64]:
        """(z, y, x) what a flat network says of every frame; it is ranked by the middle one alone."""
        volume = np.zeros((len(chosen.grid().frames), *middle.shape), np.int64)
        for z, image in enumerate(SpecifiedInputs(self.spec).load_slices(chosen)):
            if z == len(volume) // 2:
                volume[z] = middle
            elif image is not None:
                volume[z] = called(self._probabilities(learned.trained, image), learned.thresholds)
        return volume


def agreed(each: Sequence[Mask]) -> Mask:
    """What the readers agree on, of each voxel those who were asked of it or drew on it."""
    found, is_disputed = each[0], np.zeros(each[0].shape, bool)
    for other in each[1:]:
        is_known = found != UNLABELED
        is_disputed |= is_known & (other != UNLABELED) & (other != found)
        found = np.where(is_known, found, other)
    return np.where(is_disputed, np.int16(DISAGREEMENT), found)


def _is_open(mask: Mask) -> bool:
    """Whether no voxel of it says anything."""
    return bool((mask == UNLABELED).all())
