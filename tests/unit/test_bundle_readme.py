"""The README of a bundle: its program is run as it stands there, and says what the product says."""

import json
import math

import numpy as np
import pytest
import torch

from learning.training.bundle import Model, export_bundle
from learning.training.config import TrainConfig
from learning.training.networks import Architecture
from learning.training.predict import Members, segment
from learning.training.registry import NETWORKS
from learning.training.tasks import ManyAnswers, Number, OneAnswer, OrdinalGrade, Segmentation

GRADES = OrdinalGrade(("none", "mild", "severe", "worst"))
SIDES = OneAnswer(("left", "right"))
ORGAN = Segmentation(("organ",))


def exported(architecture, task, folder, **changes):
    torch.manual_seed(0)
    model = Model(architecture.build().eval(), architecture, task, TrainConfig(**changes))
    export_bundle(model, folder)
    return model


def run_program(folder, images, monkeypatch):
    """What the README's code leaves, run in the bundle's folder with these images."""
    monkeypatch.chdir(folder)
    blocks = (folder / "docs/README.md").read_text().split("```python\n")[1:]
    program = "".join(block.split("```")[0] for block in blocks)
    [line] = [line for line in program.splitlines() if line.startswith("images = ")]
    left = {"given": torch.from_numpy(images)}
    exec(program.replace(line, "images = given.to(device)"), left)  # noqa: S102  our own text
    return left


def is_asked_for(folder):
    return "package `learning`" in (folder / "docs/README.md").read_text()


def target_of(folder):
    config = json.loads((folder / "configs/inference.json").read_text())
    return config["network_def"]["_target_"]


@pytest.mark.parametrize(
    "space", [(5, 12, 14), (5, 12, 40), (12, 24, 40)], ids=["smaller", "narrow", "larger"]
)
def test_the_program_segments_images_of_any_size_as_the_product_does(space, tmp_path, monkeypatch):
    architecture = Architecture("segresnet_small", 2, "3d", channels=(2,), size=(8, 16, 16))
    model = exported(architecture, ORGAN, tmp_path / "bundle", flip_at_test=False)
    images = np.random.default_rng(0).normal(size=(2, 2, *space)).astype(np.float32)
    images[1] += 3  # each is padded with its own minimum
    found = run_program(tmp_path / "bundle", images, monkeypatch)["probabilities"]
    for image, said in zip(images, found, strict=True):
        [wanted] = segment(
            Members([model.network]), image, ORGAN, architecture, model.config, torch.device("cpu")
        )
        np.testing.assert_allclose(said.cpu(), wanted, atol=1e-5)


def test_the_readme_says_how_a_small_image_is_padded(tmp_path):
    exported(Architecture("unet_small", 2, size=(32, 16)), ORGAN, tmp_path / "masks")
    exported(Architecture("resnet10", 2, size=(32, 32)), SIDES, tmp_path / "answer")
    assert "the window of 32 by 16" in (tmp_path / "masks/docs/README.md").read_text()
    assert "window of" not in (tmp_path / "answer/docs/README.md").read_text()


@pytest.mark.parametrize(
    ("task", "name"),
    [
        (SIDES, "probabilities"),
        (GRADES, "probabilities"),
        (OrdinalGrade(("no", "yes")), "probabilities"),
        (ManyAnswers(("a", "b")), "probabilities"),
        (Number(mean=12.5, deviation=math.pi), "numbers"),
    ],
    ids=["one", "ordinal", "two grades", "many", "number"],
)
def test_the_program_ends_with_what_the_product_shows(task, name, tmp_path, monkeypatch):
    model = exported(Architecture("resnet10", task.outputs, size=(32, 32)), task, tmp_path / "b")
    images = np.random.default_rng(0).normal(size=(3, 1, 32, 32)).astype(np.float32)
    with torch.no_grad():
        wanted = task.predictions(model.network(torch.from_numpy(images)))
    found = run_program(tmp_path / "b", images, monkeypatch)
    torch.testing.assert_close(found[name].cpu(), wanted, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("network", {entry.family: entry.name for entry in reversed(NETWORKS.values())}.values())  # fmt: skip
def test_the_readme_asks_for_our_package_where_the_network_is_ours(network, tmp_path):
    """Of each family the smallest."""
    task = ORGAN if NETWORKS[network].is_dense else SIDES
    exported(Architecture(network, task.outputs, size=(64, 64)), task, tmp_path / "bundle")
    assert is_asked_for(tmp_path / "bundle") == target_of(tmp_path / "bundle").startswith(
        "learning."
    )


def test_the_readme_asks_for_our_package_where_slices_are_ours(tmp_path):
    exported(Architecture("resnet10", 2, "2.5d", size=(4, 32, 32)), SIDES, tmp_path / "bundle")
    assert is_asked_for(tmp_path / "bundle")
    assert target_of(tmp_path / "bundle").startswith("learning.")
