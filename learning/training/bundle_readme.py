"""The text that travels in a bundle: how to run the model where this product is not installed."""

from collections.abc import Mapping, Sequence

from learning.training.columns import ColumnEncoder, width_of
from learning.training.networks import Architecture
from learning.training.tasks import Task

RUN = """\
```
pip install "monai>=1.5" einops safetensors torch
```

```python
import torch
from monai.bundle import ConfigParser

parser = ConfigParser()
parser.read_config("configs/inference.json")
parser["bundle_root"] = "."  # this folder
network = parser.get_parsed_content("network")
inferer = parser.get_parsed_content("inferer")
device = parser.get_parsed_content("device")
images = torch.zeros({shape}, device=device)
{columns}with torch.no_grad():
    outputs = inferer(images, network{argument})
```
"""
COLUMNS = """\
`columns` has the axes (batch, {width}). A number is standardised, (value - mean) / deviation; a category
is 1 in its place and 0 in the others. Where a value may be missing it is 0, and one more place is 1.

| places | column | mean | deviation |
|---|---|---|---|
{lines}
"""
OWN_PACKAGE = """\
This network is built of parts of Firstread itself ({parts}): run this
where the package `learning` of Firstread can be imported.
"""
OURS = "learning."  # what begins so is no class of MONAI
HARMLESS = (
    "Weights are safetensors; nothing in this bundle runs by being opened. It holds no images, no labels "
    "and no identifiers of patients. It is no medical device."
)
BACK = (
    "## Back into Firstread",
    "Upload this ZIP on the learning screen, or `python manage.py import_model FILE`.",
)
BOXES = """\
`outputs` is a list with one dict for each image, the surest box first: `box` (k, corners) holds the first
and the last corner as ({axes}, {axes}) in voxels of the input, half-open; `label` (k,) the class and
`label_scores` (k,) its probability, of which Firstread shows those from the threshold on.

| label | class | threshold |
|---|---|---|
{classes}
"""
CALLED = {
    "many": "A finding is called from its threshold on.",
    "segmentation": (
        "The probability of each structure is multiplied by (1 - threshold) / threshold before the largest "
        "is called: against the background alone a structure is called from its threshold on, and 0.5 "
        "changes nothing."
    ),
}
THRESHOLDS = """\
{called}

| output | class | threshold |
|---|---|---|
{lines}
"""
FRAME = """\
One frame per study (the middle one) as grey values after the modality LUT, cut at the 0.5th and
99.5th percentile, MONOCHROME1 inverted, resized to {side} pixels along its longer side with bilinear
interpolation, padded to a square with its darkest value, then shifted to mean 0 and scaled to
deviation 1.
"""
GRID = """\
Float values with the axes (batch, channel, {axes}). `configs/firstread.json` says under `input`
which series become channels, with which spacing, window and crop.
"""
PADDED = """\
An image may be larger or smaller than the window of {size}. `inferer` pads a smaller one on both sides
with its own smallest value, as the network learned it, and cuts its outputs back.
"""
MIRRORED = "Firstread averages the prediction with that of the image mirrored along its last axis."
ANSWERS = {
    "one": "Softmax over the outputs gives the probabilities of: {classes}.",
    "ordinal": (
        "The first output is the logit of lying above the lowest grade; the softplus of each further one "
        "is how much lower the next logit is. Differences of their sigmoids are the probabilities of: "
        "{classes}."
    ),
    "many": "Sigmoids of the outputs are the probabilities of: {classes}.",
    "number": "The output is standardised by mean and deviation of the training labels.",
    "time_to_event": "The output is a log relative risk: the higher, the sooner the event.",
    "segmentation": "Softmax over the outputs gives, per voxel: background, {classes}.",
}
STEPS = {
    "one": "probabilities = outputs.softmax(1)",
    "ordinal": """\
steps = torch.cat([outputs[:, :1], -torch.nn.functional.softplus(outputs[:, 1:])], 1)
above = torch.nn.functional.pad(steps.cumsum(1).sigmoid(), (1, 0), value=1.0)
probabilities = above - torch.nn.functional.pad(above[:, 1:], (0, 1))""",
    "many": "probabilities = outputs.sigmoid()",
    "number": "numbers = outputs * {deviation!r} + {mean!r}",
    "segmentation": "probabilities = outputs.softmax(1)",
}
"""From `outputs` to what Firstread shows, where that is another thing: as the program above goes on."""


