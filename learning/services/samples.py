"""The cases that an encoder of a project learns from."""

from collections.abc import Iterator

from django.db.models import QuerySet

from annotation.datasets.models import Split, SplitPolicy
from annotation.datasets.splitter import Splitter
from annotation.labeling.models import Case

SAMPLE = 2000  # cases that an encoder is fitted on, at most


def training_cases(cases: QuerySet[Case], policy: SplitPolicy) -> Iterator[Case]:
    """Those of patients who may be trained on, in the order of the query."""
    splitter = Splitter(policy)
    rows = cases.select_related("study").only(
        "pk", "study__patient_id", "study__study_instance_uid"
    )
    for case in rows.iterator(chunk_size=SAMPLE):
        if splitter.split(splitter.patient_key(case)) == Split.TRAIN:
            yield case
