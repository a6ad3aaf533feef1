"""What images without labels teach: pseudo-labels behind a gate, or a mean teacher's answers.

Pure pieces; `lessons.py` makes a step of training from them. Both methods ask a teacher, the moving average
of the network's weights, about a slightly changed image, and the network about a strongly changed one.
"""

import copy
from math import exp

import torch
from torch import Tensor, nn

from learning.training.config import NO_UNLABELED, TrainConfig
from learning.training.tasks import ManyAnswers, OneAnswer, Task, Unlearnable, Weighting

DECAY = 0.98  # of the teacher: half of it are the last 35 steps, and a round may have 200
CONSISTENCY = 10.0  # how often it counts: squares of probabilities are small beside a cross-entropy


class MeanTeacher(nn.Module):
    """A student and the moving average of its weights, which often answers better than the student itself.

    One module, so that a checkpoint holds both; only the student has gradients.
    """

    def __init__(self, student: nn.Module, decay: float = DECAY) -> None:
        super().__init__()
        if not 0 <= decay < 1:
            raise ValueError(f"decay must lie from 0 to below 1, not {decay}")
        self.decay = decay
        self.student = student
        self.teacher = copy.deepcopy(student).requires_grad_(False)
        self.updates: Tensor
        self.register_buffer("updates", torch.zeros((), dtype=torch.int64))

    def forward(self, *inputs: Tensor) -> Tensor:
        """The student's answer."""
        answer: Tensor = self.student(*inputs)
        return answer

    @torch.no_grad()
    def update(self) -> None:
        """Move the teacher towards the student: a true average at first, a moving one later."""
        self.updates.add_(1)
        share = (1 / self.updates).clamp(min=1 - self.decay)  # a tensor: a GPU waits for nobody
        for mean, newest in zip(self.teacher.parameters(), self.student.parameters(), strict=True):
            mean.lerp_(newest, share)
        for kept, now in zip(self.teacher.buffers(), self.student.buffers(), strict=True):
            if kept.is_floating_point():
                kept.lerp_(now, share)
            else:
                kept.copy_(now)


def with_teacher(network: nn.Module, config: TrainConfig, task: Task) -> nn.Module:
    """What is trained: the network, with its teacher where the recipe has unlabeled images.

    Raises Unlearnable for a task whose answers have no probabilities.
    """
    if config.unlabeled == NO_UNLABELED:
        return network
    if not isinstance(task, OneAnswer | ManyAnswers):
        raise Unlearnable(f"unlabeled: the answers of a {task.kind} task have no probabilities")
    return MeanTeacher(network)


def answering(network: nn.Module, config: TrainConfig) -> nn.Module:
    """The part of what is trained that a run hands on: the teacher only where it is the method."""
    if not isinstance(network, MeanTeacher):
        return network
    return network.teacher if config.unlabeled == "mean_teacher" else network.student


def sure_labels(task: Task, probabilities: Tensor, gate: float) -> Tensor:
    """What the (b, k) probabilities say from `gate` on, as labels of the task; missing elsewhere.

    Of any number of findings each by itself, present or absent (Sohn et al. 2020, FixMatch). Rows of NaN
    have no label.
    """
    if isinstance(task, ManyAnswers):
        missing = torch.full_like(probabilities, torch.nan)
        absent = torch.where(probabilities <= 1 - gate, 0.0, missing)
        return torch.where(probabilities >= gate, 1.0, absent)
    confidence, labels = probabilities.max(dim=1)
    return torch.where(confidence >= gate, labels, -1)


def taught_loss(task: Task, outputs: Tensor, taught: Tensor, config: TrainConfig) -> Tensor:
    """What raw outputs lose by (b, k) probabilities of the teacher, summed over the images it speaks of.

    Rows of NaN are images of which it says nothing. No gradient reaches the teacher.
    """
    taught = taught.detach()
    if config.unlabeled == "mean_teacher":
        return CONSISTENCY * _inconsistency(task.predictions(outputs).float(), taught)
    labels = sure_labels(task, taught, config.unlabeled_gate)
    is_known = torch.isfinite(labels) if labels.is_floating_point() else labels >= 0
    return task.loss(outputs, labels, Weighting()) * is_known.sum() / is_known[0].numel()


def _inconsistency(said: Tensor, taught: Tensor) -> Tensor:
    """Squared distance of the probabilities (Tarvainen & Valpola 2017), mean of a row, sum over the rows."""
    is_known = torch.isfinite(taught)
    apart = torch.where(is_known, said - taught.nan_to_num(), 0.0)
    return apart.square().mean(dim=1).sum()


def ramp_up(step: int, steps: float) -> float:
    """From near 0 to 1 along exp(-5 (1 - t)^2): an untaught teacher must not be followed."""
    if step >= steps:
        return 1.0
    return exp(-5 * (1 - step / steps) ** 2)