def readme(
    name: str,
    version: str,
    architecture: Architecture,
    task: Task,
    threshold: float | None,
    thresholds: Sequence[float] = (),
    encoder: ColumnEncoder | None = None,
    *,
    is_frame: bool,
    is_mirrored: bool,
) -> str:
    """Markdown; it holds nothing of any patient.

    `is_frame`: the input is each study's middle image, not what a target specifies. `is_mirrored`:
    predictions are averaged with those of mirror images.
    """
    shape = ", ".join(map(str, (1, sum(architecture.channels), *architecture.size)))
    axes = "y, x" if architecture.spatial == 2 else "z, y, x"
    parts = [
        f"# {name}, version {version}",
        f"A {architecture.network} ({architecture.dimensions}) trained in Firstread. {HARMLESS}",
        "## Run it",
        _run(shape, encoder) + _own(_own_parts(architecture)),
        "## What goes in",
        (FRAME.format(side=architecture.size[0]) if is_frame else GRID.format(axes=axes)),
        PADDED.format(size=_by(architecture.size)) if task.is_dense else "",
        _columns(encoder) if encoder else "",
        "## What comes out",
        _answer(task, threshold),
        _steps(task),
        _thresholds(task, thresholds),
        MIRRORED if is_mirrored else "",
        *BACK,
    ]
    return _joined(parts)


def readme_of_boxes(
    name: str,
    version: str,
    classes: Sequence[str],
    thresholds: Mapping[str, float],
    *,
    channels: int,
    size: Sequence[int],
    is_frame: bool,
) -> str:
    """The same of a detector, whose inputs are `size` large."""
    shape = ", ".join(map(str, (1, channels, *size)))
    axes = "y, x" if len(size) == 2 else "z, y, x"
    rows = [f"| {n} | {one} | {thresholds.get(one, 0.5):.4g} |" for n, one in enumerate(classes)]
    return _joined([
        f"# {name}, version {version}",
        f"A heatmap detector ({len(size)}d) trained in Firstread. {HARMLESS}",
        "## Run it",
        _run(shape, None) + _own("the detector and its inferer"),
        "## What goes in",
        FRAME.format(side=size[0]) if is_frame else GRID.format(axes=axes),
        "## What comes out",
        BOXES.format(axes=axes, classes="\n".join(rows)),
        *BACK,
    ])  # fmt: skip


def _joined(parts: Sequence[str]) -> str:
    return "\n\n".join(part.strip() for part in parts if part) + "\n"


def _own(parts: str) -> str:
    return "\n" + OWN_PACKAGE.format(parts=parts) if parts else ""


def _own_parts(architecture: Architecture) -> str:
    """What of the network MONAI does not have; empty where all of it is MONAI's."""
    if not architecture.is_plain():
        return "branches, columns or stacks of slices"
    target = architecture.definition().target
    return f"`{target}`" if target.startswith(OURS) else ""


def _by(sides: Sequence[int]) -> str:
    return " by ".join(map(str, sides))


def _answer(task: Task, threshold: float | None) -> str:
    classes = ", ".join(getattr(task, "classes", ()))
    answer = ANSWERS.get(task.kind, "See `task` in `configs/firstread.json`.")
    if threshold is not None and task.kind == "one" and task.outputs == 2:
        answer += f" The second one is called from a probability of {threshold:.4g} on."
    return answer.format(classes=classes)


def _steps(task: Task) -> str:
    steps = STEPS.get(task.kind, "").format(**task.as_json())
    return f"```python\n{steps}\n```" if steps else ""


def _run(shape: str, encoder: ColumnEncoder | None) -> str:
    if encoder is None:
        return RUN.format(shape=shape, columns="", argument="")
    columns = f"columns = torch.zeros(1, {encoder.width}, device=device)\n"
    return RUN.format(shape=shape, columns=columns, argument=", columns")


def _thresholds(task: Task, thresholds: Sequence[float]) -> str:
    if not thresholds or task.kind not in CALLED:
        return ""
    first = task.outputs - len(thresholds)  # of masks the first output is the background
    classes = getattr(task, "classes", ())
    lines = [
        f"| {number} | {name} | {threshold:.4g} |"
        for number, (name, threshold) in enumerate(zip(classes, thresholds, strict=True), first)
    ]
    return THRESHOLDS.format(called=CALLED[task.kind], lines="\n".join(lines))


def _columns(encoder: ColumnEncoder) -> str:
    lines, place = [], 0
    for column, mean, deviation in zip(
        encoder.columns, encoder.means, encoder.deviations, strict=True
    ):
        end = place + width_of([column])
        places = f"{place}" if end == place + 1 else f"{place} to {end - 1}"
        if column.categories:
            lines.append(f"| {places} | {column.name}: {', '.join(column.categories)} | | |")
        else:
            lines.append(f"| {places} | {column.name} | {mean:.6g} | {deviation:.6g} |")
        place = end
    return COLUMNS.format(width=encoder.width, lines="\n".join(lines))
