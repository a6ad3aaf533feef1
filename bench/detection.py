"""Train the detector on a folder of boxes and print average precision on its test split.

The folder holds boxes.csv (file, x, y, width, height, label), images.csv (file, split) and the images.

python -m bench.detection --data FOLDER
"""

import argparse
import csv
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from learning.training.boxes import sizes
from learning.training.checkpoint import Checkpoints
from learning.training.detection.augment import BoxAugmentation
from learning.training.detection.network import Detector, DetectorShape
from learning.training.detection.train import BoxedImages, DetectorConfig, detect, train_detector
from learning.training.metrics.detections import average_precision, froc, match
from learning.training.resumable import Schedule
from learning.training.run import Progress


def told(progress: Progress) -> None:
    if progress.figures:
        print(
            f"step {progress.step} of {progress.steps}: loss {progress.figures['loss']:.3f}",
            flush=True,
        )


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--side", type=int, default=320, help="pixels of the longer side")
    parser.add_argument("--steps", type=int, default=1500)
    parser.add_argument("--rate", type=float, default=2e-3)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--splits", nargs="+", default=["test"], help="the splits that are measured"
    )
    arguments = parser.parse_args()
    torch.set_num_threads(1)

    labels = sorted({row["label"] for row in _rows(arguments.data / "boxes.csv")})
    training = load(arguments.data, "train", labels, arguments.side)
    shape = DetectorShape(class_count=len(labels), channels=3)
    config = DetectorConfig(
        schedule=Schedule(steps=arguments.steps, learning_rate=arguments.rate),
        augmentation=BoxAugmentation(flip=(True, True)),  # cells have no up
    )
    began = time.process_time()
    with tempfile.TemporaryDirectory() as folder:
        network = train_detector(
            training, shape, config, seed=arguments.seed, store=Checkpoints(Path(folder) / "run"),
            on_progress=told,
        )  # fmt: skip
    print(f"trained on {len(training)} images in {time.process_time() - began:.0f} s of CPU time")
    for split in arguments.splits:
        report(network, load(arguments.data, split, labels, arguments.side), labels, split)


def report(network: Detector, data: BoxedImages, labels: list[str], split: str) -> None:
    """Print the figures of one split."""
    found = detect(network, np.array_split(data.images, max(len(data) // 8, 1)))
    truth = list(zip(data.boxes, data.labels, strict=True))
    guesses = [(d.boxes, d.scores, d.labels) for d in found]
    figures = []
    for number, label in enumerate(labels):
        matches = match(truth, guesses, label=number, overlap=0.5)
        figures.append(average_precision(matches) or 0.0)
        print(
            f"{label:10} {matches.objects.sum():5} objects  AP50 {figures[-1]:.3f}  FROC {froc(matches):.3f}"
        )
    print(f"{split}: mean AP50 {np.mean(figures):.3f} on {len(data)} images")


def load(folder: Path, split: str, labels: list[str], side: int) -> BoxedImages:
    """The images of a split, resized so that the longer side has `side` pixels, with their boxes."""
    boxes: dict[str, list[list[float]]] = {}
    for row in _rows(folder / "boxes.csv"):
        x, y, width, height = (float(row[name]) for name in ("x", "y", "width", "height"))
        boxes.setdefault(row["file"], []).append(
            [y, x, y + height, x + width, labels.index(row["label"])]
        )
    images, found, classes = [], [], []
    for row in _rows(folder / "images.csv"):
        if row["split"] != split:
            continue
        picture = Image.open(folder / row["file"]).convert("RGB")
        factor = side / max(picture.size)
        small = picture.resize((round(picture.width * factor), round(picture.height * factor)),
                               Image.Resampling.BILINEAR)  # fmt: skip
        images.append((np.asarray(small, np.float32).transpose(2, 0, 1) / 255 - 0.7) / 0.2)
        table = np.array(boxes.get(row["file"], []), np.float32).reshape(-1, 5)
        is_box = (sizes(table[:, :4]) > 0).all(axis=1)
        found.append(table[is_box, :4] * factor)
        classes.append(table[is_box, 4].astype(np.int64))
    return BoxedImages(np.stack(images).astype(np.float16), found, classes)


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


if __name__ == "__main__":
    main()
