"""The training loop, checkpoints and metrics, without Django."""

import functools
import itertools
import resource
import threading
import time
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from monai.networks.nets.segresnet import SegResNet
from sklearn.metrics import roc_auc_score
from torch import nn
from torch.nn import functional

from learning.training import augmentation, evaluate
from learning.training import predict as predict_module
from learning.training import run as learning_run
from learning.training import run as run_module
from learning.training.augmentation import augment
from learning.training.batches import Source, made_ahead
from learning.training.checkpoint import Checkpoints, load_weights, save_weights, weights_path
from learning.training.config import MODALITIES, InvalidConfig, TrainConfig
from learning.training.data import ArrayFile, Samples
from learning.training.distributed import ALONE
from learning.training.loop import DivergedTraining, train
from learning.training.memory import AtOnce, OutOfMemory, is_out_of_memory, note, noted
from learning.training.metrics import classification, intervals
from learning.training.moving import places
from learning.training.networks import Architecture
from learning.training.predict import Block, Members, predict, segment
from learning.training.recipes import recommended
from learning.training.run import Run, Watch
from learning.training.schedule import one_cycle
from learning.training.tasks import (
    ManyAnswers,
    Number,
    OneAnswer,
    OrdinalGrade,
    Segmentation,
    TimeToEvent,
    Unlearnable,
)
from learning.training.validation import UnfitSamples, validation_loss

SMALL = TrainConfig(
    side=32, batch_size=4, epochs=1, min_steps=24, evaluations=6, flip=False, dropout=0.2,
    checkpoint_s=0.0,
)  # fmt: skip
STILL = TrainConfig(
    side=32, batch_size=4, epochs=60, min_steps=0, rotate_degrees=0.0, scale=0.0, shift=0.0,
    contrast=0.0, noise=0.0, flip=False, label_smoothing=0.0, flip_at_test=False,
)  # fmt: skip
SIDES = OneAnswer(("left", "right"))
CPU = torch.device("cpu")


def make_images(count, seed=0):
    """Two classes: a bright square left or right."""
    rng = np.random.default_rng(seed)
    images = rng.normal(0, 0.3, (count, 1, 32, 32))
    labels = np.arange(count) % 2
    for [image], label in zip(images, labels, strict=True):
        image[10:22, 4:14] += 2.0 * (label == 0)
        image[10:22, 18:28] += 2.0 * (label == 1)
    return Samples(images.astype(np.float16), labels.astype(np.int64))


def run(folder, config=SMALL, training=None, on_progress=lambda _p: None, task=SIDES, **options):
    architecture = options.pop(
        "architecture",
        Architecture("resnet10", task.outputs, size=(32, 32), dropout=config.dropout),
    )
    training = training or make_images(16)
    return train(
        config=config, task=task, architecture=architecture, training=training,
        validation=options.pop("validation", training), seed=7, checkpoints=Checkpoints(folder),
        on_progress=on_progress, **options,
    )  # fmt: skip


def test_a_network_overfits_four_images(tmp_path):
    four = make_images(4)
    trained = run(tmp_path, STILL, four)
    found = predict(Members([trained.network]), [Block(four.images)], SIDES, STILL, CPU)
    assert (found.mean.argmax(axis=1) == four.labels).all()
    assert found.mean.max(axis=1).min() > 0.9
    assert found.embeddings.shape == (4, 128)


# The answers of the four images, and which output must tell the second class from the first.
ANSWERS = [
    (ManyAnswers(("a", "b")), [["a"], ["b"], ["a"], ["b"]], 1),
    (OrdinalGrade(("low", "mid", "high")), ["low", "high", "low", "high"], 2),
    (Number(), [5.0, 9.0, 5.0, 9.0], 0),
    (TimeToEvent(), [{"time": t, "event": True} for t in (9, 1, 8, 2)], 0),
]


@pytest.mark.parametrize(("task", "answers", "output"), ANSWERS, ids=[a[0].kind for a in ANSWERS])
def test_every_kind_of_target_is_learned_from_four_images(task, answers, output, tmp_path):
    four = make_images(4)
    samples = Samples(four.images, task.encode(answers))
    config = TrainConfig.from_json(STILL.as_json() | {"epochs": 40})
    trained = run(tmp_path, config, samples, task=task)
    found = predict(Members([trained.network]), [Block(four.images)], trained.task, config, CPU)
    of_output = found.mean[:, output]
    assert of_output[[1, 3]].mean() - of_output[[0, 2]].mean() > 0.7


