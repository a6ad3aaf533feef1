"""Counts what a transfer does and writes it to its row, not more often than somebody looks."""

import time
from dataclasses import dataclass, field

from annotation.core import jobs
from annotation.labeling.models import Transfer

MAX_FAILURES_LISTED = 200
REPORT_SECONDS = 0.5


@dataclass
class Tally:
    """The figures of one attempt; `report` raises JobCancelled or JobFenced."""

    transfer: Transfer
    total: int = 0
    new: int = 0
    known: int = 0
    failed: int = 0
    failures: list[dict[str, str]] = field(default_factory=list)
    _reported: float = field(default=0, repr=False)

    @property
    def done(self) -> int:
        return self.new + self.known + self.failed

    def fail(self, reason: str, *, study_uid: str, sop_instance_uid: str = "") -> None:
        self.failed += 1
        if len(self.failures) < MAX_FAILURES_LISTED:
            self.failures.append(
                {"study": study_uid, "instance": sop_instance_uid, "reason": reason}
            )

    def report(self) -> None:
        """Show progress and look for a cancellation, at most twice a second."""
        if time.monotonic() - self._reported >= REPORT_SECONDS:
            self.save()

    def save(self) -> None:
        """Show progress and look for a cancellation now."""
        self._reported = time.monotonic()
        self.write()
        jobs.report(
            self.transfer,
            step=self.transfer.direction,
            done=self.done,
            total=max(self.total, self.done),
        )

    def write(self) -> None:
        """Keep the figures, also of an attempt that ends here."""
        Transfer.ownership(self.transfer).update(
            new_count=self.new,
            known_count=self.known,
            failed_count=self.failed,
            failures=self.failures,
        )
