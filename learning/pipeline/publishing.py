"""The end of a round: model, predictions, ranking, all at once."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from uuid import UUID

from django.db import transaction

from annotation.core import jobs
from annotation.core.locks import wait_for_locks
from annotation.labeling.services.deletion import hold_cases
from learning.acquisition import reasons
from learning.models import ModelVersion, Prediction, Round
from learning.pipeline.base import Foreseen, Json, Judged, Learned
from learning.pipeline.ranking import Place
from learning.services import asking, model_versions, scorings, shards, test_results, unlabeled
from learning.services.trackers import ring_trackers
from learning.stored_models import next_number


@dataclass(frozen=True)
class Finished:
    """What a round found; `order` is in the order of `foreseen`.

    What was drawn is not here: of a large pool it is more than memory holds. It lies in the round's shards.
    """

    judged: Judged
    learned: Learned
    classes: list[str]
    config: Json
    foreseen: Sequence[Foreseen]
    order: Sequence[Place]
    training_labels: int
    weights_sha256: str
    unusable: Mapping[UUID, str]  # cases, and why


@transaction.atomic
def publish(round_: Round, finished: Finished) -> None:
    """Model, predictions, ranking and the round's end: all of it or nothing, once."""
    wait_for_locks()
    locked = Round.ownership(round_).select_for_update().first()
    if locked is None:
        raise jobs.JobFenced(str(round_.pk))
    jobs.report(round_, step="publish")
    finished = _of_what_is_there(finished)
    judged = finished.judged
    Round.ownership(round_).update(
        metrics=judged.metrics, training_labels=finished.training_labels,
        ranked_cases=len(finished.order),
    )  # fmt: skip
    round_.metrics = judged.metrics
    version = _model_version(round_, finished)  # holds the target's row: first of all
    _keep_predictions(round_, version, finished)
    unlabeled.leave_off(round_)
    scorings.keep_excluded(version=version, excluded=finished.unusable, since=round_.started_at)
    if judged.results is not None:
        test_results.keep(version=version, results=judged.results)
    if model_versions.consider(version).may_order:
        asking.ask(round_.target, [one.asked for one in finished.foreseen])
    round_.shards.all().delete()
    jobs.finish(round_, jobs.JobState.COMPLETED)
    ring_trackers(round_)


def _of_what_is_there(finished: Finished) -> Finished:
    """Without cases that were deleted since the network looked at them."""
    there = hold_cases([one.case_id for one in finished.foreseen])
    rows = [n for n, one in enumerate(finished.foreseen) if one.case_id in there]
    if len(rows) == len(finished.foreseen):
        return finished
    return replace(
        finished,
        foreseen=[finished.foreseen[n] for n in rows],
        order=[finished.order[n] for n in rows],
    )


def _model_version(round_: Round, finished: Finished) -> ModelVersion:
    target, judged, learned = round_.target, finished.judged, finished.learned
    return ModelVersion.objects.create(
        target=target, round=round_, number=next_number(target), weights_sha256=finished.weights_sha256,
        classes=finished.classes, threshold=judged.metrics.get("threshold"),
        thresholds=list(judged.thresholds), task=learned.task, architecture=learned.architecture,
        config=finished.config, input=round_.input,
        columns=learned.columns.as_json() if learned.columns else {},
    )  # fmt: skip


def _keep_predictions(round_: Round, version: ModelVersion, finished: Finished) -> None:
    """As they lie in the shards, one shard after the other, each with the place that its case was given."""
    places = zip(finished.foreseen, finished.order, strict=True)
    place_of = {one.case_id: place for one, place in places}
    for shard in shards.each_of(round_):
        found = map(Foreseen.from_json, shard.found)
        Prediction.objects.bulk_create(
            [
                _prediction(version, one, place_of[one.case_id])
                for one in found
                if one.case_id in place_of
            ],
            batch_size=2000,
        )


def _prediction(version: ModelVersion, one: Foreseen, place: Place) -> Prediction:
    return Prediction(
        model_version=version, case_id=one.case_id, values=one.values, content=one.content,
        components={**one.components, **place.components}, propensity=place.propensity,
        score=place.score, reason=place.reason[:200],
        words=reasons.words_of(place.reason, version.target.question),
    )  # fmt: skip