def test_a_segmentation_is_learned_from_sparse_slices_of_volumes_of_any_size(tmp_path):
    task = Segmentation(("block",))
    rng = np.random.default_rng(0)
    images, masks = [], []
    for depth in (6, 9):
        image = rng.normal(0, 0.3, (1, depth, 20, 24)).astype(np.float32)
        mask = np.zeros((depth, 20, 24), np.int16)
        image[:, :, 4:14, 6:18] += 2
        mask[:, 4:14, 6:18] = 1
        masks.append(mask)
        images.append(image)
    sparse = [np.where(np.arange(len(m))[:, None, None] % 3 == 1, m, -1) for m in masks]
    config = TrainConfig.from_json(
        STILL.as_json() | {"batch_size": 2, "epochs": 1, "min_steps": 25, "learning_rate": 0.01}
    )
    architecture = Architecture("segresnet_small", 2, "3d", size=(8, 16, 16))
    samples = Samples(images, task.encode(sparse))
    trained = run(tmp_path, config, samples, task=task, architecture=architecture)
    for image, mask in zip(images, masks, strict=True):
        [found] = segment(Members([trained.network]), image, task, architecture, config, CPU)
        assert found.shape == (2, *mask.shape)
        assert ((found.argmax(0) == 1) == (mask == 1)).mean() > 0.95


def test_a_resumed_run_equals_an_uninterrupted_one_bit_for_bit(tmp_path):
    class Killed(Exception):
        pass

    def die_at_12(progress):
        if progress.step >= 12:
            raise Killed

    straight = run(tmp_path / "straight")
    with pytest.raises(Killed):
        run(tmp_path / "broken", on_progress=die_at_12)
    resumed = run(tmp_path / "broken")
    assert resumed.curves == straight.curves
    for name, value in straight.network.state_dict().items():
        assert torch.equal(value, resumed.network.state_dict()[name]), name


def test_a_resumed_run_of_masks_equals_an_uninterrupted_one_bit_for_bit(tmp_path):
    """Patches, their places and their augmentation are drawn again as they had been."""

    class Killed(Exception):
        pass

    def die_at_4(progress):
        if progress.step >= 4:
            raise Killed

    rng = np.random.default_rng(0)
    images = [rng.normal(0, 1, (1, 12, 20, 24)).astype(np.float32) for _ in range(4)]
    masks = [(image[0] > 1).astype(np.int16) for image in images]
    config = replace(
        SMALL, batch_size=2, min_steps=8, evaluations=4, patches_per_image=2, modality="mr",
        flip=True, dropout=0.0,
    )  # fmt: skip
    options = {
        "config": config, "training": Samples(images, masks), "task": Segmentation(("a",)),
        "architecture": Architecture("segresnet_small", 2, "3d", size=(8, 16, 16)),
    }  # fmt: skip
    straight = run(tmp_path / "straight", **options)
    with pytest.raises(Killed):
        run(tmp_path / "broken", on_progress=die_at_4, **options)
    resumed = run(tmp_path / "broken", **options)
    assert resumed.curves == straight.curves
    for name, value in straight.network.state_dict().items():
        assert torch.equal(value, resumed.network.state_dict()[name]), name


def test_batches_made_ahead_are_those_made_in_the_loop(tmp_path):
    ahead = run(tmp_path / "ahead")
    plain = run(tmp_path / "plain", TrainConfig.from_json(SMALL.as_json() | {"prefetch": False}))
    assert plain.curves == ahead.curves


def test_every_epoch_longer_than_the_limit_is_saved_and_the_watcher_hears_of_it(tmp_path):
    heard = []
    run(tmp_path, replace(SMALL, evaluations=1, checkpoint_s=0.0), on_progress=heard.append)
    assert len(list(tmp_path.glob("*.pt"))) == 2  # of two epochs, though it was looked at once
    assert heard[-1].saved_step == 24


