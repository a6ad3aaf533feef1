"""Predicts the pool of a round in shards: by the round's own worker, and by any other that is free."""

import logging
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any
from uuid import UUID

from django.conf import settings

from annotation.archive import selectors as archive
from annotation.core import jobs, wording
from annotation.datasets import services as datasets
from annotation.datasets.models import Split
from annotation.datasets.splitter import Splitter
from annotation.imaging.frames import FILE_MISSING
from annotation.labeling.models import Case, CaseState
from learning.column_values import current_rows, with_rows
from learning.machine import FilesElsewhere
from learning.models import Round, Shard
from learning.pipeline.base import Foreseen, Kind, Learned
from learning.pipeline.kinds import kind_of_round
from learning.services import shards
from learning.services.shards import Part
from learning.stored_models import stored_network, weights_folder
from learning.training.checkpoint import save_weights

Json = dict[str, Any]
logger = logging.getLogger(__name__)
TELL_S = 1.0
WAIT_S = 0.5
HELP_S = 60.0  # then the message goes to the end of the queue: other jobs wait there too


def score_pool(
    round_: Round, kind: Kind, learned: Learned, excluded: dict[UUID, str]
) -> list[tuple[Foreseen, bool]]:
    """What the network says of every open case but for what it draws, and whether the split holds it out.

    This worker takes one shard after the other, as every helper does; where it is alone it does them
    all. What a killed attempt had kept is not done again.
    """
    weights_sha256 = save_weights(learned.network, weights_folder())
    scorer = {"weights_sha256": weights_sha256, **learned.records}
    size = settings.SCORING_SHARD_CASES or kind.shard_size
    shards.divide(round_=round_, scorer=scorer, parts=list(_parts(round_, size)))
    tell = _Teller(round_)
    while not shards.are_all_done(round_):
        shard = shards.claim_next(round_.pk)
        if shard is None:
            time.sleep(WAIT_S)  # the others are at the last ones
        else:
            _score_own(round_, shard, kind, learned, tell)
        tell()
    tell.now()
    return _gathered(round_, excluded)


def help_score(round_id: str) -> None:
    """Take shards of another worker's round for a while."""
    until = time.monotonic() + HELP_S
    known: tuple[Kind, Learned] | None = None
    while time.monotonic() < until:
        shard = shards.claim_next(round_id)
        if shard is None:
            return
        try:
            with jobs.heartbeat(shard):
                known = known or _restored(shard.round)
                found, excluded = _predict(shard, *known, lambda: None)
                if cases_without_files(excluded):
                    raise FilesElsewhere
                shards.keep(shard=shard, found=found, excluded=_by_text(excluded))
        except (jobs.JobFenced, jobs.JobCancelled):
            return
        except jobs.JobPaused:
            shards.give_back(shard=shard)
            return
        except Exception as error:
            # This machine may lack what the round's own has: weights, files or memory.
            logger.exception("shard_given_back id=%s round=%s", shard.pk, round_id)
            shards.give_back(shard=shard, error=wording.error_of(error))
            return
    shards.ring_helpers(round_id)


def _score_own(
    round_: Round, shard: Shard, kind: Kind, learned: Learned, tell: Callable[[], None]
) -> None:
    try:
        with jobs.heartbeat(shard):
            found, excluded = _predict(shard, kind, learned, tell)
            shards.keep(shard=shard, found=found, excluded=_by_text(excluded))
        round_.note_kept()
    except jobs.JobPaused:
        shards.give_back(shard=shard)
        raise
    except jobs.JobFenced:
        # A helper has the shard now; raises where the round itself is lost too.
        jobs.report(round_)


def _predict(
    shard: Shard, kind: Kind, learned: Learned, tell: Callable[[], None]
) -> tuple[list[Json], dict[UUID, str]]:
    """What the network says of the shard's usable cases, and why the others are excluded."""
    cases = list(
        Case.objects.filter(pk__in=shard.case_ids)
        .select_related("study")
        .defer("study__dicom_json")
        .order_by("study__study_instance_uid")
    )
    excluded: dict[UUID, str] = {}
    found: list[Json] = []
    told = time.monotonic()
    chosen = with_rows(
        kind.inputs.choose(cases, excluded),
        current_rows(kind.target.project, cases, kind.columns), kind.columns, excluded,
    )  # fmt: skip
    loaded = kind.inputs.load(chosen, excluded)
    for one in kind.foresee(learned, loaded, excluded, is_suggested=not shard.is_held_out):
        found.append(one.as_json())
        if time.monotonic() - told >= TELL_S:
            shards.tell(shard, len(found))
            tell()
            told = time.monotonic()
    return found, excluded


def cases_without_files(excluded: Mapping[UUID, str]) -> set[UUID]:
    """Those of which this machine lacked a stored file that it had to read, so that it cannot judge them.

    By the reasons alone: others need no look at their files, which may be millions.
    """
    return {case for case, why in excluded.items() if why == FILE_MISSING}


def _by_text(excluded: dict[UUID, str]) -> dict[str, str]:
    return {str(case): reason for case, reason in excluded.items()}


def _parts(round_: Round, size: int) -> Iterator[Part]:
    """Held-out cases apart, because the network must not have a say in the labels that measure it.

    Studies that are still arriving are left to `scorings.request_due`: a prediction is not made again.
    """
    target = round_.target
    splitter = Splitter(datasets.regrouped_policy(target.project))
    cases = (
        Case.objects.filter(
            ~archive.is_arriving("study"), project=target.project, state=CaseState.OPEN
        )
        .select_related("study")
        .defer("study__dicom_json")
        .order_by("study__study_instance_uid")
    )
    by_split: dict[bool, list[UUID]] = {False: [], True: []}
    for case in cases.iterator(chunk_size=2000):
        is_held_out = splitter.split(splitter.patient_key(case)) != Split.TRAIN
        by_split[is_held_out].append(case.pk)
    for is_held_out, ids in by_split.items():
        for start in range(0, len(ids), size):
            yield Part(ids[start : start + size], is_held_out)


def _restored(round_: Round) -> tuple[Kind, Learned]:
    """The round's kind and network as its own worker has them, from the row and the stored weights."""
    scorer, kind = round_.scorer, kind_of_round(round_)
    network = stored_network(scorer["architecture"], scorer["weights_sha256"])
    return kind, kind.restored(network, scorer)


def _gathered(round_: Round, excluded: dict[UUID, str]) -> list[tuple[Foreseen, bool]]:
    """What ranking asks of each case; what is drawn stays in the shards, for `publish` to take from there."""
    found: list[tuple[Foreseen, bool]] = []
    for shard in shards.each_of(round_):
        excluded |= {UUID(case): why for case, why in shard.excluded.items()}
        plain = (Foreseen.from_json({**one, "content": {}}) for one in shard.found)
        found += [(one, shard.is_held_out) for one in plain]
    return found


class _Teller:
    """Tells the round about once a second how far all workers are together."""

    def __init__(self, round_: Round) -> None:
        self._round, self._told = round_, 0.0
        self._began, (self._from, _) = time.monotonic(), shards.count_scored(round_)

    def __call__(self) -> None:
        if time.monotonic() - self._told >= TELL_S:
            self.now()

    def now(self) -> None:
        self._told = time.monotonic()
        done, total = shards.count_scored(self._round)
        figures = {"done": done, "total": total}
        if done > self._from:
            pace = (self._told - self._began) / (done - self._from)
            figures["seconds_left"] = round(pace * (total - done))
        jobs.report(self._round, step="score", **figures)
