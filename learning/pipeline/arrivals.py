"""Predicts and ranks cases outside of a round with a model version as it is stored."""

import time
from collections.abc import Sequence
from copy import copy
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from annotation.core import jobs
from annotation.datasets import services as datasets
from annotation.datasets.models import Dataset, Split, SplitPolicy
from annotation.datasets.splitter import Splitter
from annotation.labeling.models import Case, CaseState, Project
from annotation.labeling.services.ranking import Ranked
from learning.acquisition import reasons
from learning.acquisition.names import strategy_with
from learning.acquisition.pool import NOTHING_LABELED, Labeled, of_classes
from learning.acquisition.strategies import STRATEGIES, rank
from learning.column_values import current_rows, with_rows
from learning.kinds import learned_classes
from learning.machine import FILES_ELSEWHERE
from learning.models import ModelVersion, Prediction, Scoring
from learning.pipeline.base import Foreseen, Kind, Learned, NotEnoughLabels
from learning.pipeline.kinds import kind_of
from learning.pipeline.scoring import cases_without_files
from learning.services import ordering, scorings
from learning.stored_models import load_network, schema_of

Floats = NDArray[np.float64]
TELL_S = 1.0
MIN_REFERENCE = 10  # scores of the pool that a place is looked up among


def score_part(part: Scoring) -> None:
    """Predict the part's cases and give them their places in the worklist.

    Cases whose files this machine lacks are not judged: the part fails for them, and is asked for again
    by hand.
    """
    version = ModelVersion.objects.select_related("target__project", "round__dataset__schema").get(
        pk=part.model_version_id
    )
    jobs.report(part, step="load", done=0, total=len(part.case_ids))
    kind = _kind_of(version)
    learned = learned_of(kind, version)
    training, held_out = _split(part, kind)
    excluded: dict[UUID, str] = {}
    pool = _foreseen(part, kind, learned, training, excluded, 0, is_suggested=True)
    others = _foreseen(part, kind, learned, held_out, excluded, len(training), is_suggested=False)
    # A retry draws the same numbers, another part its own.
    rng = np.random.default_rng([version.number, part.pk.int])
    predictions, ranked = _placed(version, kind, pool, others, rng)
    elsewhere = cases_without_files(excluded)
    scorings.keep(
        part=part, predictions=predictions, ranked=ranked,
        excluded={str(case): why for case, why in excluded.items() if case not in elsewhere},
        asked=[one.asked for one in pool], error=FILES_ELSEWHERE if elsewhere else "",
    )  # fmt: skip


def learned_of(kind: Kind, version: ModelVersion) -> Learned:
    """The version's network, as a round of its kind would have learned it. Raises as `load_network` does."""
    return kind.restored(
        load_network(version),
        {
            "task": version.task, "architecture": version.architecture, "columns": version.columns,
            "thresholds": version.thresholds,
        },
    )  # fmt: skip


def _kind_of(version: ModelVersion) -> Kind:
    """As the version was learned; one from elsewhere answers the questions of today, in its own order."""
    schema = schema_of(version)
    if schema is None:
        raise NotEnoughLabels("The project has no questions any more.")
    target = copy(version.target)
    target.input = version.input
    found = kind_of(target, schema, version.config, _strategy_of(version), 0)
    if version.round is None:
        found.answer_in_order_of(version.classes)
    return found


def _strategy_of(version: ModelVersion) -> str:
    """That of its round, whose places these cases stand among, whatever the next round will use.

    One from elsewhere may have no dropout, as this target's strategy needs it.
    """
    strategy = version.round.strategy if version.round else version.target.strategy
    dropout = version.architecture.get("dropout", 0.0)
    return strategy_with(dropout, strategy, version.target.kind)


def _split(part: Scoring, kind: Kind) -> tuple[list[Case], list[Case]]:
    """Cases that are still open: those of training, and those that no model may choose."""
    splitter = Splitter(_policy(part, kind.target.project))
    cases = (
        Case.objects.filter(pk__in=part.case_ids, state=CaseState.OPEN)
        .select_related("study", "project")
        .defer("study__dicom_json")
        .order_by("study__study_instance_uid")
    )
    found: tuple[list[Case], list[Case]] = ([], [])
    for case in cases:
        is_held_out = splitter.split(splitter.patient_key(case)) != Split.TRAIN
        found[is_held_out].append(case)
    return found