def test_the_watcher_hears_figures_and_the_time_left(tmp_path):
    heard = []
    run(tmp_path, on_progress=heard.append)
    assert [p.step for p in heard if p.figures][-1] == 24
    assert heard[0].seconds_left > 0
    assert heard[-1].seconds_left == 0
    assert {"loss", "validation_loss", "learning_rate"} <= set(heard[-1].figures)


class Glutton(nn.Module):
    """A network whose memory ends at so many images."""

    def __init__(self, network, most):
        super().__init__()
        self.network, self.most = network, most

    def forward(self, images):
        if len(images) > self.most:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return self.network(images)


@pytest.fixture
def gluttonous(monkeypatch):
    """Networks that run out of memory above two images."""
    build = Architecture.build

    def built(self):
        network = build(self)
        hungry = Glutton(network, gluttonous_most[0])
        hungry.firstread_features = ("network.fc", False)
        return hungry

    gluttonous_most = [2]
    monkeypatch.setattr(Architecture, "build", built)
    return gluttonous_most


def test_memory_that_runs_out_halves_the_batch_and_says_so(tmp_path, gluttonous):
    heard = []
    data = make_images(16)
    trained = run(tmp_path, training=data, validation=Samples(data.images[:2], data.labels[:2]),
                  on_progress=heard.append)  # fmt: skip
    assert heard[-1].images_at_once == 2
    found = predict(Members([trained.network]), [Block(data.images)], SIDES, SMALL, CPU)
    assert found.mean.shape == (16, 2)


def test_validation_and_prediction_step_down_too_and_say_to_what(tmp_path, gluttonous):
    with noted() as shortages:
        trained = run(tmp_path)
        data = make_images(16)
        found = predict(Members([trained.network]), [Block(data.images)], SIDES, SMALL, CPU)
    assert found.mean.shape == (16, 2)
    # Validation begins with twice as many as were learned from.
    assert shortages == {
        "training": {"times": 1, "at_once": 2}, "validation": {"times": 1, "at_once": 2},
        "prediction": {"times": 3, "at_once": 2},
    }  # fmt: skip


@pytest.mark.parametrize("most", [1, 0])
def test_windows_go_through_one_at_a_time_where_two_do_not_fit(monkeypatch, most):
    """Or are put together in the machine's memory, where a GPU does not hold the whole volume."""
    inferred = []
    inference = predict_module.sliding_window_inference

    def little(inputs, *arguments, sw_batch_size, device, **options):
        inferred.append((sw_batch_size, str(device)))
        if len(inferred) <= (1 if most else 2):
            raise torch.OutOfMemoryError("CUDA out of memory")
        return inference(inputs, *arguments, sw_batch_size=sw_batch_size, device=device, **options)

    task = Segmentation(("block",))
    architecture = Architecture("segresnet_small", 2, "3d", size=(8, 16, 16))
    members = Members([architecture.build()])
    image = np.random.default_rng(0).normal(0, 1, (1, 10, 20, 24)).astype(np.float32)
    [whole] = segment(members, image, task, architecture, STILL, CPU)
    monkeypatch.setattr(predict_module, "sliding_window_inference", little)
    with noted() as shortages:
        [found] = segment(members, image, task, architecture, STILL, CPU)
    np.testing.assert_allclose(found, whole, atol=1e-5)
    assert shortages == {"windows": {"times": 2 - most, "at_once": most}}
    assert [count for count, _ in inferred] == ([2, 1] if most else [2, 1, 1])


def test_masks_are_validated_where_two_windows_do_not_fit(tmp_path, monkeypatch):
    forward = SegResNet.forward

    def little(self, images):
        if not self.training and len(images) > 1:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return forward(self, images)

    monkeypatch.setattr(SegResNet, "forward", little)
    image = np.random.default_rng(0).normal(0, 1, (1, 10, 20, 24)).astype(np.float32)
    samples = Samples([image], [np.ones((10, 20, 24), np.int16)])
    config = replace(STILL, batch_size=1, epochs=1, min_steps=2, evaluations=2)
    architecture = Architecture("segresnet_small", 2, "3d", size=(8, 16, 16))
    with noted() as shortages:
        trained = run(
            tmp_path, config, samples, task=Segmentation(("a",)), architecture=architecture
        )
    assert shortages == {"windows": {"times": 1, "at_once": 1}}  # and it is remembered
    assert all("validation_loss" in point for point in trained.curves)


