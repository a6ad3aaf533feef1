"""Targets with one answer per case that readers give to a series: to the one that the input chooses first."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from annotation.datasets.formats.base import Read
from annotation.datasets.models import DatasetItem
from annotation.labeling.agreement import consensus
from annotation.labeling.schemas import fitting_answers_on_series
from learning.acquisition.pool import Labeled
from learning.pipeline.answers import Answers
from learning.pipeline.base import Foreseen, Json, Learned
from learning.pipeline.reads import ReadAhead
from learning.training.preparation import UnusableInput
from learning.volumes import ChosenSeries


class SeriesAnswers(Answers):
    """One network for the whole image of a series."""

    def answer(self, item: DatasetItem) -> Any:
        """Which reads there are: what they say of the series is known once that is chosen."""
        return item.revision_ids or None

    def label(self, chosen: ChosenSeries, item: DatasetItem, image: Any, reads: ReadAhead) -> Any:
        """What the readers agreed on for the first channel's series. Raises UnusableInput."""
        del image
        answers = self._agreed(chosen, reads.of(item))
        found = self.known_answer(answers)
        if found is None:
            raise UnusableInput(self.why_unknown(item, answers))
        return found

    def balance(self, items: Sequence[DatasetItem]) -> Labeled:
        reads, item_of = ReadAhead(items), {item.case.study_id: item for item in items}
        chosen = self.inputs.choose([item.case for item in items], {})
        answers = [self._agreed(one, reads.of(item_of[one.study_id])) for one in chosen]
        return self._classes([self.known_answer(one) for one in answers])

    def _agreed(self, chosen: ChosenSeries, reads: Sequence[Read]) -> Json:
        """The common answers of readers for the first channel's series."""
        uid = series_of(chosen)
        each = [fitting_answers_on_series(self.schema, read.content, uid) for read in reads]
        return consensus(self.schema, each, "series")

    def foresee(
        self, learned: Learned, loaded: Iterable[tuple[Any, Any]], *, is_suggested: bool
    ) -> Iterator[Foreseen]:
        """Each with the series that it speaks of."""
        series: dict[Any, str] = {}

        def noted() -> Iterator[tuple[Any, Any]]:
            for chosen, image in loaded:
                series[chosen.case_id] = series_of(chosen)
                yield chosen, image

        for found in super().foresee(learned, noted(), is_suggested=is_suggested):
            yield replace(found, content={"series_instance_uid": series.pop(found.case_id)})


def series_of(chosen: ChosenSeries) -> str:
    """The Series Instance UID of the first channel."""
    return str(next(iter(chosen.series.values())).series_instance_uid)
