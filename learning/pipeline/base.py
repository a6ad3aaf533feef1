"""The contract between a round and the kinds of target: load, learn, judge, foresee."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Protocol, TypeVar
from uuid import UUID

import numpy as np
import torch
from torch import nn

from annotation.core.errors import DomainError
from annotation.datasets.models import DatasetItem, Split
from annotation.labeling.models import Case
from annotation.labeling.schemas import Schema
from annotation.labeling.services.asked import Asked
from learning.acquisition.names import NEED_MEMBERS
from learning.acquisition.pool import Labeled, Pool
from learning.models import Target
from learning.pipeline.reads import ReadAhead
from learning.services.test_results import Results
from learning.training.columns import ColumnEncoder, Row
from learning.training.config import TrainConfig
from learning.training.inputs import Column
from learning.training.loop import Trained
from learning.training.pretraining.contrastive import Images
from learning.training.pretraining.own_network import Run
from learning.training.run import Progress
from learning.training.tasks import task_from_json
from learning.training.transfer import Start

Json = dict[str, Any]
PASSES = 8  # of dropout, where a strategy compares members
DROPOUT = 0.2  # then, unless the recipe says otherwise
NO_ANSWER = "the question has no answer"
DISAGREEING = "the readers do not agree"
OnProgress = Callable[[Progress], None]
OnJudged = Callable[[int, int], None]  # how many held-out images are judged, of how many
Image = TypeVar("Image")


class NotEnoughLabels(DomainError):
    """The frozen labels cannot teach a model yet."""


class Count:
    """Counts the images that a network has judged, and tells of each how many they are."""

    def __init__(self, total: int, on_judged: OnJudged) -> None:
        self._done, self._total, self._on_judged = 0, total, on_judged
        on_judged(0, total)

    def __call__(self, images: int = 1) -> None:
        self._done += images
        self._on_judged(self._done, self._total)

    def each(self, images: Iterable[Image]) -> Iterator[Image]:
        """The images one by one; each counts when the next is asked for."""
        for image in images:
            yield image
            self()

    def expect(self, images: int) -> None:
        """So many are left after all."""
        self._total = self._done + images


class ChosenInput(Protocol):
    """What stands for a case: one image, or the series of a specification."""

    @property
    def case_id(self) -> UUID: ...

    @property
    def study_id(self) -> UUID: ...


class Inputs(Protocol):
    """Where the network's inputs come from: `images.MiddleImages` or `volumes.SpecifiedInputs`."""

    def choose(self, cases: Sequence[Case], excluded: dict[UUID, str]) -> list[Any]: ...

    def load(
        self,
        chosen: Sequence[Any],
        excluded: dict[UUID, str],
        on_progress: Callable[[int], None] = ...,
    ) -> Iterator[tuple[Any, Any]]: ...


@dataclass
class Examples:
    """The usable items of one split, in one order; images are an ArrayFile of (channels, *space)."""

    images: Any
    labels: Any = field(default_factory=list)  # a list, or an ArrayFile of masks
    patients: list[str] = field(default_factory=list)
    cases: list[UUID] = field(default_factory=list)
    spacings_mm: list[tuple[float, ...]] = field(default_factory=list)
    rows: list[Row] = field(default_factory=list)  # clinical values, empty without columns

    def __len__(self) -> int:
        return len(self.labels)


@dataclass(frozen=True)
class Learned:
    """A trained network and the records that build and read it again."""

    network: nn.Module
    task: Json
    architecture: Json
    trained: Any  # what the kind itself needs to go on
    columns: ColumnEncoder | None = None  # fitted on the training set
    thresholds: tuple[float, ...] = ()  # that validation chose, once it is judged
    # What pipeline.ablation found, where it was asked
    unlabeled: Json = field(default_factory=dict)

    @property
    def records(self) -> Json:
        """Everything but the weights, as JSON."""
        return {
            "task": self.task, "architecture": self.architecture,
            "columns": self.columns.as_json() if self.columns else {},
            "thresholds": list(self.thresholds),
        }  # fmt: skip


@dataclass(frozen=True)
class Pretrained:
    """Weights by the network's own names, and the record of the network."""

    weights: dict[str, torch.Tensor]
    architecture: Json


@dataclass(frozen=True)
class Judged:
    """The test figures, and the thresholds that validation chose."""

    metrics: Json
    thresholds: tuple[float, ...] = ()
    results: Results | None = None  # None where no case has figures of its own


@dataclass(frozen=True)
class Foreseen:
    """What the network says of one open case; `members` (m, k) where its passes are compared."""

    case_id: UUID
    values: list[float]
    content: Json = field(default_factory=dict)
    components: dict[str, float] = field(default_factory=dict)
    members: Any = None
    asked: Asked | None = None  # slices worth drawing; None where all of them are

    def as_json(self) -> Json:
        members = None if self.members is None else np.asarray(self.members).tolist()
        asked = self.asked and {**vars(self.asked), "case_id": str(self.case_id)}
        return {**vars(self), "case_id": str(self.case_id), "members": members, "asked": asked}

    @classmethod
    def from_json(cls, value: Json) -> "Foreseen":
        case_id = UUID(value["case_id"])
        members = None if value["members"] is None else np.asarray(value["members"])
        asked = value.get("asked") and Asked(**{**value["asked"], "case_id": case_id})
        return cls(**{**value, "case_id": case_id, "members": members, "asked": asked})