def test_a_training_can_be_stopped_while_masks_are_validated_and_goes_on(tmp_path, monkeypatch):
    """A hundred volumes take half an hour of a GPU: somebody may want it back."""

    class Stopped(Exception):
        pass

    def trained(folder, on_progress):
        return run(
            tmp_path / folder, config, samples, task=Segmentation(("a",)),
            architecture=Architecture("segresnet_small", 2, "3d", size=(8, 16, 16)),
            on_progress=on_progress,
        )  # fmt: skip

    def stop_in_the_second_validation(progress):
        heard.append(bool(progress.figures))
        if len(heard) == 7:
            raise Stopped

    monkeypatch.setattr(learning_run, "TELL_EVERY_S", 0.0)
    image = np.random.default_rng(0).normal(0, 1, (1, 8, 16, 16)).astype(np.float32)
    samples = Samples([image] * 3, [np.ones((8, 16, 16), np.int16)] * 3)
    config = replace(STILL, batch_size=3, epochs=2, min_steps=2, evaluations=2)
    heard = []
    with pytest.raises(Stopped):
        trained("stopped", stop_in_the_second_validation)
    assert heard == [False] * 4 + [True] + [False] * 2  # a step, three volumes, figures
    again, straight = (trained(folder, heard.append) for folder in ("stopped", "straight"))
    assert again.curves == straight.curves
    for name, value in again.network.state_dict().items():
        assert torch.equal(value, straight.network.state_dict()[name]), name


def test_the_next_image_is_answered_while_the_caller_deals_with_one_and_shortages_are_heard():
    begun = [threading.Event() for _ in range(3)]

    def work(number):
        begun[number].set()
        note("windows", number)
        return number * 10

    with noted() as shortages:
        for number, found in predict_module.one_ahead(range(3), work):
            assert found == number * 10
            assert begun[min(number + 1, 2)].wait(10)  # before it is asked for
    assert shortages == {"windows": {"times": 3, "at_once": 2}}


@pytest.mark.parametrize("makers", [1, 3])
def test_batches_come_in_order_from_any_number_of_threads(makers):
    def slow(number):
        time.sleep(0.02 * (number % 3 == 0))
        return number

    tasks = (functools.partial(slow, number) for number in range(12))
    assert list(made_ahead(tasks, makers, 1)) == list(range(12))


@pytest.mark.parametrize("error", [torch.OutOfMemoryError("CUDA"), MemoryError(),
                                   RuntimeError("CUDA error: out of memory")])  # fmt: skip
def test_batches_for_which_memory_runs_out_are_made_again_one_by_one(error):
    begun = []

    def make(number):
        begun.append(number)
        if number == 5 and begun.count(5) == 1:
            raise error
        return number

    tasks = (functools.partial(make, number) for number in range(12))
    assert list(made_ahead(tasks, 3, 1)) == list(range(12))
    assert begun[-7:] == list(range(5, 12))


def test_a_batch_for_which_memory_never_suffices_ends_in_a_clear_error():
    def make():
        raise torch.OutOfMemoryError("CUDA out of memory")

    with pytest.raises(OutOfMemory, match="choose a smaller size or batch"):
        list(made_ahead(iter([make]), 2, 1))


