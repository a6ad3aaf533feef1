"""How well a small 3D network segments the hippocampus on one core, from all 182 training volumes.

python -m bench.hippocampus FOLDER          (FOLDER holds labels.csv, imagesTr and labelsTr)
"""

import argparse
import csv
import tempfile
import time
from pathlib import Path

import nibabel
import numpy as np

from learning.training.checkpoint import Checkpoints
from learning.training.config import TrainConfig
from learning.training.data import Samples
from learning.training.loop import choose_device, train
from learning.training.networks import Architecture
from learning.training.predict import Members, segment
from learning.training.run import Progress
from learning.training.tasks import Segmentation

RECIPE = TrainConfig(
    batch_size=2, epochs=14, learning_rate=3e-3, weight_decay=0.01, gradient_norm=1.0,
    evaluations=10, modality="mr", contrast=0.15, noise=0.05, scale=0.15, rotate_degrees=15.0,
    foreground_share=0.5,
)  # fmt: skip
STRUCTURES = ("anterior", "posterior")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--network", default="segresnet_small")
    parser.add_argument("--epochs", type=int, default=RECIPE.epochs)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    config = TrainConfig.from_json(RECIPE.as_json() | {"epochs": arguments.epochs})
    task = Segmentation(STRUCTURES)
    architecture = Architecture(arguments.network, task.outputs, dimensions="3d", size=(40, 56, 40))
    training, validation, test = (
        load(arguments.folder, split) for split in ("train", "val", "test")
    )
    print(f"{len(training)} training, {len(validation)} validation, {len(test)} test volumes")
    began = time.process_time()
    with tempfile.TemporaryDirectory() as folder:
        trained = train(
            config=config, task=task, architecture=architecture, training=training,
            validation=validation, seed=arguments.seed, checkpoints=Checkpoints(Path(folder)),
            on_progress=report,
        )  # fmt: skip
    print(f"{arguments.network}: trained in {(time.process_time() - began) / 60:.1f} core minutes")
    scores = np.asarray([
        dice(next(segment(
            Members([trained.network]), image, task, architecture, config, choose_device()
        )), mask)
        for image, mask in zip(test.images, test.labels, strict=True)
    ])  # fmt: skip
    for name, score in zip(STRUCTURES, scores.mean(axis=0), strict=True):
        print(f"test Dice {name:10} {score:.4f}")
    print(f"test Dice mean       {scores.mean():.4f}")


def load(folder: Path, split: str) -> Samples:
    with (folder / "labels.csv").open() as file:
        rows = [row for row in csv.DictReader(file) if row["split"] == split]
    images = [normalised(volume(folder / row["image"])) for row in rows]
    masks = [volume(folder / row["label"]).astype(np.int16) for row in rows]
    return Samples(images, masks)


def volume(path: Path) -> np.ndarray:
    """(z, y, x)."""
    return np.asarray(nibabel.load(path).dataobj).T


def normalised(image: np.ndarray) -> np.ndarray:
    """Each volume by itself: intensities differ by four orders of magnitude between them."""
    values = np.clip(image.astype(np.float32), *np.percentile(image, [0.5, 99.5]))
    return ((values - values.mean()) / values.std())[None]


def dice(probabilities: np.ndarray, mask: np.ndarray) -> list[float]:
    found = probabilities.argmax(axis=0)
    return [
        2 * ((found == c) & (mask == c)).sum() / max((found == c).sum() + (mask == c).sum(), 1)
        for c in range(1, len(probabilities))
    ]


def report(progress: Progress) -> None:
    if progress.figures:
        print(
            f"epoch {progress.epoch}: loss {progress.figures['loss']:.3f}, "
            f"validation {progress.figures['validation_loss']:.3f}, "
            f"{progress.seconds_left / 60:.0f} min left",
            flush=True,
        )


if __name__ == "__main__":
    main()
