"""Targets with one answer per case that readers give to a series: to the one that the input chooses first."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any
from uuid import UUID

from annotation.datasets.formats.base import Read
from annotation.datasets.models import DatasetItem
from annotation.labeling.agreement import consensus, disputed
from annotation.labeling.schemas import fitting_answers, fitting_answers_on_series
from learning.acquisition.pool import Labeled
from learning.models import TargetKind
from learning.pipeline.answers import Answers
from learning.pipeline.base import Foreseen, Json, Learned
from learning.pipeline.reads import ReadAhead
from learning.training.preparation import UnusableInput
from learning.volumes import ChosenSeries


class SeriesAnswers(Answers):
    """One network for the whole image of a series."""

    def look_up(self, items: Sequence[DatasetItem]) -> None:
        """Nothing: the reads themselves tell their schemas."""

    def answer(self, item: DatasetItem) -> Any:
        """Which reads there are: what they say of the series is known once that is chosen."""
        return item.revision_ids or None

    def label(self, chosen: ChosenSeries, item: DatasetItem, image: Any, reads: ReadAhead) -> Any:
        """What the readers agreed on for the first channel's series. Raises UnusableInput."""
        del image
        given = reads.of(item)
        found = self._known(chosen, given)
        if found is None:
            each = self._answers(chosen, given)
            agreed = consensus(self.schema, each, "series")
            raise UnusableInput(
                self.why_unknown(item, agreed, disputed(self.schema, each, "series"))
            )
        return found

    def balance(self, items: Sequence[DatasetItem]) -> Labeled:
        reads, item_of = ReadAhead(items), {item.case.study_id: item for item in items}
        chosen = self.inputs.choose([item.case for item in items], {})
        return self._classes([self._known(one, reads.of(item_of[one.study_id])) for one in chosen])

    def _known(self, chosen: ChosenSeries, reads: Sequence[Read]) -> Any:
        """What the reads teach of the first channel's series; None where that is nothing."""
        each = self._answers(chosen, reads)
        known = self.known_answer(consensus(self.schema, each, "series"))
        if known is None or self.target.kind != TargetKind.MANY:
            return known
        schemas = [read.schema for read in reads]
        return self.as_settled(known, schemas, disputed(self.schema, each, "series"))

    def _answers(self, chosen: ChosenSeries, reads: Sequence[Read]) -> list[Json]:
        """What each reader said of the study and of the first channel's series."""
        uid = series_of(chosen)
        return [
            fitting_answers(self.schema, read.content)
            | fitting_answers_on_series(self.schema, read.content, uid)
            for read in reads
        ]

    def foresee(
        self,
        learned: Learned,
        loaded: Iterable[tuple[Any, Any]],
        excluded: dict[UUID, str],
        *,
        is_suggested: bool,
    ) -> Iterator[Foreseen]:
        """Each with the series that it speaks of."""
        series: dict[Any, str] = {}

        def noted() -> Iterator[tuple[Any, Any]]:
            for chosen, image in loaded:
                series[chosen.case_id] = series_of(chosen)
                yield chosen, image

        for found in super().foresee(learned, noted(), excluded, is_suggested=is_suggested):
            yield replace(found, content={"series_instance_uid": series.pop(found.case_id)})


def series_of(chosen: ChosenSeries) -> str:
    """The Series Instance UID of the first channel."""
    return str(next(iter(chosen.series.values())).series_instance_uid)
