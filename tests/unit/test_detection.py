"""The detector: boxes, targets, loss, decoding, augmentation, training and its figures."""

import numpy as np
import pytest
import torch
from monai.apps.detection.metrics.coco import COCOMetric
from monai.apps.detection.metrics.matching import matching_batch
from monai.data.box_utils import box_iou
from monai.metrics.froc import compute_froc_curve_data, compute_froc_score

from learning.training import resumable
from learning.training import run as learning_run
from learning.training.boxes import InvalidBoxes, check_boxes, iou, suppress
from learning.training.checkpoint import Checkpoints
from learning.training.detection.augment import BoxAugmentation, augment, move_boxes
from learning.training.detection.decode import Detections, decode
from learning.training.detection.evaluate import USUAL_SCORE, examined_boxes, thresholds_of_boxes
from learning.training.detection.loss import detection_loss, heat_loss
from learning.training.detection.network import Detector, DetectorShape, Maps
from learning.training.detection.targets import encode, grid_shape
from learning.training.detection.train import (
    BoxedImages,
    DetectorConfig,
    detect,
    train_detector,
)
from learning.training.detection.windows import cut_window, window_maps
from learning.training.memory import OutOfMemory, noted
from learning.training.metrics import detections as measured
from learning.training.metrics.figures import figures as figures_of
from learning.training.resumable import DivergedLoss, Schedule


def boxes_of(*rows):
    return np.array(rows, np.float32).reshape(len(rows), -1)


def random_boxes(rng, count, dimensions, limit=60):
    start = rng.uniform(0, limit - 20, (count, dimensions))
    return np.concatenate([start, start + rng.uniform(4, 18, start.shape)], axis=1).astype(
        np.float32
    )


def scene(rng, shape, classes=2):
    """A dark image with one bright (class 0) and one striped (class 1) box."""
    image = rng.normal(0, 0.1, shape).astype(np.float32)
    boxes = []
    middle = shape[-1] // 2
    for label in range(classes):
        lengths = rng.integers(8, 13, len(shape))
        start = np.array([rng.integers(1, n - k) for n, k in zip(shape, lengths, strict=True)])
        start[-1] = rng.integers(0, middle - lengths[-1]) + label * middle
        window = tuple(slice(s, s + k) for s, k in zip(start, lengths, strict=True))
        pattern = np.ones(tuple(lengths), np.float32)
        pattern[..., ::2] -= 2.0 * label
        image[window] += 2 * pattern
        boxes.append([*start, *(start + lengths)])
    return image[None], np.array(boxes, np.float32), np.arange(classes)


def scenes(count, shape, seed=0):
    rng = np.random.default_rng(seed)
    made = [scene(rng, shape) for _ in range(count)]
    return BoxedImages(
        np.stack([m[0] for m in made]).astype(np.float16),
        [m[1] for m in made],
        [m[2] for m in made],
    )


# boxes


@pytest.mark.parametrize("dimensions", [2, 3])
def test_iou_equals_monai(dimensions):
    rng = np.random.default_rng(0)
    first, second = random_boxes(rng, 20, dimensions), random_boxes(rng, 30, dimensions)
    assert iou(first, second) == pytest.approx(box_iou(first, second), abs=1e-5)


def test_only_worse_boxes_of_the_same_class_give_way():
    boxes = boxes_of([0, 0, 10, 10], [0, 0, 10, 9], [0, 0, 10, 9], [20, 20, 30, 30])
    scores = np.array([0.8, 0.9, 0.7, 0.1], np.float32)
    assert suppress(boxes, scores, np.array([0, 0, 1, 0]), 0.5).tolist() == [1, 2, 3]


@pytest.mark.parametrize(
    ("boxes", "labels", "message"),
    [
        (boxes_of([0, 0, 2, 2], [5, 5, 5, 9]), [0, 0], "image 0, box 1"),
        (boxes_of([0, 0, np.nan, 2]), [0], "image 0, box 0"),
        (boxes_of([0, 0, 2, 2]), [3], "labels must lie between 0 and 2"),
        (boxes_of([0, 0, 0, 2, 2, 2]), [0], r"boxes must be \(k, 4\)"),
        (boxes_of([0, 0, 2, 2]), [0, 1], "1 boxes, but labels"),
    ],
)
def test_wrong_boxes_are_named(boxes, labels, message):
    with pytest.raises(InvalidBoxes, match=message):
        check_boxes([boxes], [np.array(labels)], dimensions=2, class_count=3)