class Kind(ABC):
    """How one kind of target is learned."""

    is_drawn: ClassVar[bool] = False  # a label is an array, too large to keep all in memory

    def __init__(
        self, target: Target, schema: Schema, overrides: Json, strategy: str, sample_count: int
    ) -> None:
        self.target, self.schema, self.strategy = target, schema, strategy
        self.config = self.recipe(overrides, sample_count)

    @abstractmethod
    def recipe(self, overrides: Json, sample_count: int) -> TrainConfig:
        """The recommended recipe with the target's overrides."""

    @property
    @abstractmethod
    def classes(self) -> list[str]:
        """The names of its answers or structures; none where it gives a number."""

    def answer_in_order_of(self, classes: Sequence[str]) -> None:
        """Read the values of a network that tells these classes apart.

        Drawings name their class by number. Raises NotEnoughLabels where the schema has others by now.
        """
        if list(classes) != self.classes:
            raise NotEnoughLabels(
                f"The model draws {', '.join(classes)}; the project now has {', '.join(self.classes)}."
            )

    @property
    @abstractmethod
    def inputs(self) -> Inputs: ...

    @property
    def columns(self) -> tuple[Column, ...]:
        """The clinical values that the network sees beside the image."""
        return ()

    def look_up(self, items: Sequence[DatasetItem]) -> None:
        """Ask the database at once for what `answer` needs to know of many items."""
        del items

    @abstractmethod
    def answer(self, item: DatasetItem) -> Any:
        """What readers agreed on; None where they did not, and the item teaches nothing."""

    def why_no_answer(self, item: DatasetItem) -> str:
        """Of an item that teaches nothing, for people and `exclusions.SENTENCES`."""
        return DISAGREEING if len(item.revision_ids) > 1 else NO_ANSWER

    def label(self, chosen: Any, item: DatasetItem, image: Any, reads: ReadAhead) -> Any:
        """The answer in the form that training wants, on the image's grid where it is drawn.

        Raises UnusableInput.
        """
        del chosen, image, reads
        return self.answer(item)

    def spacing_of(self, chosen: Any) -> tuple[float, ...]:
        """mm per voxel of the network's grid, NaN where unknown, where distances are measured."""
        del chosen
        return ()

    @abstractmethod
    def learn(
        self,
        examples: dict[Split, Examples],
        *,
        seed: int,
        folder: Path,
        on_progress: OnProgress,
        start: Start,
    ) -> Learned:
        """`start` loads the weights to begin with. Raises NotEnoughLabels with the reason."""

    def restored(self, network: nn.Module, records: Json) -> Learned:
        """What `learn` gave, in another process, from `Learned.records`."""
        task, columns = records["task"], records["columns"]
        return Learned(
            network, task, records["architecture"], Trained(network, task_from_json(task)),
            ColumnEncoder.from_json(self.columns, columns) if columns else None,
            tuple(records.get("thresholds", ())),
        )  # fmt: skip

    @abstractmethod
    def tested(
        self,
        learned: Learned,
        test: Examples,
        thresholds: tuple[float, ...],
        count: Count,
    ) -> Results:
        """What the network says of test cases, called at these thresholds, beside what is true."""

    @abstractmethod
    def judge(
        self,
        learned: Learned,
        examples: dict[Split, Examples],
        rng: np.random.Generator,
        on_judged: OnJudged,
    ) -> Judged:
        """What validation and test say of the network; `on_judged` may raise to stop, image by image."""

    @abstractmethod
    def foresee(
        self,
        learned: Learned,
        loaded: Iterable[tuple[Any, Any]],
        excluded: dict[UUID, str],
        *,
        is_suggested: bool,
    ) -> Iterator[Foreseen]:
        """In the order of the images, as they come, so that memory does not grow with the pool.

        A case of which more than its input is needed and cannot be used goes into `excluded`.
        """

    @abstractmethod
    def pool(self, found: Sequence[Foreseen]) -> Pool:
        """What a strategy ranks by. `found` is not empty."""

    def labeled(self, examples: dict[Split, Examples]) -> Labeled:
        """The labels so far. Of drawings, which have no class, strategies ask only how many."""
        return Labeled(labels=np.zeros(len(examples[Split.TRAIN]), np.int64))

    def balance(self, items: Sequence[DatasetItem]) -> Labeled:
        """The labels of frozen items, whose images are not looked at."""
        return Labeled(labels=np.zeros(len(items), np.int64))

    @property
    def window(self) -> tuple[int, ...]:
        """What the network takes at once of a larger image; none: the whole image."""
        return ()

    @abstractmethod
    def pretrain(self, images: Images, run: Run) -> Pretrained:
        """Let the network learn from inputs without labels. Raises ValueError where it cannot."""

    @property
    def shard_size(self) -> int:
        """How many cases of the pool a worker predicts in one go: at most about a minute's."""
        return 64

    @property
    def passes(self) -> int:
        return PASSES if self.strategy in NEED_MEMBERS else 0
