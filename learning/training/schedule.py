"""The learning rate of every run: up in a short warm-up, then down (Smith 2018)."""

import torch


def one_cycle(
    optimizer: torch.optim.Optimizer, peak: float, steps: int, warmup_share: float
) -> torch.optim.lr_scheduler.OneCycleLR:
    """A cycle over `steps`; torch divides by zero where the warm-up is shorter than a step."""
    total = steps + 1
    share = max(warmup_share, min(1.5 / total, 0.75))
    return torch.optim.lr_scheduler.OneCycleLR(optimizer, peak, total_steps=total, pct_start=share)