def _policy(part: Scoring, project: Project) -> SplitPolicy:
    """Regrouped by the pictures that came, once for all parts of a request: copies may be among them."""
    others = Scoring.objects.filter(batch=part.batch).exclude(pk=part.pk)
    is_first = not others.exclude(state=jobs.JobState.PENDING).exists()
    return datasets.regrouped_policy(project) if is_first else datasets.policy_of(project)


def _foreseen(
    part: Scoring, kind: Kind, learned: Learned, cases: list[Case], excluded: dict[UUID, str],
    before: int, *, is_suggested: bool,
) -> list[Foreseen]:  # fmt: skip
    chosen = with_rows(
        kind.inputs.choose(cases, excluded),
        current_rows(kind.target.project, cases, kind.columns), kind.columns, excluded,
    )  # fmt: skip
    found: list[Foreseen] = []
    told = time.monotonic()
    loaded = kind.inputs.load(chosen, excluded)
    for one in kind.foresee(learned, loaded, excluded, is_suggested=is_suggested):
        found.append(one)
        if time.monotonic() - told >= TELL_S:
            told = time.monotonic()
            jobs.report(part, step="score", done=before + len(found), total=len(part.case_ids))
    jobs.report(part, step="score", done=before + len(cases), total=len(part.case_ids))
    return found


def _placed(
    version: ModelVersion,
    kind: Kind,
    pool: Sequence[Foreseen],
    others: Sequence[Foreseen],
    rng: np.random.Generator,
) -> tuple[list[Prediction], list[Ranked]]:
    """Places among the cases that the version has ranked before, at random where it has no say."""
    scores = np.asarray(scorings.scores_of(version))
    predictions: list[Prediction] = []
    own = np.zeros(0)
    if pool:
        picks, own = _ranked(version, kind, pool, scores, rng)
        scores = np.concatenate([scores, own])
        predictions = [
            _prediction(version, one, score, reason, components)
            for one, (score, reason, components) in zip(pool, picks, strict=True)
        ]
    predictions += [_prediction(version, one, None, reasons.HELD_OUT, {}) for one in others]
    priorities = [
        *ordering.priorities_of(own, scores).tolist(),
        *ordering.held_out_priorities(
            len(others), ordering.priorities_of(scores, scores), rng
        ).tolist(),
    ]
    ranking = ordering.ranking_of(version)
    ranked = [
        Ranked(one.case_id, ranking, one.reason, one.words, priority)
        for one, priority in zip(predictions, priorities, strict=True)
    ]
    return predictions, ranked


def _ranked(
    version: ModelVersion, kind: Kind, pool: Sequence[Foreseen], before: Floats,
    rng: np.random.Generator,
) -> tuple[list[tuple[float, str, dict[str, float]]], Floats]:  # fmt: skip
    """By case of the pool: score, reason and components; and all scores.

    A strategy with a measure scores every case by itself. One without orders these cases alone: they
    spread over the scores that the version has given before.
    """
    strategy = STRATEGIES[_strategy_of(version)]
    learned = learned_classes(version.task, kind.classes)
    seen, labeled = of_classes(kind.pool(pool), _labeled(version, kind), learned)
    ranking = rank(strategy, seen, rng, labeled)
    if strategy.measure is not None:
        scores = np.asarray(strategy.measure(seen, labeled), np.float64)
    else:
        places = np.empty(len(pool))
        places[ranking.order] = np.linspace(1, 0, len(pool) + 2)[1:-1]
        scores = np.quantile(before, places) if len(before) >= MIN_REFERENCE else places
    found: list[tuple[float, str, dict[str, float]]] = [(0.0, "", {})] * len(pool)
    for pick in ranking.picks:
        found[pick.row] = (float(scores[pick.row]), pick.reason, dict(pick.components))
    return found, scores


def _labeled(version: ModelVersion, kind: Kind) -> Labeled:
    """What the version learned from, of one from elsewhere the newest frozen labels: how rare each is."""
    target = version.target
    dataset = version.round.dataset if version.round else None
    dataset = dataset or Dataset.objects.filter(project=target.project).order_by("-number").first()
    if dataset is None:
        return NOTHING_LABELED
    items = dataset.items.filter(split=Split.TRAIN).select_related("case__study")
    return kind.balance(list(items.defer("case__study__dicom_json")))


def _prediction(
    version: ModelVersion, one: Foreseen, score: float | None, reason: str,
    components: dict[str, float],
) -> Prediction:  # fmt: skip
    return Prediction(
        model_version=version, case_id=one.case_id, values=one.values, content=one.content,
        components={**one.components, **components}, score=score, reason=reason[:200],
        words=reasons.words_of(reason, version.target.question),
    )  # fmt: skip
