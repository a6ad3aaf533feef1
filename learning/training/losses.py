"""The losses that torch does not have. Missing labels are masked, never guessed."""

import torch
from torch import Tensor
from torch.nn import functional


def mean_of(values: Tensor, is_known: Tensor) -> Tensor:
    """The mean over the known entries; 0 (with a gradient path) where none is known."""
    return torch.where(is_known, values, 0.0).sum() / is_known.sum().clamp(min=1)


def focal_cross_entropy(
    logits: Tensor, labels: Tensor, *, gamma: float, weights: Tensor | None, smoothing: float
) -> Tensor:
    """Cross-entropy of (b, classes, …) logits with (b, …) classes; -1 is ignored.

    With gamma > 0 easy samples weigh (1 - p)^gamma less (Lin et al. 2017). With weights it is the
    weighted mean, as torch's.
    """
    loss = functional.cross_entropy(
        logits, labels, weight=weights, ignore_index=-1, label_smoothing=smoothing,
        reduction="none",
    )  # fmt: skip
    is_known = labels >= 0
    known = labels.clamp(min=0)
    if gamma:
        probability = logits.softmax(1).gather(1, known[:, None])[:, 0]
        loss = torch.where(is_known, loss * (1 - probability) ** gamma, 0.0)
    share = torch.ones_like(loss) if weights is None else weights[known].to(loss.dtype)
    return loss.sum() / torch.where(is_known, share, 0.0).sum().clamp(min=1e-8)


def masked_binary(
    logits: Tensor, labels: Tensor, *, gamma: float, weights: Tensor | None
) -> Tensor:
    """Binary cross-entropy of (b, k) logits with 0/1 labels; NaN is ignored.

    `weights` (k,) multiplies the positives of each column; gamma as in focal_cross_entropy.
    """
    is_known = torch.isfinite(labels)
    truth = torch.where(is_known, labels, 0.0)
    loss = functional.binary_cross_entropy_with_logits(
        logits, truth, pos_weight=weights, reduction="none"
    )
    if gamma:
        probability = torch.where(truth > 0.5, logits.sigmoid(), (-logits).sigmoid())
        loss = loss * (1 - probability) ** gamma
    return mean_of(loss, is_known)


def cumulative_logits(outputs: Tensor) -> Tensor:
    """(b, k - 1) falling logits of P(y > 0), P(y > 1), … from free outputs.

    Each is the one before less a positive step, so the probabilities of the grades cannot cross.
    """
    steps = torch.cat([outputs[:, :1], -functional.softplus(outputs[:, 1:])], dim=1)
    return steps.cumsum(dim=1)


def ordinal_loss(outputs: Tensor, grades: Tensor, weights: Tensor | None = None) -> Tensor:
    """Mean cross-entropy of "worse than grade j?" for every j; grade -1 is ignored.

    With weights (grades,) the mean over the cases is weighted by their grades.
    """
    logits = cumulative_logits(outputs)
    thresholds = torch.arange(logits.shape[1], device=logits.device)
    is_worse = (grades[:, None] > thresholds).to(logits.dtype)
    loss = functional.binary_cross_entropy_with_logits(logits, is_worse, reduction="none")
    of_case = loss.mean(dim=1)
    if weights is None:
        return mean_of(of_case, grades >= 0)
    share = torch.where(grades >= 0, weights[grades.clamp(min=0)].to(loss.dtype), 0.0)
    return (of_case * share).sum() / share.sum().clamp(min=1e-8)


def ordinal_probabilities(outputs: Tensor) -> Tensor:
    """(b, k) probabilities of the grades from (b, k - 1) outputs."""
    above = cumulative_logits(outputs).sigmoid()
    first, last = torch.ones_like(above[:, :1]), torch.zeros_like(above[:, :1])
    return torch.cat([first, above], dim=1) - torch.cat([above, last], dim=1)


def cox_loss(risk: Tensor, times: Tensor, events: Tensor) -> Tensor:
    """Negative partial log-likelihood per event, ties after Efron (1977).

    risk: (b,) log relative risk. times: (b,) > 0; NaN is ignored. events: (b,) 1 = happened,
    0 = censored. Zero (with a gradient path) where no event is among them.
    """
    is_known = torch.isfinite(times) & torch.isfinite(events)
    risk, times, events = risk[is_known].float(), times[is_known], events[is_known] > 0.5
    if not events.any():
        return risk.sum() * 0
    moments: Tensor = torch.unique(times[events])
    # The largest risk is taken out before exp, so that the sums cannot overflow.
    top = risk.max().detach()
    hazard = (risk - top).exp()
    at_risk = (times[None] >= moments[:, None]).to(risk.dtype) @ hazard
    is_tied = (times[None] == moments[:, None]) & events[None]
    tied = is_tied.to(risk.dtype) @ hazard
    counts = is_tied.sum(dim=1)
    owner = torch.repeat_interleave(torch.arange(len(moments), device=risk.device), counts)
    first = (counts.cumsum(0) - counts)[owner]
    rank = torch.arange(len(owner), device=risk.device) - first
    denominators = at_risk[owner] - rank / counts[owner] * tied[owner]
    likelihood = (risk[events] - top).sum() - denominators.clamp(min=1e-12).log().sum()
    loss: Tensor = -likelihood / events.sum()
    return loss


def soft_dice_loss(probabilities: Tensor, labels: Tensor) -> Tensor:
    """1 - mean Dice over the structures that the batch can say something of; -1 is ignored.

    probabilities: (b, classes, *space), class 0 is background. labels: (b, *space).
    Summed over the batch, so that a structure absent from one patch does not count as a miss.
    """
    is_known = (labels >= 0)[:, None]
    class_count = probabilities.shape[1]
    truth = functional.one_hot(labels.clamp(min=0), class_count).movedim(-1, 1)
    truth = (truth * is_known).to(probabilities.dtype)[:, 1:]
    found = (probabilities * is_known)[:, 1:]
    axes = [0, *range(2, probabilities.ndim)]
    overlap = (found * truth).sum(axes)
    size = found.sum(axes) + truth.sum(axes)
    return 1 - ((2 * overlap + 1e-5) / (size + 1e-5)).mean()
