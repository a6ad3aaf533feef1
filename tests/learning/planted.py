"""Pictures in which one bright square decides, and networks that have learned to see it."""

import functools
import io
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pydicom
import torch

from annotation.archive.services.ingest import ingest
from annotation.imaging import conversion
from annotation.imaging.rendered import model_input
from annotation.labeling.models import Case
from annotation.labeling.services.projects import add_cases
from learning.models import ModelVersion, ModelVersionState
from learning.stored_models import described, weights_folder
from learning.training.checkpoint import save_weights
from learning.training.config import TrainConfig
from learning.training.networks import Architecture
from learning.training.preparation import Volume, prepare
from learning.training.tasks import OneAnswer

SHAPE = (60, 96)  # of a picture: wide, so that its square input has bars above and below
SQUARE = 18
STRIPE = 4


def picture(rng, corner, *, is_striped_down=True, shape=SHAPE):
    """Grey noise with a bright square at (row, column), striped downwards or across.

    Only inside the square do the two differ: a network can look nowhere else.
    """
    pixels = rng.normal(70, 10, shape)
    stripes = np.broadcast_to(60 + 100 * (np.arange(SQUARE) // STRIPE % 2), (SQUARE, SQUARE))
    row, column = corner
    pixels[row : row + SQUARE, column : column + SQUARE] += (
        stripes if is_striped_down else stripes.T
    )
    return np.clip(pixels, 0, 255).astype(np.uint8)


def corner_in(rng, shape=SHAPE):
    return tuple(int(rng.integers(0, n - SQUARE)) for n in shape)


def make_case(project, key, pixels):
    """Of an image whose pixels measure one millimetre."""
    data = conversion.radiograph(pixels, conversion.Subject(patient_id=key), key)
    dataset, measured = pydicom.dcmread(io.BytesIO(data)), io.BytesIO()
    dataset.PixelSpacing = [1, 1]
    dataset.save_as(measured)
    return case_of(project, [measured.getvalue()])


def case_of(project, files):
    for data in files:
        study = ingest(collection=project.collection, chunks=[data]).study
    add_cases(project=project, studies=[study])
    return Case.objects.select_related("project", "study").get(project=project, study=study)


def squares(side):
    """(n, 1, side, side) inputs striped across and down, and which are which."""
    rng = np.random.default_rng(3)
    with TemporaryDirectory() as folder:
        images = [_input(Path(folder), rng, n % 2 == 1, side) for n in range(48)]
    return np.stack(images)[:, None], np.arange(48) % 2


def _input(folder, rng, is_striped_down, side):
    return as_input(folder, picture(rng, corner_in(rng), is_striped_down=is_striped_down), side)


def as_input(folder, pixels, side):
    """What a network of this side sees of the pixels."""
    path = folder / "picture.dcm"
    path.write_bytes(conversion.radiograph(pixels, conversion.Subject(patient_id="p"), "k"))
    return model_input(path, 1, side)


def prepared(spec, make):
    """The same of a specification; `make(rng, is_yes)` makes (y, x) or (z, y, x) values."""
    rng = np.random.default_rng(3)
    images = [
        prepare({"image": Volume(make(rng, n % 2 == 1), (1.0,) * spec.spatial)}, spec)
        for n in range(24)
    ]
    return np.stack(images), np.arange(24) % 2


def learn(network, images, labels, *, steps=40, rate=3e-3):
    """Train until it tells them apart; dense where the labels are."""
    torch.manual_seed(0)
    network.train()
    optimizer = torch.optim.AdamW(network.parameters(), lr=rate)
    inputs, wanted = torch.from_numpy(np.float32(images)), torch.from_numpy(np.int64(labels))
    for _ in range(steps):
        optimizer.zero_grad()
        loss = torch.nn.functional.cross_entropy(network(inputs), wanted)
        loss.backward()
        optimizer.step()
    network.eval()
    with torch.no_grad():
        right = (network(inputs).argmax(dim=1) == wanted).float().mean()
    assert right > 0.88
    return network


def put_into_production(target, network, architecture, *, task=None, spec=None, columns=None):
    task = task or OneAnswer(("no", "yes"))
    config = TrainConfig(network=architecture.network, side=architecture.size[-1])
    return ModelVersion.objects.create(
        target=target, origin="made for a test", number=target.model_versions.count() + 1,
        weights_sha256=save_weights(network, weights_folder()), classes=list(task.classes),
        state=ModelVersionState.PRODUCTION, input=spec.as_json() if spec else {},
        columns=columns or {},
        **described(task, architecture, config),
    )  # fmt: skip


@functools.cache
def _seeing(network, side):
    """The state of a trained network: every test of a run looks with the same eyes."""
    torch.manual_seed(0)
    built = Architecture(network, 2, size=(side, side)).build()
    return learn(built, *squares(side)).state_dict()


def seeing_squares(target, network="resnet10", side=64):
    """A version in production that says "yes" where the bright square is striped downwards."""
    architecture = Architecture(network, 2, size=(side, side))
    built = architecture.build()
    built.load_state_dict(_seeing(network, side))
    return put_into_production(target, built, architecture)
