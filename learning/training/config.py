"""Every knob of training on one page, with the reason beside each surprising value."""

from dataclasses import asdict, dataclass
from typing import Any

from learning.training.registry import NETWORKS

MODALITIES = ("radiograph", "ct", "mr", "ultrasound", "colour")
NO_UNLABELED = "none"
UNLABELED = (NO_UNLABELED, "pseudo_labels", "mean_teacher")


class InvalidConfig(ValueError):
    """An override names no knob, or has a value of the wrong type or range; says which."""


@dataclass(frozen=True)
class TrainConfig:
    """A frozen recipe; defaults were chosen on the validation split of NIH radiographs."""

    # What is trained
    network: str = "resnet10"
    side: int = 128  # pixels; 192 gained nothing on 700 radiographs and took 2.2x the time
    dropout: float = 0.0  # before the last layer; MC-dropout members need it above 0

    # How long and how fast
    batch_size: int = 32
    epochs: int = 30
    min_steps: int = 200  # few labels make short epochs: train at least this many steps
    max_steps: int = 20_000
    learning_rate: float = 3e-3  # peak of one-cycle; higher than usual because batch norm is on
    weight_decay: float = 0.05
    warmup_share: float = 0.2
    gradient_norm: float = 0.0  # clip the gradient to this norm; 0 leaves it
    patience: int = 0  # evaluations without a better validation loss; 0 trains to the end
    evaluations: int = 10  # how often the validation set is looked at, spread over the run
    # An epoch's end is saved if the last save is so long ago (and ten times what that took): epochs of a
    # few steps do not spend their time on the disk
    checkpoint_s: float = 1.0

    # Imbalance
    class_weights: bool = True  # inverse square root of the frequency
    oversample: bool = False  # draw rare classes more often, as the inverse root of the frequency
    focal_gamma: float = 0.0  # 0 is plain cross-entropy; 2 is usual (Lin et al. 2017)
    label_smoothing: float = 0.05  # text-mined and hurried labels are noisy

    # Images without labels, of answers with probabilities. A round keeps what they brought only where it
    # beats the same training without them (pipeline/ablation.py): on radiographs neither method did
    unlabeled: str = NO_UNLABELED
    unlabeled_per_label: int = 3  # in each batch; a step then takes five times as long
    unlabeled_weight: float = 1.0  # of what they teach, as a multiple of what is usual
    unlabeled_ramp: float = 0.5  # share of the steps over which that rises: no teacher is born
    unlabeled_gate: float = 0.95  # least probability of a pseudo-label (Sohn et al. 2020)

    # Patches of segmentation, of the architecture's size
    foreground_share: float = 0.5  # of the patches, centred on a labeled structure
    patches_per_image: int = 1  # drawn per image and epoch
    window_overlap: float = 0.5  # of the windows that a large image is predicted in

    # Augmentation
    modality: str = "radiograph"  # whose recipe of augmentation.py recolours
    flip: bool = True
    rotate_degrees: float = 11.0
    scale: float = 0.15
    shift: float = 0.06  # share of the side
    contrast: float = 0.2
    noise: float = 0.05
    flip_at_test: bool = True  # false by itself where `flip` is

    # The machine
    mixed_precision: bool = True  # on CUDA only
    threads: int = 1  # per worker on CPU; two workers on two cores are faster than one on both
    prefetch: bool = True  # the next batches are made in threads while the network learns from one
    # Such threads, whatever their number the batches are the same; 0: by the cores for a GPU, one on a CPU
    makers: int = 0

    @classmethod
    def from_json(cls, overrides: dict[str, Any]) -> "TrainConfig":
        """The defaults with overrides. Raises InvalidConfig naming the knob."""
        return cls().overridden(overrides)

    def overridden(self, overrides: dict[str, Any]) -> "TrainConfig":
        """This recipe with overrides. Raises InvalidConfig naming the knob."""
        values = asdict(self)
        for name, value in overrides.items():
            if name not in values:
                raise InvalidConfig(f"{name} is no training option")
            values[name] = _typed(name, value, type(values[name]))
        # To a network that never saw a mirror image, left and right may be the answer. Records of old
        # rounds name both, and are read as they were.
        if not values["flip"] and "flip_at_test" not in overrides:
            values["flip_at_test"] = False
        config = type(self)(**values)
        config._check()
        return config

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    def _check(self) -> None:
        for name, (low, high) in LIMITS.items():
            if not low <= getattr(self, name) <= high:  # a NaN lies between nothing
                raise InvalidConfig(f"{name} must lie between {low} and {high}")
        for name, known in CHOICES.items():
            if getattr(self, name) not in known:
                raise InvalidConfig(f"{name} must be one of {', '.join(known)}")

    def steps(self, sample_count: int) -> int:
        """How many optimiser steps a run takes on so many samples."""
        per_epoch = max(sample_count * self.patches_per_image // self.batch_size, 1)
        return min(max(self.epochs * per_epoch, self.min_steps), self.max_steps)


CHOICES: dict[str, tuple[str, ...]] = {
    "network": tuple(NETWORKS), "modality": MODALITIES, "unlabeled": UNLABELED,
}  # fmt: skip
LIMITS: dict[str, tuple[float, float]] = {
    "side": (16, 1024), "dropout": (0, 0.95), "batch_size": (1, 4096), "epochs": (1, 10_000),
    "min_steps": (0, 1_000_000), "max_steps": (1, 10_000_000), "learning_rate": (1e-9, 10),
    "weight_decay": (0, 10), "warmup_share": (0.001, 0.999), "gradient_norm": (0, 1e6),
    "patience": (0, 1000), "evaluations": (1, 1000), "checkpoint_s": (0, 3600),
    "focal_gamma": (0, 10), "label_smoothing": (0, 0.5), "unlabeled_per_label": (1, 16),
    "unlabeled_weight": (0.01, 100), "unlabeled_ramp": (0, 1), "unlabeled_gate": (0.5, 1),
    "foreground_share": (0, 1),
    "patches_per_image": (1, 10_000), "rotate_degrees": (0, 180), "scale": (0, 0.9),
    "shift": (0, 0.5), "contrast": (0, 1), "noise": (0, 10), "threads": (1, 256),
    "window_overlap": (0, 0.9), "makers": (0, 64),
}  # fmt: skip


def _typed(name: str, value: Any, wanted: type) -> Any:
    if wanted is float and type(value) is int:
        return float(value)
    if type(value) is not wanted:
        raise InvalidConfig(f"{name} must be of type {wanted.__name__}")
    return value