@pytest.mark.parametrize(
    ("error", "is_of_memory"),
    [
        (RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried"), True),
        (RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling"), True),
        (RuntimeError("ncclUnhandledCudaError: Cuda failure 2 'out of memory'"), True),
        (MemoryError(), True),
        (OutOfMemory("4 images at once do not fit into memory"), False),
        (RuntimeError("mat1 and mat2 shapes cannot be multiplied"), False),
    ],
)
def test_what_libraries_say_when_memory_runs_out(error, is_of_memory):
    assert is_out_of_memory(error) == is_of_memory


def test_saving_takes_a_tenth_of_the_time_at_most(monkeypatch):
    now = SimpleNamespace(s=0.0)
    monkeypatch.setattr(run_module, "time", SimpleNamespace(monotonic=lambda: now.s))
    saved = []

    class Slow:
        def save(self, _step, _state):
            saved.append(now.s)
            now.s += 2

    network = nn.Linear(1, 1)
    training = Run.begin(network, network, SMALL, 100, AtOnce("training"), is_mixed=False)
    watch = Watch(training, lambda _progress: None, ALONE, Slow(), keep_s=1.0)
    for _ in range(50):
        now.s += 1
        watch.keep(None)
    assert saved == [1, 23, 45]
    watch.keep({"loss": 1.0})  # of an evaluation always
    assert len(saved) == 4


def test_what_a_batch_holds_does_not_depend_on_who_makes_it_first():
    source = Source(make_images(16), SIDES, SMALL, (32, 32), CPU)
    tasks = list(itertools.islice(source.epochs(3, 0), 8))
    forwards = [task()[0].images for task in tasks]
    backwards = [task()[0].images for task in reversed(tasks)][::-1]
    assert all(torch.equal(a, b) for a, b in zip(forwards, backwards, strict=True))
    assert [task()[1] for task in tasks] == [False, False, False, True] * 2


def test_memory_that_holds_no_two_images_ends_in_a_clear_error(tmp_path, gluttonous):
    gluttonous[0] = 1
    with pytest.raises(OutOfMemory, match="choose a smaller size or network"):
        run(tmp_path)


def test_a_full_disk_leaves_the_checkpoint_before_it(tmp_path):
    checkpoints = Checkpoints(tmp_path)
    checkpoints.save(1, {"step": 1})
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, hard))
    try:
        with pytest.raises(OSError, match="too large"):
            checkpoints.save(2, {"step": 2, "weights": torch.zeros(100_000)})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert checkpoints.load() == {"step": 1}
    assert len(list(tmp_path.iterdir())) == 1


def test_a_damaged_checkpoint_is_passed_over_for_the_one_before(tmp_path):
    checkpoints = Checkpoints(tmp_path)
    checkpoints.save(1, {"step": 1})
    checkpoints.save(2, {"step": 2})
    newest = max(tmp_path.glob("*.pt"))
    newest.write_bytes(newest.read_bytes()[:-1] + b"x")
    assert checkpoints.load() == {"step": 1}


def test_only_two_checkpoints_are_kept(tmp_path):
    checkpoints = Checkpoints(tmp_path)
    for step in range(5):
        checkpoints.save(step, {"step": step})
    assert len(list(tmp_path.iterdir())) == 2


def test_weights_are_addressed_by_hash_and_verified(tmp_path):
    network = Architecture("resnet10", 2).build()
    sha256 = save_weights(network, tmp_path)
    other = Architecture("resnet10", 2).build()
    load_weights(other, tmp_path, sha256)
    assert all(
        torch.equal(a, b) for a, b in zip(network.parameters(), other.parameters(), strict=True)
    )
    path = weights_path(tmp_path, sha256)
    path.write_bytes(path.read_bytes() + b" ")
    with pytest.raises(ValueError, match="do not match their hash"):
        load_weights(other, tmp_path, sha256)


def test_poisoned_images_end_in_a_clear_error(tmp_path):
    data = make_images(8)
    data.images[:] = np.nan
    with pytest.raises(DivergedTraining):
        run(tmp_path, training=data)


@pytest.mark.parametrize(
    ("samples", "error", "message"),
    [
        (Samples(np.zeros((4, 1, 16, 32)), np.arange(4) % 2), UnfitSamples, "image 0 has the size"),
        (Samples(np.zeros((4, 2, 32, 32)), np.arange(4) % 2), UnfitSamples, "image 0 has the shape"),
        (Samples(np.zeros((4, 1, 32, 32)), np.ones(4, int)), Unlearnable, "left: 0, right: 4"),
        (
            Samples(np.zeros((4, 1, 32, 32)), np.arange(4) % 2, np.zeros((4, 2), np.float32)),
            UnfitSamples, "reads 0 columns, not 2",
        ),
    ],
)  # fmt: skip
def test_samples_that_do_not_fit_are_named(tmp_path, samples, error, message):
    with pytest.raises(error, match=message):
        run(tmp_path, training=samples)