# targets, loss, decoding


@pytest.mark.parametrize(("shape", "stride"), [((64, 48), 4), ((63, 50), 2), ((24, 40, 32), 4)])
def test_what_is_encoded_is_decoded(shape, stride):
    dimensions = len(shape)
    boxes = np.concatenate([np.full(dimensions, 3.0), np.full(dimensions, 13.0)])[None]
    other = np.concatenate([np.array(shape) - 12.5, np.array(shape) - 1.0])[None]
    boxes = np.concatenate([boxes, other]).astype(np.float32)
    labels = np.array([1, 0])
    targets = encode([boxes], [labels], shape=shape, stride=stride, class_count=2)
    assert targets.heat.shape[2:] == grid_shape(shape, stride)
    maps = Maps(torch.logit(targets.heat.clamp(1e-4, 1 - 1e-4)), targets.size, targets.offset)
    (found,) = decode(maps, shape=shape, stride=stride, least_score=0.9)
    order = np.argsort(-found.labels)
    assert found.labels[order].tolist() == [1, 0]
    assert found.boxes[order] == pytest.approx(boxes, abs=1e-3)


def test_the_network_has_the_grid_of_the_targets():
    for shape, dimensions, stride in [((50, 67), 2, 4), ((50, 67), 2, 2), ((20, 33, 26), 3, 4)]:
        network = Detector(DetectorShape(2, dimensions, stride=stride, width=4, neck=4)).eval()
        maps = network(torch.zeros(1, 1, *shape))
        assert maps.heat.shape[2:] == grid_shape(shape, stride)
        assert maps.size.shape[1] == maps.offset.shape[1] == dimensions


def test_a_centre_has_heat_one_and_a_small_object_wins_over_a_large_one():
    boxes = boxes_of([0, 0, 60, 60], [28, 28, 36, 36])
    targets = encode([boxes], [np.array([0, 1])], shape=(64, 64), stride=4, class_count=2)
    assert (targets.heat == 1).flatten(2).sum(dim=2).tolist() == [[1, 1]]
    assert targets.size[0, 0, 8, 8] == pytest.approx(np.log(2))


def test_an_image_without_objects_has_a_loss_without_boxes():
    targets = encode([np.zeros((0, 4), np.float32)], [np.zeros(0, np.int64)], shape=(32, 32), stride=4,
                     class_count=1)  # fmt: skip
    quiet = Maps(torch.full((1, 1, 8, 8), -9.0), torch.ones(1, 2, 8, 8), torch.ones(1, 2, 8, 8))
    assert detection_loss(quiet, targets) < 1e-6
    loud = Maps(torch.full((1, 1, 8, 8), 3.0), torch.ones(1, 2, 8, 8), torch.ones(1, 2, 8, 8))
    assert detection_loss(loud, targets) > 10


def test_the_losses_of_parts_add_up_to_that_of_the_batch():
    """Though one image has three objects, one has one, and one has none."""
    boxes = [
        boxes_of([2, 2, 12, 12], [20, 20, 30, 30], [2, 20, 9, 30]),
        boxes_of([4, 4, 28, 28]),
        np.zeros((0, 4), np.float32),
    ]
    labels = [np.zeros(len(one), np.int64) for one in boxes]
    targets = encode(boxes, labels, shape=(32, 32), stride=4, class_count=1)
    drawn = torch.Generator().manual_seed(0)
    maps = [torch.randn(3, channels, 8, 8, generator=drawn) for channels in (1, 2, 2)]
    whole = detection_loss(Maps(*maps), targets)
    parts = [
        detection_loss(Maps(*(one[a:b] for one in maps)), targets.of(a, b))
        for a, b in ((0, 1), (1, 3))
    ]
    assert float(sum(parts)) == pytest.approx(float(whole), rel=1e-5)


def test_heat_loss_by_hand():
    heat = torch.tensor([[[[1.0, 0.5, 0.0]]]])
    p = torch.tensor([0.8, 0.6, 0.1])
    found = heat_loss(torch.logit(p).reshape(1, 1, 1, 3), heat, heat.eq(1).sum())
    by_hand = -(0.2**2 * np.log(0.8) + 0.5**4 * 0.6**2 * np.log(0.4) + 0.1**2 * np.log(0.9))
    assert float(found) == pytest.approx(by_hand, rel=1e-5)


