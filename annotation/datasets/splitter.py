"""Which split a case of a project belongs to."""

from dataclasses import dataclass

from annotation.datasets import splits
from annotation.datasets.models import Split, SplitPolicy
from annotation.labeling.models import Case

STRICTEST_LAST = (Split.TRAIN, Split.VALIDATION, Split.TEST)


@dataclass(frozen=True)
class SplitRule:
    """All that decides where patients go: equal rules, equal splits."""

    key_hex: str
    test_share: float
    validation_share: float
    prescribed: dict[str, str]  # the split of a pseudonym
    leaders: dict[str, str]


class Splitter:
    """Assigns cases to splits by patient; loads what is prescribed and who belongs together once."""

    def __init__(self, policy: SplitPolicy) -> None:
        self.policy = policy
        self.prescribed = dict(policy.prescribed.values_list("patient_key", "split"))
        self.leaders = dict(policy.groups.values_list("patient_key", "leader_key"))
        self._of_group = self._prescribed_of_groups()

    @property
    def rule(self) -> SplitRule:
        policy = self.policy
        return SplitRule(
            policy.key_hex,
            policy.test_share,
            policy.validation_share,
            self.prescribed,
            self.leaders,
        )

    def patient_key(self, case: Case) -> str:
        """The pseudonym of the case's patient."""
        return self.pseudonym(case.study.patient_id, case.study.study_instance_uid)

    def pseudonym(self, patient_id: str, study_instance_uid: str) -> str:
        """Studies without a PatientID count as patients of their own."""
        patient = patient_id or f"study {study_instance_uid}"
        return splits.patient_key(self.policy.key, patient)

    def leader(self, pseudonym: str) -> str:
        """The first of the group that the patient belongs to: itself where it is alone."""
        return self.leaders.get(pseudonym, pseudonym)

    def split(self, pseudonym: str) -> Split:
        """What is prescribed for the patient, else for its group, else where the first of the group goes."""
        leader = self.leader(pseudonym)
        known = self.prescribed.get(pseudonym) or self._of_group.get(leader)
        return Split(known) if known else self.split_alone(leader)

    def split_alone(self, pseudonym: str) -> Split:
        """Where the patient goes as long as nobody is known to look alike."""
        known = self.prescribed.get(pseudonym)
        if known is not None:
            return Split(known)
        return Split(
            splits.split_by_hash(
                self.policy.key,
                pseudonym,
                test_share=self.policy.test_share,
                validation_share=self.policy.validation_share,
            )
        )

    def _prescribed_of_groups(self) -> dict[str, str]:
        """By the first of each group what is prescribed for any of it: of several what is held out most.

        A copy may have come before the patient whose split is prescribed, and must not teach what that
        one tests.
        """
        found: dict[str, str] = {}
        for pseudonym, split in self.prescribed.items():
            leader = self.leader(pseudonym)
            found[leader] = max(found.get(leader, split), split, key=STRICTEST_LAST.index)
        return found
