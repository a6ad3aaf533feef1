"""Targets with one answer per case that readers give to a series: to the one that the input chooses first."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

from annotation.datasets.formats.base import reads_of_items
from annotation.datasets.models import DatasetItem
from annotation.labeling.agreement import consensus
from annotation.labeling.schemas import fitting_answers_on_series
from learning.pipeline.answers import Answers
from learning.pipeline.base import Foreseen, Learned
from learning.training.preparation import UnusableInput
from learning.volumes import ChosenSeries


class SeriesAnswers(Answers):
    """One network for the whole image of a series."""

    def answer(self, item: DatasetItem) -> Any:
        """Which reads there are: what they say of the series is known once that is chosen."""
        return item.revision_ids or None

    def label(self, chosen: ChosenSeries, item: DatasetItem, image: Any) -> Any:
        """What the readers agreed on for the first channel's series. Raises UnusableInput."""
        del image
        uid = series_of(chosen)
        reads = [
            fitting_answers_on_series(self.schema, read.content, uid)
            for read in reads_of_items([item])
        ]
        answers = consensus(self.schema, reads, "series")
        found = self.known_answer(answers)
        if found is None:
            raise UnusableInput(self.why_unknown(item, answers))
        return found

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
