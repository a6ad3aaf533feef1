"""What unlabeled images can add to a loop: pseudo-labels behind a gate, and a mean teacher.

Pure pieces; a loop decides when to use them. Whether they help is an empirical question:
bench/semi_supervised.py asks it against the same loop without them.
"""

import copy
import math
from dataclasses import dataclass

import torch
from torch import nn
from torch.nn import functional


@dataclass(frozen=True)
class PseudoLabels:
    """Which unlabeled images the model is sure of, and of what."""

    rows: torch.Tensor  # (k,) places in the batch
    labels: torch.Tensor  # (k,) class numbers


@torch.no_grad()
def confident_pseudo_labels(
    logits: torch.Tensor, *, least_confidence: float, at_most_per_class: int | None = None
) -> PseudoLabels:
    """The images whose most probable class is at least so probable (Sohn et al. 2020, FixMatch).

    (b, classes) logits. `at_most_per_class` keeps the surest of each class, so that a class that is
    easy to be sure of cannot crowd out the others. Raises ValueError for a gate outside (0, 1].
    """
    if not 0 < least_confidence <= 1:
        raise ValueError(
            f"least_confidence must lie above 0 and at most at 1, not {least_confidence}"
        )
    confidence, labels = logits.softmax(dim=1).max(dim=1)
    rows = torch.nonzero(confidence >= least_confidence)[:, 0]
    if at_most_per_class is not None:
        best_first = rows[torch.argsort(confidence[rows], descending=True, stable=True)]
        kept = [
            best_first[labels[best_first] == c][:at_most_per_class] for c in range(logits.shape[1])
        ]
        rows = torch.cat(kept).sort().values
    return PseudoLabels(rows, labels[rows])


def consistency_loss(student: torch.Tensor, teacher: torch.Tensor) -> torch.Tensor:
    """Mean squared distance of the two softmax answers (Tarvainen & Valpola 2017).

    (b, classes, ...) logits, so that masks work as classes do; no gradient reaches the teacher.
    """
    if student.shape != teacher.shape:
        raise ValueError(
            f"student {tuple(student.shape)} and teacher {tuple(teacher.shape)} differ"
        )
    return functional.mse_loss(student.softmax(dim=1), teacher.detach().softmax(dim=1))


def ramp_up(step: int, steps: int) -> float:
    """From near 0 to 1 along exp(-5 (1 - t)^2): an untaught teacher must not be followed."""
    if steps <= 0:
        return 1.0
    return math.exp(-5 * (1 - min(step / steps, 1.0)) ** 2)


class MeanTeacher(nn.Module):
    """A student and the moving average of its weights, which answers better than the student itself.

    One module, so that a checkpoint holds both; only the student has gradients.
    """

    def __init__(self, student: nn.Module, decay: float = 0.99) -> None:
        super().__init__()
        if not 0 <= decay < 1:
            raise ValueError(f"decay must lie from 0 to below 1, not {decay}")
        self.decay = decay
        self.student = student
        self.teacher = copy.deepcopy(student).requires_grad_(False)
        self.updates: torch.Tensor
        self.register_buffer("updates", torch.zeros((), dtype=torch.int64))

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """The student's answer."""
        answer: torch.Tensor = self.student(images)
        return answer

    @torch.no_grad()
    def taught(self, images: torch.Tensor) -> torch.Tensor:
        """The teacher's answer, in evaluation mode and without gradients."""
        self.teacher.eval()
        answer: torch.Tensor = self.teacher(images)
        return answer

    @torch.no_grad()
    def update(self) -> None:
        """Move the teacher towards the student: a true average at first, a moving one later."""
        self.updates.add_(1)
        decay = min(self.decay, 1 - 1 / int(self.updates))
        for mean, newest in zip(self.teacher.parameters(), self.student.parameters(), strict=True):
            mean.lerp_(newest, 1 - decay)
        for kept, now in zip(self.teacher.buffers(), self.student.buffers(), strict=True):
            if kept.is_floating_point():
                kept.lerp_(now, 1 - decay)
            else:
                kept.copy_(now)