@pytest.mark.parametrize("modality", MODALITIES)
@pytest.mark.parametrize("space", [(16, 20), (6, 16, 20)], ids=["2d", "3d"])
def test_augmentation_is_determined_by_its_seed_and_masks_follow(modality, space):
    """An image that shows its own mask still shows it after it was moved."""
    config = TrainConfig(modality=modality, contrast=0.0, noise=0.0)
    mask = torch.zeros(4, *space, dtype=torch.long)
    mask[..., 4:12, 5:15] = 1
    images = mask[:, None].float()
    moved, followed = augment(images, mask, config, torch.Generator().manual_seed(3))
    again, _ = augment(images, mask, config, torch.Generator().manual_seed(3))
    assert torch.equal(moved, again)
    assert not torch.equal(moved, images)
    is_inside = followed >= 0
    agreement = ((moved[:, 0] > 0.5) == (followed == 1))[is_inside].float().mean()
    assert agreement > 0.97
    loud = TrainConfig(modality=modality, contrast=0.3, noise=0.1)
    recoloured, _ = augment(images + 1, None, loud, torch.Generator().manual_seed(3))
    assert torch.isfinite(recoloured).all()
    assert set(augmentation.RECIPES) == set(MODALITIES)


@pytest.mark.parametrize("space", [(7, 9), (4, 5, 6)], ids=["2d", "3d"])
def test_places_are_those_of_torch(space):
    matrix = torch.randn(3, len(space), len(space) + 1, generator=torch.Generator().manual_seed(0))
    expected = functional.affine_grid(matrix, [3, 1, *space], align_corners=False)
    torch.testing.assert_close(places(matrix, torch.Size(space)), expected, atol=1e-5, rtol=1e-5)


def test_noise_is_as_loud_as_asked_and_differs_from_image_to_image():
    config = replace(STILL, noise=0.1)
    found, _ = augment(torch.zeros(8, 1, 64, 64), None, config, torch.Generator().manual_seed(1))
    assert found.std().item() == pytest.approx(0.1, rel=0.05)
    assert found.mean().item() == pytest.approx(0, abs=0.01)
    assert torch.corrcoef(found.flatten(1)).fill_diagonal_(0).abs().max() < 0.1


def test_a_recipe_without_augmentation_leaves_images_and_masks_alone():
    images, masks = torch.randn(2, 1, 8, 8), torch.ones(2, 8, 8, dtype=torch.long)
    found, same = augment(images, masks, STILL, torch.Generator().manual_seed(1))
    assert torch.equal(found, images)
    assert torch.equal(same, masks)


def test_oversampling_draws_the_rare_class_more_often():
    labels = np.array([0] * 90 + [1] * 10)
    samples = Samples(np.zeros((100, 1, 8, 8), np.float16), labels)
    config = TrainConfig(oversample=True, batch_size=10)
    source = Source(samples, SIDES, config, (8, 8), CPU)
    drawn = torch.cat([task()[0].labels for task in itertools.islice(source.epochs(0, 0), 100)])
    assert 0.2 < drawn.float().mean() < 0.3  # 3:1 by the inverse root of 9:1


def test_patches_are_cut_around_structures_and_padded_as_unknown():
    mask = np.zeros((40, 40), np.int16)
    mask[35:38, 2:5] = 1
    samples = Samples([np.ones((1, 40, 40), np.float16), np.ones((1, 8, 8), np.float16)],
                      [mask, np.zeros((8, 8), np.int16)])  # fmt: skip
    config = TrainConfig.from_json(STILL.as_json() | {"batch_size": 2, "foreground_share": 1.0})
    source = Source(samples, Segmentation(("a",)), config, (16, 16), CPU)
    batch, is_last = next(source.epochs(0, 0))()
    assert is_last
    assert batch.images.shape == (2, 1, 16, 16)
    assert sorted((batch.labels == 1).sum((1, 2)).tolist()) == [0, 9]
    assert sorted((batch.labels == -1).sum((1, 2)).tolist()) == [0, 256 - 64]


