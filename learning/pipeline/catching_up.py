"""Measures the model in production on test cases that had no label when it was tested: what may replace
it is measured on them."""

import logging
from copy import copy
from pathlib import Path
from typing import Any
from uuid import UUID

from annotation.core import jobs
from annotation.datasets.models import Dataset, DatasetItem, Split
from learning.column_values import frozen_rows, with_rows
from learning.models import ModelVersion, Round
from learning.pipeline.arrivals import learned_of
from learning.pipeline.base import Count, Examples, Kind, Learned
from learning.pipeline.examples import ExampleReader, answered
from learning.pipeline.judging import teller
from learning.pipeline.kinds import kind_of
from learning.services import test_results
from learning.services.model_versions import production_of

log = logging.getLogger(__name__)


def catch_up(round_: Round, dataset: Dataset, folder: Path) -> None:
    """Keep what the production model says of the dataset's test cases beyond those that it was tested on.

    Of a model from elsewhere nobody knows whom it has learned from, so that it is left out; so is one that
    answers another question, or whose weights are gone.
    """
    version = production_of(round_.target)
    if version is None or version.round is None or "kind" not in version.metrics:
        return
    kind = _kind_of(version, dataset)
    if kind.classes != list(version.classes):
        return
    examples = _examples(round_, dataset, version, kind, folder)
    learned = _learned(kind, version) if len(examples) else None
    if learned is None:
        return
    count = Count(len(examples), teller(round_))
    found = kind.tested(learned, examples, tuple(version.thresholds), count)
    jobs.report(round_, step="evaluate", done=len(examples), total=len(examples))  # still the owner
    test_results.keep(version=version, results=found, later_round=round_)


def _kind_of(version: ModelVersion, dataset: Dataset) -> Kind:
    """Looks at images as the version does, and at answers as the dataset has them."""
    assert version.round is not None  # noqa: S101  for the type checker
    target = copy(version.target)
    target.input = version.input
    return kind_of(target, dataset.schema.schema, version.config, version.round.strategy, 0)


def _learned(kind: Kind, version: ModelVersion) -> Learned | None:
    try:
        return learned_of(kind, version)
    except (OSError, ValueError):
        log.warning("model %s cannot be measured on later test cases", version.pk, exc_info=True)
        return None


def _examples(
    round_: Round, dataset: Dataset, version: ModelVersion, kind: Kind, folder: Path
) -> Examples:
    """The dataset's test cases of which nothing is kept, but those that the version has learned from."""
    excluded: dict[UUID, str] = {}  # as to the version; the round counts its own
    items = answered(kind, _not_measured(dataset, version), excluded)
    chosen: list[Any] = with_rows(
        kind.inputs.choose([item.case for item in items.values()], excluded),
        frozen_rows(items.values(), kind.columns), kind.columns, excluded,
    )  # fmt: skip
    reader = ExampleReader(round_, kind, items, folder, excluded, len(chosen))
    return reader.read("later", chosen)


def _not_measured(dataset: Dataset, version: ModelVersion) -> Any:
    assert version.round is not None  # noqa: S101  for the type checker
    learned_from = DatasetItem.objects.filter(dataset=version.round.dataset_id).exclude(
        split=Split.TEST
    )  # patients may have been regrouped since
    return (
        dataset.items.filter(split=Split.TEST)
        .exclude(case__in=version.test_results.values("case_id"))
        .exclude(case__study__patient_id__in=learned_from.values("case__study__patient_id"))
    )
