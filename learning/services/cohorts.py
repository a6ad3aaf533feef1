"""The cases that an encoder has embedded, with all that no read changes, kept in memory between refits.

Among a hundred thousand cases, reading the vectors and dividing the patients was most of a refit.
"""

import threading
from collections import OrderedDict
from dataclasses import dataclass
from functools import cached_property
from uuid import UUID

import numpy as np
from django.db.models import Count, Sum
from numpy.typing import NDArray

from annotation.archive.models import Study
from annotation.datasets import services as datasets
from annotation.datasets.models import Split
from annotation.datasets.splitter import SplitRule, Splitter
from annotation.labeling.models import Case
from learning.models import Embedding, EncoderVersion
from learning.services.embeddings import Space, load_space
from learning.services.seen import studies_seen_by

KEPT_BYTES = 512 * 2**20  # of vectors in one process: those of half a million cases
CHUNK = 20_000


@dataclass(frozen=True)
class Cohort:
    """Rows are those of the space, whose vectors nobody may change."""

    space: Space
    patients: NDArray[np.str_]  # (n,) pseudonyms
    splits: NDArray[np.str_]  # (n,); empty of held-out patients whom the encoder has seen

    @cached_property
    def row_of(self) -> dict[UUID, int]:
        return {case: row for row, case in enumerate(self.space.cases)}


@dataclass(frozen=True)
class _Stamp:
    """What a cohort was made of. Vectors are added or deleted, never changed."""

    vectors: tuple[int, int]  # how many, and the sum of their ids
    rule: SplitRule


def cohort_of(encoder: EncoderVersion) -> Cohort:
    """The cohort as it is now."""
    splitter = Splitter(datasets.policy_of(encoder.project))
    found = Embedding.objects.filter(encoder=encoder, vector__isnull=False).aggregate(
        count=Count("pk"), ids=Sum("pk")
    )
    stamp = _Stamp((found["count"], found["ids"] or 0), splitter.rule)
    kept = _KEPT.get(encoder.pk, stamp)
    if kept is None:
        kept = _loaded(encoder, splitter)
        _KEPT.put(encoder.pk, stamp, kept)
    return kept


class _Kept:
    """The cohorts that this process used last, as long as their vectors fit together."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._cohorts: OrderedDict[UUID, tuple[_Stamp, Cohort]] = OrderedDict()

    def get(self, encoder_id: UUID, stamp: _Stamp) -> Cohort | None:
        with self._lock:
            known = self._cohorts.pop(encoder_id, None)
            if known is None or known[0] != stamp:
                return None
            self._cohorts[encoder_id] = known
            return known[1]

    def put(self, encoder_id: UUID, stamp: _Stamp, cohort: Cohort) -> None:
        with self._lock:
            self._cohorts[encoder_id] = (stamp, cohort)
            while self._size() > KEPT_BYTES:
                self._cohorts.popitem(last=False)

    def _size(self) -> int:
        return sum(cohort.space.vectors.nbytes for _, cohort in self._cohorts.values())


_KEPT = _Kept()


def _loaded(encoder: EncoderVersion, splitter: Splitter) -> Cohort:
    """A case that is deleted meanwhile has no patient and is in no split."""
    space = load_space(encoder)
    space.vectors.flags.writeable = False
    pseudonym_of = {
        case: splitter.pseudonym(patient, study)
        for case, patient, study in Case.objects.filter(project=encoder.project_id)
        .values_list("pk", "study__patient_id", "study__study_instance_uid")
        .iterator(chunk_size=CHUNK)
    }
    seen = _groups_seen(encoder, splitter)
    split_of = {each: _split_of(each, splitter, seen) for each in set(pseudonym_of.values())}
    patients = [pseudonym_of.get(case, "") for case in space.cases]
    splits = [split_of.get(patient, "") for patient in patients]
    return Cohort(space, np.asarray(patients, np.str_), np.asarray(splits, np.str_))


def _groups_seen(encoder: EncoderVersion, splitter: Splitter) -> set[str]:
    """The first of the group of each patient whom the encoder has learned from."""
    known = Study.objects.filter(pk__in=studies_seen_by(encoder) or ())
    return {
        splitter.leader(splitter.pseudonym(patient, study))
        for patient, study in known.values_list("patient_id", "study_instance_uid")
    }


def _split_of(pseudonym: str, splitter: Splitter, seen: set[str]) -> str:
    """None for a held-out patient who was found to be a copy of one that taught the encoder: a head on its
    vectors must not be measured there.
    """
    split = splitter.split(pseudonym)
    is_known = split != Split.TRAIN and splitter.leader(pseudonym) in seen
    return "" if is_known else str(split)
