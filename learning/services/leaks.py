"""Whether weights to start from have learned from patients who measure the models of a project.

Every project divides its patients with a key of its own, so those who teach in one may be test
patients of another. Of weights from outside (files, hubs, bundles) nothing is known.
"""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from annotation.archive.models import Study
from annotation.core.errors import InvalidInput
from annotation.datasets import services as datasets
from annotation.datasets.likeness import Picture, find_hashed, first_of_alike, is_acquired
from annotation.datasets.models import DatasetItem, Split
from annotation.datasets.splitter import Splitter
from annotation.labeling.models import Case, Project
from learning.models import EncoderVersion, ModelVersion, Round
from learning.services.seen import studies_seen_by
from learning.services.unlabeled import has_learned_unlabeled

BY_DATASET = (Split.TRAIN, Split.VALIDATION)


@dataclass
class Seen:
    """Studies that weights have learned from, or were chosen by, in whatever project."""

    train: set[UUID] = field(default_factory=set)
    validation: set[UUID] = field(default_factory=set)


def refuse_leaks(*, project: Project, start: dict[str, Any]) -> None:
    """Raises InvalidInput where the weights know held-out patients of the project."""
    count = len(leaked_patients(project=project, start=start)) if start else 0
    if count:
        raise InvalidInput(
            f"start: these weights, or weights that they began from, have learned from {count} of "
            "the patients who are held out from training here; the figures would be too good.",
            field="start", leaked_patients=count,
        )  # fmt: skip


def leaked_patients(*, project: Project, start: dict[str, Any]) -> set[str]:
    """Pseudonyms of the project's held-out patients whom the weights have seen.

    Test patients may not have chosen the weights either, so those of validation count there too. A
    patient is known by PatientID, by a study or by a picture.
    """
    seen = _seen(start)
    by_split: dict[Split, dict[UUID, str]] = {split: {} for split in Split}
    splitter = Splitter(datasets.policy_of(project))
    cases = Case.objects.filter(project=project).values_list(
        "study_id", "study__patient_id", "study__study_instance_uid"
    )
    for study, patient, uid in cases.iterator(chunk_size=2000):
        pseudonym = splitter.pseudonym(patient, uid)
        by_split[splitter.split(pseudonym)][study] = pseudonym
    own = {study for studies in by_split.values() for study in studies}
    found = _shared(by_split[Split.TEST], seen.train | seen.validation, own)
    return found | _shared(by_split[Split.VALIDATION], seen.train, own)


def _seen(start: dict[str, Any]) -> Seen:
    """Along the whole chain of starts."""
    seen = Seen()
    for source in _chain(start):
        if isinstance(source, EncoderVersion):
            seen.train |= _taught_unlabeled(source, source.project)
            continue
        assert source.round is not None  # noqa: S101  for the type checker
        if has_learned_unlabeled(source.metrics):
            seen.train |= _taught_unlabeled(source.round, source.target.project)
        items = DatasetItem.objects.filter(dataset=source.round.dataset, split__in=BY_DATASET)
        for split, study in items.values_list("split", "case__study_id"):
            (seen.train if split == Split.TRAIN else seen.validation).add(study)
    return seen


def _chain(start: dict[str, Any]) -> Iterator[ModelVersion | EncoderVersion]:
    """The models and pre-trained networks that begin one from the other, as far as rounds tell."""
    while start:
        if encoder := start.get("encoder"):
            yield EncoderVersion.objects.defer("content").get(pk=encoder)
            return
        if "model_version" not in start:
            return
        version = ModelVersion.objects.select_related("round", "target__project").get(
            pk=start["model_version"]
        )
        if version.round is None:
            return
        yield version
        start = version.round.start


def _taught_unlabeled(job: EncoderVersion | Round, project: Project) -> set[UUID]:
    noted = studies_seen_by(job)
    return _taught_until(project, job.finished_at) if noted is None else noted


def _taught_until(project: Project, moment: datetime | None) -> set[UUID]:
    """The studies that may have taught before it was noted which did: of patients who are in training now, or
    were before anybody knew whom they look like.
    """
    splitter = Splitter(datasets.policy_of(project))
    cases = Case.objects.filter(project=project, created_at__lte=moment)
    rows = cases.values_list("study_id", "study__patient_id", "study__study_instance_uid")
    return {
        study
        for study, patient, uid in rows.iterator(chunk_size=2000)
        if Split.TRAIN in _now_and_alone(splitter, splitter.pseudonym(patient, uid))
    }


def _now_and_alone(splitter: Splitter, pseudonym: str) -> tuple[Split, Split]:
    return splitter.split(pseudonym), splitter.split_alone(pseudonym)


def _shared(held_out: dict[UUID, str], seen: set[UUID], own: set[UUID]) -> set[str]:
    """The pseudonyms of held-out studies that belong to a patient of the seen ones."""
    known = Study.objects.filter(pk__in=seen)
    patients = set(known.exclude(patient_id="").values_list("patient_id", flat=True))
    uids = set(known.values_list("study_instance_uid", flat=True))
    found = {
        study
        for study, patient, uid in Study.objects.filter(pk__in=held_out).values_list(
            "pk", "patient_id", "study_instance_uid"
        )
        if patient in patients or uid in uids
    }
    # In a project of its own, patients who look alike are kept together as far as it wants.
    return {held_out[study] for study in found | _alike(set(held_out), seen - own)}


def _alike(held_out: set[UUID], seen: set[UUID]) -> set[UUID]:
    """The held-out studies of patients who show nearly the same picture as a seen one under another name."""
    if not seen:
        return set()
    studies: dict[str, set[UUID]] = defaultdict(set)  # by patient
    pictures = []
    rows = find_hashed().filter(series__study_id__in=held_out | seen).order_by("pk")
    for study, patient, content, is_image in rows.values_list(
        "series__study_id", "series__study__patient_id", "image_hash", is_acquired()
    ):
        name = patient or str(study)
        studies[name].add(study)
        pictures.append(Picture(name, bytes(content or b""), is_image))
    groups: dict[str, set[UUID]] = defaultdict(set)
    for name, first in first_of_alike(pictures).items():
        groups[first] |= studies[name]
    return {study for group in groups.values() if group & seen for study in group & held_out}
