"""Targets with one answer per case: choices, grades, numbers, times to an event."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from annotation.datasets.models import DatasetItem, Split
from annotation.datasets.selectors import fetch_disputed, fetch_schemas
from annotation.labeling.schemas import Schema
from learning.acquisition.pool import Labeled, Pool
from learning.images import MiddleImages
from learning.machine import process_count
from learning.models import TargetKind
from learning.pipeline.base import (
    DISAGREEING,
    DROPOUT,
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
from learning.services.modalities import usual_recolouring
from learning.services.test_results import Results
from learning.training.columns import ColumnEncoder, Row, width_of
from learning.training.config import TrainConfig
from learning.training.data import Samples
from learning.training.evaluate import examined, thresholds_of
from learning.training.inputs import Column, InputSpec
from learning.training.loop import choose_device
from learning.training.metrics.figures import Examined, figures
from learning.training.networks import Architecture
from learning.training.predict import Block, Members, predict, predict_each
from learning.training.preparation import UnusableInput
from learning.training.pretraining.contrastive import Images
from learning.training.pretraining.own_network import Run, pretrain_own
from learning.training.processes import train_in
from learning.training.recipes import recommended
from learning.training.tasks import (
    ManyAnswers,
    Number,
    OneAnswer,
    OrdinalGrade,
    Task,
    TimeToEvent,
    Unlearnable,
)
from learning.training.transfer import Start
from learning.volumes import SpecifiedInputs

# Images predicted at once, by the axes of one. On a CPU what the layers hand on must fit its cache: 256
# images at once took 1.6 times as long as 32.
BLOCK = {"cuda": {2: 256, 3: 8}, "cpu": {2: 32, 3: 2}}
SHARD = {2: 1024, 3: 64}
CHOICES: dict[str, type[OneAnswer] | type[ManyAnswers]] = {
    TargetKind.ONE: OneAnswer,
    TargetKind.MANY: ManyAnswers,
    TargetKind.ORDINAL: OrdinalGrade,
}
NUMBERS: dict[str, type[Number] | type[TimeToEvent]] = {
    TargetKind.NUMBER: Number,
    TargetKind.TIME_TO_EVENT: TimeToEvent,
}
Disputed = Mapping[str, frozenset[str]]  # options by question, as `agreement.disputed` finds them


class Answers(Kind):
    """One network for the whole image."""

    _learned_order: list[str] | None = None  # of a network's classes; None: that of the schema

    @property
    def shard_size(self) -> int:
        return SHARD[learned_axes(self.spec)]

    @property
    def block_size(self) -> int:
        return BLOCK[choose_device().type][learned_axes(self.spec)]

    @property
    def classes(self) -> list[str]:
        question = self.schema.question(self.target.question)
        if question is None:
            raise NotEnoughLabels(f"The schema no longer asks {self.target.question!r}.")
        if self.target.kind not in CHOICES:
            return []
        return self._learned_order or list(question.option_keys)

    def answer_in_order_of(self, classes: Sequence[str]) -> None:
        self._learned_order = list(classes)

    @property
    def task(self) -> Task:
        if self.target.kind in CHOICES:
            return CHOICES[self.target.kind](tuple(self.classes))
        return NUMBERS[self.target.kind]()

    @property
    def spec(self) -> InputSpec | None:
        return InputSpec.from_json(self.target.input) if self.target.input else None

    @property
    def columns(self) -> tuple[Column, ...]:
        return self.spec.columns if self.spec else ()

    @property
    def inputs(self) -> Inputs:
        return SpecifiedInputs(self.spec) if self.spec else MiddleImages(self.config.side)

    def recipe(self, overrides: Json, sample_count: int) -> TrainConfig:
        usual = recommended(
            self.task, dimensions=self.spec.dimensions if self.spec else "2d",
            sample_count=sample_count, on_gpu=choose_device().type == "cuda",
            modality=usual_recolouring(self.target),
        )  # fmt: skip
        if self.passes:
            usual = replace(usual, dropout=DROPOUT)
        return usual.overridden(overrides)

    def architecture(self) -> Architecture:
        spec = self.spec or InputSpec((self.config.side, self.config.side))
        return Architecture(
            self.config.network, self.task.outputs, dimensions=spec.dimensions,
            channels=spec.branches, size=spec.size, neighbours=spec.neighbours,
            columns=width_of(spec.columns), dropout=self.config.dropout,
        )  # fmt: skip

    def pretrain(self, images: Images, run: Run) -> Pretrained:
        architecture = self.architecture()
        return Pretrained(pretrain_own(architecture, images, run), architecture.as_json())

    def look_up(self, items: Sequence[DatasetItem]) -> None:
        if self.target.kind == TargetKind.MANY:
            fetch_schemas(items)
            fetch_disputed(items)

    def answer(self, item: DatasetItem) -> Any:
        known = self.known_answer(item.answers)
        if known is None or self.target.kind != TargetKind.MANY:
            return known
        return self.as_settled(known, item.schemas, item.disputed)

    def known_answer(self, answers: Json) -> Any:
        """What the readers' common answers teach; None where that is nothing."""
        given = answers.get(self.target.question)
        if self.target.kind == TargetKind.TIME_TO_EVENT:
            return self._survival(given, answers)
        # An answer may be of an older schema, or say that the case cannot be assessed.
        if self.target.kind == TargetKind.MANY:
            is_known = isinstance(given, list) and set(given) <= set(self.classes)
        elif self.target.kind == TargetKind.NUMBER:
            is_known = isinstance(given, int | float)
        else:
            is_known = isinstance(given, str) and given in self.classes
        return given if is_known else None

    def as_settled(self, findings: list[str], schemas: Iterable[Schema], disputed: Disputed) -> Any:
        """Findings of reads under these schemas; None where nothing is settled of any option of today.

        An option that is not in every one of them was not looked for by all readers, and what is disputed
        they do not agree on: these are neither present nor absent, as `find_accepted_answers` has it
        for light heads.
        """
        settled = set(self.classes) - disputed.get(self.target.question, frozenset())
        for schema in schemas:
            question = schema.question(self.target.question)
            settled &= set(question.option_keys if question else ())
        if len(settled) == len(self.classes):
            return findings
        told = {name: name in findings if name in settled else None for name in self.classes}
        return told if settled else None

    def why_no_answer(self, item: DatasetItem) -> str:
        is_many = self.target.kind == TargetKind.MANY  # of others no read needs to be asked for
        return self.why_unknown(item, item.answers, item.disputed if is_many else {})

    def why_unknown(self, item: DatasetItem, answers: Json, disputed: Disputed) -> str:
        """Why common answers teach nothing, for people."""
        given = answers.get(self.target.question)
        if given is None:
            return super().why_no_answer(item)
        if isinstance(given, dict):
            return "the readers say that it cannot be assessed"
        if self.target.kind == TargetKind.TIME_TO_EVENT:
            is_time = isinstance(given, int | float) and given > 0
            return (
                "whether the event happened has no answer" if is_time else "the time is not above 0"
            )
        if self.target.question in disputed:
            return DISAGREEING
        return "the answer is no longer one of the question's"

    def _survival(self, time: Any, answers: Json) -> Json | None:
        event = answers.get(self.target.options["event_question"])
        if not isinstance(time, int | float) or time <= 0 or not isinstance(event, str):
            return None
        return {"time": time, "event": event == self.target.options["event_option"]}

    def learn(
        self,
        examples: dict[Split, Examples],
        *,
        seed: int,
        folder: Path,
        on_progress: OnProgress,
        start: Start,
        unlabeled: Examples | None = None,
    ) -> Learned:
        """From images without labels too, where there are any and the recipe says how."""
        architecture = self.architecture()
        try:
            encoder = self._encoder(examples[Split.TRAIN])
            trained = train_in(
                process_count(), config=self.config, task=self.task, architecture=architecture,
                training=self._samples(examples[Split.TRAIN], encoder),
                validation=self._samples(examples[Split.VALIDATION], encoder),
                unlabeled=None if unlabeled is None else self._samples(unlabeled, encoder),
                seed=seed, folder=folder, on_progress=on_progress, start=start,
            )  # fmt: skip
        except (Unlearnable, UnusableInput) as error:
            raise NotEnoughLabels(str(error)) from None
        return Learned(
            trained.network, trained.task.as_json(), architecture.as_json(), trained, encoder
        )

    def _encoder(self, training: Examples) -> ColumnEncoder | None:
        """Standardised by the training split alone."""
        return ColumnEncoder.fit(self.columns, training.rows) if self.columns else None

    def judge(
        self,
        learned: Learned,
        examples: dict[Split, Examples],
        rng: np.random.Generator,
        on_judged: OnJudged,
    ) -> Judged:
        held_out, test = examples[Split.VALIDATION], examples[Split.TEST]
        count = Count(len(held_out) + len(test), on_judged)
        validation = self.examined(learned, held_out, count)
        thresholds: tuple[float, ...] = ()
        if len(validation):
            thresholds = thresholds_of(
                learned.trained.task, validation.truth, validation.predictions, validation.patients
            )
        tested = self.tested(learned, test, thresholds, count)
        return Judged(figures(tested.examined, rng), thresholds, tested)

    def tested(
        self, learned: Learned, test: Examples, thresholds: tuple[float, ...], count: Count
    ) -> Results:
        found = self.examined(learned, test, count)
        return Results(test.cases, replace(found, thresholds=thresholds))

    def examined(
        self, learned: Learned, examples: Examples, count: Callable[[int], None]
    ) -> Examined:
        """What is true of the examples and what the network says of them."""
        task: Task = learned.trained.task
        said = self._predictions(learned, examples, count) if len(examples) else np.zeros((0, 0))
        return examined(task, task.encode(examples.labels), said, examples.patients)

    def foresee(
        self,
        learned: Learned,
        loaded: Iterable[tuple[Any, Any]],
        excluded: dict[UUID, str],
        *,
        is_suggested: bool,
    ) -> Iterator[Foreseen]:
        del excluded, is_suggested  # the answers follow from the values
        asked: deque[list[Any]] = deque()

        def blocks() -> Iterator[Block]:
            source = iter(loaded)
            while batch := list(islice(source, self.block_size)):
                asked.append([chosen for chosen, _ in batch])
                rows = [chosen.row for chosen in asked[-1]] if learned.columns else []
                yield Block([image for _, image in batch], encoded(learned.columns, rows))

        members = Members([learned.network], passes=self.passes)
        task: Task = learned.trained.task
        for found in predict_each(members, blocks(), task, self.config, choose_device()):
            values = found.mean.tolist()
            for row, chosen in enumerate(asked.popleft()):
                each = found.members[:, row] if self.passes else None
                yield Foreseen(chosen.case_id, values[row], members=each)

    def pool(self, found: Sequence[Foreseen]) -> Pool:
        members = None
        if self.passes:
            members = np.stack([one.members for one in found], axis=1)
        values = np.asarray([one.values for one in found])
        if self.target.kind in NUMBERS:
            numbers = None if members is None else members[:, :, 0]
            return Pool(members=numbers, components={"value": values[:, 0]})
        return Pool(
            probabilities=values, members=members, classes=tuple(self.classes),
            answers="many" if self.target.kind == TargetKind.MANY else "one",
        )  # fmt: skip

    def labeled(self, examples: dict[Split, Examples]) -> Labeled:
        return Labeled(labels=self.task.encode(examples[Split.TRAIN].labels))

    def balance(self, items: Sequence[DatasetItem]) -> Labeled:
        self.look_up(items)
        return self._classes([self.answer(item) for item in items])

    def _classes(self, answers: Sequence[Any]) -> Labeled:
        return Labeled(labels=self.task.encode([one for one in answers if one is not None]))

    def _samples(self, examples: Examples, encoder: ColumnEncoder | None) -> Samples:
        return Samples(
            examples.images, self.task.encode(examples.labels), encoded(encoder, examples.rows)
        )

    def _predictions(
        self, learned: Learned, examples: Examples, count: Callable[[int], None]
    ) -> NDArray[np.float64]:
        size = self.block_size
        blocks = (
            Block(
                list(examples.images[start : start + size]),
                encoded(learned.columns, examples.rows[start : start + size]),
            )
            for start in range(0, len(examples), size)
        )
        found = predict(
            Members([learned.network]), blocks, learned.trained.task, self.config, choose_device(),
            on_predicted=count,
        )  # fmt: skip
        return found.mean


def encoded(encoder: ColumnEncoder | None, rows: Sequence[Row]) -> NDArray[np.float32] | None:
    """(n, width) standardised columns, None for a network that reads none."""
    return encoder.encode_all(rows) if encoder else None


def learned_axes(spec: InputSpec | None) -> int:
    """How many axes an image has."""
    return spec.spatial if spec else 2