# augmentation


@pytest.mark.parametrize("shape", [(48, 64), (24, 32, 40)])
def test_boxes_move_with_what_they_hold(shape):
    dimensions = len(shape)
    start = np.array([n // 4 for n in shape])
    stop = start + np.arange(8, 8 + 2 * dimensions, 2)
    images = torch.zeros(16, 1, *shape)
    images[(slice(None), 0, *(slice(a, b) for a, b in zip(start, stop, strict=True)))] = 1.0
    boxes = [np.concatenate([start, stop]).astype(np.float32)[None]] * 16
    config = BoxAugmentation(flip=(True,) * dimensions, contrast=0.0, offset=0.0)
    moved, found, labels = augment(
        images, boxes, [np.array([1])] * 16, config, torch.Generator().manual_seed(0)
    )
    for image, box, label in zip(moved[:, 0].numpy(), found, labels, strict=True):
        lit = np.argwhere(image > 0.5)
        around = np.concatenate([lit.min(axis=0), lit.max(axis=0) + 1])
        assert box[0] == pytest.approx(around, abs=1.01)
        assert label.tolist() == [1]


def test_a_box_that_left_the_image_is_forgotten():
    boxes = boxes_of([0, 0, 10, 10], [40, 40, 50, 50])
    kept, labels = move_boxes(
        boxes, np.array([5, 6]), np.ones(2, np.float32), np.full(2, 0.5, np.float32), (64, 64)
    )
    assert labels.tolist() == [6]
    assert kept == pytest.approx(boxes_of([24, 24, 34, 34]))


def test_augmentation_must_name_every_axis():
    with pytest.raises(ValueError, match="flip names 2 axes, the images have 3"):
        augment(torch.zeros(1, 1, 8, 8, 8), [np.zeros((0, 6), np.float32)], [np.zeros(0, np.int64)],
                BoxAugmentation(), torch.Generator())  # fmt: skip


# training


@pytest.mark.parametrize(("shape", "steps"), [((48, 64), 90), ((16, 24, 40), 90)])
def test_the_detector_overfits_four_images(tmp_path, shape, steps):
    data = scenes(4, shape)
    network = train_detector(
        data, DetectorShape(2, dimensions=len(shape), width=8, neck=16),
        DetectorConfig(batch_size=4, augmentation=None,
                       schedule=Schedule(steps=steps, learning_rate=1e-2, report_every=steps)),
        seed=0, store=Checkpoints(tmp_path),
    )  # fmt: skip
    found = detect(network, [data.images], least_score=0.3)
    truth = list(zip(data.boxes, data.labels, strict=True))
    guesses = [(d.boxes, d.scores, d.labels) for d in found]
    per_class = [measured.match(truth, guesses, label=c, overlap=0.5) for c in range(2)]
    assert measured.mean_average_precision(per_class) == 1.0


@pytest.mark.parametrize(("shape", "size"), [((40, 56), (24, 32)), ((20, 26, 30), (8, 16, 16))])
def test_a_window_shows_its_boxes_where_they_are(shape, size):
    rng = np.random.default_rng(2)
    image, boxes, labels = scene(rng, shape)
    image = image.astype(np.float16)
    generator = torch.Generator().manual_seed(0)
    shown = 0
    for _ in range(40):
        cut, found, classes = cut_window(image, boxes, labels, size, 1.0, generator)
        assert cut.shape == (1, *size)
        shown += len(found) > 0
        for box, label in zip(found, classes, strict=True):
            start, stop = np.split(box.astype(int), 2)
            window = tuple(slice(a, b) for a, b in zip(start, stop, strict=True))
            if label == 0:
                assert cut[0][window].mean() == pytest.approx(2, abs=0.2)
    assert shown == 40  # around a box each time


def test_windows_lie_anywhere_and_beyond_a_small_image():
    generator = torch.Generator().manual_seed(0)
    image = np.arange(20 * 30, dtype=np.float16).reshape(1, 20, 30)
    starts = {
        float(cut_window(image, np.zeros((0, 4), np.float32), np.zeros(0, np.int64), (16, 24), 1.0,
                         generator)[0][0, 0, 0])
        for _ in range(200)
    }  # fmt: skip
    assert len(starts) == 5 * 7
    box = boxes_of([2, 3, 10, 11])
    cut, [found], _ = cut_window(image, box, np.array([0]), (24, 40), 0.5, generator)
    assert cut.shape == (1, 24, 40)
    assert found.tolist() == [4, 8, 12, 16]
    assert cut[0, 4, 8] == image[0, 2, 3]


@pytest.mark.parametrize("overlap", [0.25, 0.5, 0.3])
@pytest.mark.parametrize(("shape", "size"), [((61, 100), (32, 40)), ((20, 43, 50), (16, 24, 24))])
def test_windows_say_of_every_cell_what_the_network_says_there(shape, size, overlap):
    """A network that sees each cell alone says the same of the whole and of windows."""

    class Local(torch.nn.Module):
        shape = DetectorShape(class_count=2, dimensions=len(size), stride=4)

        def forward(self, images):
            pool = getattr(torch.nn.functional, f"avg_pool{len(size)}d")
            cells = pool(images, 4, ceil_mode=True)
            ways = [cells * (n + 1) for n in range(len(size))]
            ways = torch.cat(ways, dim=1)
            return Maps(torch.cat([cells, -cells], dim=1), ways, ways + 1)

    whole = [-(-n // 8) * 8 for n in shape]
    images = torch.rand(2, 1, *shape, generator=torch.Generator().manual_seed(0))
    padded = torch.full((2, 1, *whole), float(images.min()))
    padded[(slice(None), slice(None), *(slice(0, n) for n in shape))] = images
    expected = Local()(padded)
    found = window_maps(Local(), images, size, overlap)
    cells = (slice(None), slice(None), *(slice(0, n) for n in grid_shape(shape, 4)))
    for name in ("heat", "size", "offset"):
        torch.testing.assert_close(
            getattr(found, name), getattr(expected, name)[cells], atol=1e-5, rtol=1e-4
        )


def test_the_detector_learns_from_windows_and_finds_in_whole_images(tmp_path):
    data = scenes(4, (72, 88))
    config = DetectorConfig(
        4, Schedule(steps=150, learning_rate=1e-2), augmentation=None, window=(40, 40)
    )
    network = train_detector(
        data, DetectorShape(2, width=8, neck=16), config, seed=1, store=Checkpoints(tmp_path)
    )
    found = detect(network, [data.images], window=(40, 40))
    for detections, boxes, labels in zip(found, data.boxes, data.labels, strict=True):
        for label in labels:
            best = int(np.flatnonzero(detections.labels == label)[0])
            assert iou(detections.boxes[best : best + 1], boxes[label : label + 1])[0, 0] > 0.5


def test_a_resumed_run_equals_an_uninterrupted_one(tmp_path):
    class Killed(Exception):
        pass

    def die_at_4(progress):
        if progress.step == 4:
            raise Killed

    data = scenes(6, (32, 48))

    def run(folder, on_progress=lambda _: None):
        config = DetectorConfig(batch_size=2, schedule=Schedule(steps=6, report_every=2),
                                augmentation=BoxAugmentation())  # fmt: skip
        return train_detector(data, DetectorShape(2, width=4, neck=8), config, seed=3,
                              store=Checkpoints(folder), on_progress=on_progress)  # fmt: skip

    straight = run(tmp_path / "straight")
    with pytest.raises(Killed):
        run(tmp_path / "broken", die_at_4)
    resumed = run(tmp_path / "broken")
    for name, value in straight.state_dict().items():
        assert torch.equal(value, resumed.state_dict()[name]), name


def little_config(**options):
    return DetectorConfig(
        batch_size=4, schedule=Schedule(steps=4, report_every=2), augmentation=None, **options
    )


@pytest.fixture
def starved(monkeypatch):
    """Detectors that run out of memory above so many images."""

    def arrange(most):
        forward = Detector.forward

        def little(self, images):
            if len(images) > most:
                raise torch.OutOfMemoryError("CUDA out of memory")
            return forward(self, images)

        monkeypatch.setattr(Detector, "forward", little)

    return arrange


def test_a_detector_steps_down_wherever_memory_runs_out(tmp_path, starved):
    starved(2)
    data, heard = scenes(4, (32, 48)), []
    with noted() as shortages:
        network = train_detector(
            data, DetectorShape(2, width=4, neck=8), little_config(), seed=0, validation=data,
            store=Checkpoints(tmp_path), on_progress=heard.append,
        )  # fmt: skip
        found = detect(network, [data.images])
    assert len(found) == 4
    assert heard[-1].images_at_once == 2
    assert shortages == {
        stage: {"times": 1, "at_once": 2} for stage in ("training", "validation", "prediction")
    }


def test_windows_of_a_detector_step_down(starved):
    starved(1)
    images = scenes(1, (72, 88)).images
    with noted() as shortages:
        [found] = detect(Detector(DetectorShape(2, width=4, neck=8)), [images], window=(40, 40))
    assert shortages == {"windows": {"times": 1, "at_once": 1}}
    assert found.boxes.shape[1] == 4


def test_a_detector_that_fits_no_two_images_says_so(tmp_path, starved):
    starved(1)
    with pytest.raises(OutOfMemory, match="choose a smaller size or network"):
        train_detector(scenes(4, (32, 48)), DetectorShape(2, width=4, neck=8), little_config(),
                       seed=0, store=Checkpoints(tmp_path))  # fmt: skip


def test_a_detector_is_validated_and_watched_and_ends_with_its_last_weights(tmp_path):
    data, heard = scenes(4, (32, 48)), []
    other = scenes(3, (32, 48), seed=1)
    network = train_detector(
        data, DetectorShape(2, width=4, neck=8),
        DetectorConfig(batch_size=4, schedule=Schedule(steps=12, report_every=2)),
        seed=0, store=Checkpoints(tmp_path), validation=other, on_progress=heard.append,
    )  # fmt: skip
    curve = [p.figures for p in heard if p.figures]
    assert [point["step"] for point in curve] == [2, 4, 6, 8, 10, 12]
    assert all(point["validation_loss"] > 0 for point in curve)
    state = Checkpoints(tmp_path).load()
    assert [point["validation_loss"] for point in state["curves"]] == [
        point["validation_loss"] for point in curve
    ]
    for name, value in network.state_dict().items():
        assert torch.equal(value, state["network"][name]), name
    assert heard[0].seconds_left > 0
    assert heard[-1].seconds_left == 0


def test_a_detector_hears_a_wish_to_stop_between_its_reports(tmp_path, monkeypatch):
    class Stopped(Exception):
        pass

    def stop(progress):
        assert progress.figures is None
        raise Stopped

    monkeypatch.setattr(learning_run, "TELL_EVERY_S", 0.0)
    config = DetectorConfig(batch_size=2, schedule=Schedule(steps=500, report_every=500))
    with pytest.raises(Stopped):
        train_detector(scenes(4, (32, 48)), DetectorShape(2, width=4, neck=8), config, seed=0,
                       store=Checkpoints(tmp_path), on_progress=stop)  # fmt: skip


def test_a_detector_hears_a_wish_to_stop_while_it_is_validated(tmp_path, monkeypatch):
    monkeypatch.setattr(learning_run, "TELL_EVERY_S", 0.0)
    config = DetectorConfig(batch_size=1, schedule=Schedule(steps=1, report_every=1))
    heard = []
    train_detector(scenes(2, (32, 48)), DetectorShape(2, width=4, neck=8), config, seed=0,
                   store=Checkpoints(tmp_path), validation=scenes(3, (32, 48), seed=1),
                   on_progress=heard.append)  # fmt: skip
    assert [bool(progress.figures) for progress in heard] == [False] * 3 + [True]


def test_a_run_killed_between_two_reports_ends_as_if_it_had_not_been(tmp_path, monkeypatch):
    class Killed(Exception):
        pass

    def die_at_5(progress):
        if progress.step == 5:
            raise Killed

    monkeypatch.setattr(learning_run, "TELL_EVERY_S", 0.0)
    monkeypatch.setattr(resumable, "SAVE_S", 0.0)
    data = scenes(6, (32, 48))
    curves = {}

    def run(folder, on_progress=lambda _: None):
        config = DetectorConfig(batch_size=2, schedule=Schedule(steps=8, report_every=4))
        found = train_detector(data, DetectorShape(2, width=4, neck=8), config, seed=3,
                               store=Checkpoints(folder), on_progress=on_progress)  # fmt: skip
        curves[folder] = Checkpoints(folder).load()["curves"]
        return found

    straight = run(tmp_path / "straight")
    with pytest.raises(Killed):
        run(tmp_path / "broken", die_at_5)
    resumed = run(tmp_path / "broken")
    assert curves[tmp_path / "broken"] == curves[tmp_path / "straight"]
    for name, value in straight.state_dict().items():
        assert torch.equal(value, resumed.state_dict()[name]), name


def test_poisoned_images_end_in_a_clear_error(tmp_path):
    data = scenes(2, (32, 48))
    data.images[:] = np.nan
    with pytest.raises(DivergedLoss, match="became nan by step 2"):
        train_detector(data, DetectorShape(2, width=4, neck=8),
                       DetectorConfig(batch_size=2, schedule=Schedule(steps=2)), seed=0, store=Checkpoints(tmp_path))  # fmt: skip


# figures


def guesses_and_truth(seed, dimensions, images=12):
    """Two classes; some objects missed, some boxes invented, no ties."""
    rng = np.random.default_rng(seed)
    truth, found = [], []
    for _ in range(images):
        boxes, labels = random_boxes(rng, 5, dimensions), rng.integers(0, 2, 5)
        moved = boxes[:4] + rng.normal(0, 1.2, (4, 2 * dimensions)).astype(np.float32)
        guesses = np.concatenate([moved, random_boxes(rng, 3, dimensions)])
        classes = np.concatenate([labels[:4], rng.integers(0, 2, 3)])
        truth.append((boxes, labels))
        found.append((guesses, rng.random(7).astype(np.float32), classes))
    return truth, found


@pytest.mark.parametrize(("dimensions", "overlap"), [(2, 0.5), (3, 0.1)])
def test_average_precision_is_close_to_coco_on_101_points(dimensions, overlap):
    truth, found = guesses_and_truth(0, dimensions)
    metric = COCOMetric(classes=["a", "b"], iou_list=[overlap], iou_range=(overlap, overlap, 0.1),
                        max_detection=[100])  # fmt: skip
    matches = matching_batch(
        iou_fn=box_iou, iou_thresholds=metric.iou_thresholds,
        pred_boxes=[f[0] for f in found], pred_classes=[f[2] for f in found],
        pred_scores=[f[1] for f in found], gt_boxes=[t[0] for t in truth],
        gt_classes=[t[1] for t in truth],
    )  # fmt: skip
    wanted = metric(matches)[0][f"mAP_IoU_{overlap:.2f}_{overlap:.2f}_0.10_MaxDet_100"]
    per_class = [measured.match(truth, found, label=c, overlap=overlap) for c in range(2)]
    # COCO reads the same curve at 101 recalls
    assert measured.mean_average_precision(per_class) == pytest.approx(wanted, abs=0.02)


def test_froc_equals_monai():
    truth, found = guesses_and_truth(1, 2)
    matches = measured.match(truth, found, label=0, overlap=0.3)
    scores, hits = np.concatenate(matches.scores), np.concatenate(matches.is_hit)
    # MONAI leaves out the lowest threshold: an invented box below all others takes that place
    false_per_image, sensitivities = compute_froc_curve_data(
        np.append(scores[~hits], -1.0), scores[hits], int(matches.objects.sum()), len(matches)
    )
    for rate in (0.25, 0.5, 1, 2):
        allowed = sensitivities[false_per_image <= rate]
        assert measured.sensitivity_at(matches, rate) == pytest.approx(allowed.max())
    monai = compute_froc_score(false_per_image, sensitivities, measured.FALSE_PER_IMAGE)
    # MONAI draws straight lines between operating points; a threshold cannot stand between two
    assert measured.froc(matches) <= monai
    assert measured.froc(matches) == pytest.approx(monai, abs=0.08)


def test_average_precision_by_hand():
    """Hit, miss, hit of three objects: precision 1, 2/3, 2/3 at recall 1/3 and 2/3."""
    truth = [(boxes_of([0, 0, 10, 10], [20, 20, 30, 30], [40, 40, 50, 50]), np.zeros(3, int))]
    guesses = boxes_of([0, 0, 10, 10], [0, 0, 10, 9], [20, 20, 30, 30])
    found = [(guesses, np.array([0.9, 0.8, 0.7], np.float32), np.zeros(3, int))]
    matches = measured.match(truth, found, label=0, overlap=0.5)
    assert matches.is_hit[0].tolist() == [True, False, True]
    assert measured.average_precision(matches) == pytest.approx(1 / 3 + 2 / 9)


@pytest.mark.parametrize(
    ("box", "ap10", "ap50"),
    [
        ([0, 0, 0, 2, 10, 8], 1.0, 1.0),  # 160 of 300 voxels: an IoU of 0.53
        ([1, 0, 0, 3, 8, 8], 1.0, 0.0),  # 128: 0.43
        ([2, 0, 0, 3, 6, 6], 1.0, 0.0),  # 36: 0.12
        ([2, 0, 0, 3, 5, 5], 0.0, 0.0),  # 25: 0.08
    ],
)
def test_figures_in_volumes_by_hand(box, ap10, ap50):
    truth = [(boxes_of([0, 0, 0, 3, 10, 10]), np.zeros(1, int))]
    ones = np.ones(1, np.float32)
    found = [Detections(boxes_of(box), ones, np.zeros(1, int), ones[:, None])]
    examined = examined_boxes(truth, found, ["nodule"], ["p"], overlaps=(0.1, 0.5))
    figures = figures_of(examined, np.random.default_rng(0))
    assert figures["metric"]["name"] == "ap10"
    assert [figures[name]["value"] for name in ("ap10", "froc", "ap50")] == [ap10, ap10, ap50]
    [nodule] = figures["labels"]
    assert (nodule["name"], nodule["objects"], nodule["ap10"]["value"]) == ("nodule", 1, ap10)


@pytest.mark.parametrize(
    ("scores", "threshold"),
    [
        ([0.9, 0.6, 0.2], 0.4),  # two hits and a false one
        ([0.9, 0.5, 0.5], 0.25),  # what scores alike is shown together
        ([0.5, 0.9, 0.9], 0.25),  # the false ones lie above
        ([0.9, 0.8], 0.4),  # nothing below
        ([], USUAL_SCORE),
    ],
)
def test_a_box_is_shown_from_midway_to_the_next_one_below(scores, threshold):
    here, there, nowhere = [0, 0, 10, 10], [20, 20, 30, 30], [40, 40, 50, 50]
    truth = [(boxes_of(here, there), np.zeros(2, int))]
    boxes = np.array([here, there, nowhere], np.float32)[: len(scores)]
    points = np.array(scores, np.float32)
    found = [Detections(boxes, points, np.zeros(len(scores), int), points[:, None])]
    assert thresholds_of_boxes(truth, found, 1, overlap=0.5) == (pytest.approx(threshold),)


def test_perfect_disjoint_permuted_and_missing():
    truth, _ = guesses_and_truth(2, 2)
    ones = np.ones(5, np.float32)

    def figure(found):
        return measured.mean_average_precision(
            [measured.match(truth, found, label=c, overlap=0.5) for c in range(2)]
        )

    assert figure([(b, ones, c) for b, c in truth]) == 1.0
    assert figure([(b + 100, ones, c) for b, c in truth]) == 0.0
    assert figure([(b, ones, 1 - c) for b, c in truth]) == 0.0
    nothing = [(np.zeros((0, 4), np.float32), np.zeros(0, np.float32), np.zeros(0, int))] * len(
        truth
    )
    assert figure(nothing) == 0.0
    assert (
        measured.mean_average_precision(
            [measured.match(nothing_of(truth), nothing, label=0, overlap=0.5)]
        )
        is None
    )


def nothing_of(truth):
    return [(np.zeros((0, 4), np.float32), np.zeros(0, int)) for _ in truth]


def test_a_bootstrap_counts_an_image_as_often_as_it_is_drawn():
    truth = [(boxes_of([0, 0, 9, 9]), np.zeros(1, int))] * 2
    hit = (boxes_of([0, 0, 9, 9]), np.array([0.9], np.float32), np.zeros(1, int))
    miss = (boxes_of([50, 50, 59, 59]), np.array([0.8], np.float32), np.zeros(1, int))
    matches = measured.match(truth, [hit, miss], label=0, overlap=0.5)
    assert measured.average_precision(matches, np.array([0, 0])) == 1.0
    assert measured.average_precision(matches, np.array([1, 1])) == 0.0
    assert measured.average_precision(matches, np.array([0, 0, 0, 1])) == pytest.approx(0.75)