def test_files_give_back_arrays_of_any_shape(tmp_path):
    arrays = [np.arange(n * 3, dtype=np.int16).reshape(n, 3) for n in (2, 5, 1)]
    kept = ArrayFile.write(tmp_path / "masks", arrays)
    assert len(kept) == 3
    for ours, theirs in zip(kept, arrays, strict=True):
        np.testing.assert_array_equal(ours, theirs)
    with pytest.raises(ValueError, match="array 1 differs"):
        ArrayFile.write(tmp_path / "other", [np.zeros(3), np.zeros((3, 3))])


def test_training_from_files_equals_training_from_memory(tmp_path):
    data = make_images(16)
    data.save(tmp_path / "data")
    from_files = run(tmp_path / "a", training=Samples.load(tmp_path / "data"))
    assert from_files.curves == run(tmp_path / "b", training=data).curves


def test_members_disagree_only_with_dropout_and_a_seed_repeats_them():
    network = Architecture("resnet10", 2, size=(32, 32), dropout=0.5).build()
    blocks = [Block(make_images(6).images)]
    once = predict(Members([network], passes=3, seed=1), blocks, SIDES, SMALL, CPU)
    again = predict(Members([network], passes=3, seed=1), blocks, SIDES, SMALL, CPU)
    assert once.members.shape == (3, 6, 2)
    np.testing.assert_array_equal(once.members, again.members)
    assert once.members.std(axis=0).max() > 0
    plain = predict(Members([network]), blocks, SIDES, SMALL, CPU)
    np.testing.assert_array_equal(once.mean, plain.mean)  # the passes only say how sure it is
    assert not np.array_equal(once.mean, once.members.mean(axis=0))
    both = predict(Members([network, network]), blocks, SIDES, SMALL, CPU)
    np.testing.assert_array_equal(both.members[0], both.members[1])


@pytest.mark.parametrize("dimensions", ["2d", "2.5d", "3d"])
@pytest.mark.parametrize("on_gpu", [False, True])
@pytest.mark.parametrize("task", [SIDES, TimeToEvent(), Segmentation(("a",))], ids=lambda t: t.kind)
def test_a_recommended_recipe_can_be_built(task, on_gpu, dimensions):
    config = recommended(task, dimensions=dimensions, sample_count=100, on_gpu=on_gpu)
    assert TrainConfig.from_json(config.as_json()) == config
    size = (64, 64) if dimensions == "2d" else (32, 64, 64)
    assert Architecture(config.network, task.outputs, dimensions, size=size).definition()


@pytest.mark.parametrize(("event", "can_tell"), [(0, False), (1, True)])
def test_a_validation_that_cannot_tell_chooses_no_network(event, can_tell):
    """A Cox loss without events is 0, which no later loss would be below."""
    architecture = Architecture("resnet10", 1, size=(32, 32))
    images = np.random.default_rng(0).normal(0, 1, (3, 1, 32, 32)).astype(np.float16)
    samples = Samples(images, np.asarray([[3, event], [5, 0], [7, 0]], np.float32))
    found = validation_loss(
        architecture.build().eval(), samples, TimeToEvent(), architecture, SMALL, CPU, at_once=4
    )
    assert (found is not None) == can_tell


@pytest.mark.parametrize(
    ("count", "size", "network"),
    [
        (100, (32, 64, 64), "dynunet"), (49, (32, 64, 64), "segresnet"),
        (100, (40, 56, 40), "segresnet"),  # no multiples of 16
        (100, (12, 20, 20), "segresnet_small"),
    ],
)  # fmt: skip
def test_what_is_recommended_takes_images_of_that_size(count, size, network):
    task = Segmentation(("a",))
    where = {"dimensions": "3d", "on_gpu": True, "size": size}
    assert recommended(task, sample_count=count, **where).network == network


