"""Patients who show nearly the same picture go into the same split: a copy must not be tested on.

Copies reach a project under two names more often than one thinks: studies sent twice under different
pseudonyms, public collections that contain one another. Among 1,000 radiographs, 364 blood smears and 260
hippocampus crops of strangers the hashes pair one, one and none. A split that was prescribed stays.
"""

from collections.abc import Iterator
from uuid import UUID

from django.db import transaction
from django.db.models import Exists, OuterRef

from annotation.core import audit
from annotation.datasets.likeness import Picture, find_hashed, first_of_alike, is_acquired
from annotation.datasets.models import PatientGroup, Split, SplitPolicy
from annotation.datasets.splitter import Splitter
from annotation.labeling.models import AskedSlices, Case, CaseState, Suggestion
from annotation.labeling.services.asked import withdraw_asked_slices
from annotation.labeling.services.suggestions import withdraw_suggestions


@transaction.atomic
def regroup(policy: SplitPolicy) -> int:
    """Group the patients of the project by the pictures prepared by now; returns how many follow another.

    The first of a group by the arrival of its case leads it, so that what arrives later follows and does
    not move what is there.
    """
    known = dict(policy.groups.values_list("patient_key", "leader_key"))
    found = first_of_alike(list(_pictures(policy)))
    wanted = {member: leader for member, leader in found.items() if member != leader}
    if wanted != known:
        policy.groups.exclude(patient_key__in=wanted).delete()
        PatientGroup.objects.bulk_create(
            [PatientGroup(policy=policy, patient_key=m, leader_key=f) for m, f in wanted.items()],
            update_conflicts=True, unique_fields=["policy", "patient_key"],
            update_fields=["leader_key"], batch_size=1000,
        )  # fmt: skip
        audit.record(
            actor=None, action="patients_grouped", target=policy, project_id=policy.project_id,
            patients=len(wanted),
        )  # fmt: skip
        held_out = _held_out_of_swayed(policy)
        withdraw_suggestions(held_out)
        withdraw_asked_slices(held_out)
    return len(wanted)


def _held_out_of_swayed(policy: SplitPolicy) -> list[UUID]:
    """Open cases that measure the models since their patients were grouped, and that models have a say in."""
    splitter = Splitter(policy)
    suggested = Suggestion.objects.filter(case=OuterRef("pk"), is_current=True)
    asked = AskedSlices.objects.filter(case=OuterRef("pk")).exclude(slices=[])
    cases = Case.objects.filter(
        Exists(suggested) | Exists(asked), project=policy.project_id, state=CaseState.OPEN
    )
    rows = cases.values_list("pk", "study__patient_id", "study__study_instance_uid")
    return [
        case
        for case, patient, study in rows.iterator(chunk_size=2000)
        if splitter.split(splitter.pseudonym(patient, study)) != Split.TRAIN
    ]


def _pictures(policy: SplitPolicy) -> Iterator[Picture]:
    """Those of every series of the project under the patients' pseudonyms, by the arrival of their cases."""
    splitter = Splitter(policy)
    rows = (
        find_hashed()
        .filter(series__study__cases__project=policy.project_id)
        .order_by("series__study__cases__created_at", "series__study__cases__pk", "pk")
        .values_list(
            "series__study__patient_id",
            "series__study__study_instance_uid",
            "image_hash",
            is_acquired(),
        )
    )
    for patient, study, content, is_image in rows.iterator(chunk_size=20_000):
        yield Picture(splitter.pseudonym(patient, study), bytes(content or b""), is_image)