@pytest.mark.parametrize(("dimensions", "alike", "at_risk"), [("2d", 32, 64), ("3d", 8, 32)])
@pytest.mark.parametrize("on_gpu", [False, True])
def test_batches_of_times_to_an_event_hold_enough_cases_to_compare(
    on_gpu, dimensions, alike, at_risk
):
    where = {"dimensions": dimensions, "sample_count": 100, "on_gpu": on_gpu}
    assert recommended(SIDES, **where).batch_size == alike
    assert recommended(TimeToEvent(), **where).batch_size == at_risk


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        ({"sides": 3}, "sides"),
        ({"side": "big"}, "side must be of type int"),
        ({"side": 1}, "side must lie"),
        ({"network": "none"}, "network must be one of"),
        ({"modality": "smell"}, "modality must be one of"),
        ({"learning_rate": float("nan")}, "learning_rate must lie"),
        ({"flip": 1}, "flip must be of type bool"),
    ],
)
def test_a_wrong_option_is_named(overrides, message):
    with pytest.raises(InvalidConfig, match=message):
        TrainConfig.from_json(overrides)


def test_auc_equals_sklearn_with_ties():
    rng = np.random.default_rng(0)
    truth = rng.random(300) < 0.3
    scores = np.round(rng.random(300) + 0.3 * truth, 1)
    assert classification.auc(truth, scores) == pytest.approx(roc_auc_score(truth, scores))


@pytest.mark.parametrize(("flip", "expected"), [(False, 1.0), (True, 0.0)])
def test_auc_is_one_for_perfect_and_zero_for_reversed(flip, expected):
    truth = np.array([False, False, True, True])
    scores = np.array([0.1, 0.2, 0.8, 0.9])
    assert classification.auc(truth, -scores if flip else scores) == expected


def test_figures_by_hand():
    truth = np.array([0, 0, 0, 1, 1])
    probabilities = np.array([[0.9, 0.1], [0.4, 0.6], [0.8, 0.2], [0.3, 0.7], [0.7, 0.3]])
    figures = evaluate.evaluate(
        OneAnswer(("no", "yes")),
        truth,
        probabilities,
        list("abcde"),
        thresholds=(0.5,),
        rng=np.random.default_rng(0),
    )
    assert figures["sensitivity"]["value"] == 0.5
    assert figures["specificity"]["value"] == pytest.approx(2 / 3)
    assert figures["accuracy"]["value"] == pytest.approx(3 / 5)
    assert figures["n"] == 5
    assert figures["auc"]["low"] <= figures["auc"]["value"] <= figures["auc"]["high"]


def test_one_class_alone_gives_no_auc_instead_of_a_wrong_one():
    figures = evaluate.evaluate(
        OneAnswer(("no", "yes")), np.zeros(4, int), np.full((4, 2), 0.5), list("abcd"),
        thresholds=(0.5,),
        rng=np.random.default_rng(0),
    )  # fmt: skip
    assert figures["auc"]["value"] is None


def test_the_bootstrap_resamples_patients_and_not_images():
    """Ten copies of each patient's image must not make the interval narrower."""
    rng = np.random.default_rng(0)
    values = rng.normal(size=30)
    many = np.repeat(values, 10)
    single = intervals.bootstrap(lambda i: float(values[i].mean()), [str(n) for n in range(30)],
                                np.random.default_rng(1))  # fmt: skip
    copied = intervals.bootstrap(lambda i: float(many[i].mean()), np.repeat(range(30), 10).astype(str),
                                np.random.default_rng(1))  # fmt: skip
    assert copied.high - copied.low == pytest.approx(single.high - single.low, rel=0.1)


def test_calibration_error_of_a_calibrated_and_an_overconfident_model():
    truth = np.array([1] * 8 + [0] * 2)
    calibrated = np.tile([0.2, 0.8], (10, 1))
    boastful = np.tile([0.0, 1.0], (10, 1))
    assert classification.calibration_error(truth, calibrated) == pytest.approx(0.0)
    assert classification.calibration_error(truth, boastful) == pytest.approx(0.2)


@pytest.mark.parametrize("steps", [1, 2, 3, 4, 5, 9])
def test_the_shortest_runs_have_a_learning_rate_too(steps):
    optimizer = torch.optim.AdamW([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    schedule = one_cycle(optimizer, 1.0, steps, 0.2)
    rates = []
    for _ in range(steps):
        rates.append(schedule.get_last_lr()[0])
        optimizer.step()
        schedule.step()
    assert all(0 < rate <= 1 for rate in rates)
