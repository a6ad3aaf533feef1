"""Maps that a worker makes: does their mass lie on the square, in the pixels of the stored image?"""

import os
import time
from datetime import timedelta

import numpy as np
import pytest
import torch
from django.db import connection
from django.utils import timezone

from annotation.core import jobs
from annotation.imaging import conversion, masks
from annotation.labeling.services.clinical import replace_table
from annotation.labeling.services.projects import publish_schema
from learning import explaining
from learning.models import Explanation, ModelVersionState
from learning.services import explanations, targets
from learning.training.config import TrainConfig
from learning.training.explain import attention_rollout, occlusion_map
from learning.training.inputs import Column, InputSpec
from learning.training.networks import Architecture
from learning.training.networks.fusion import WithColumns
from learning.training.predict import Members, segment
from learning.training.preparation import Volume, prepare
from learning.training.tasks import Segmentation
from tests import factories
from tests.learning import planted

PLACES = {"top left": (4, 6), "bottom right": (38, 70), "right": (20, 74)}
WITH_SEGMENT = {**factories.QUESTIONS, "segments": [{"value": 1, "label": "Bright"}]}


@pytest.fixture
def target(cast):
    return targets.create_target(actor=cast.manager, project=cast.project, question="nodule")


def explained(case, version, method, answer="yes"):
    """The map as a worker makes it: the row, and (n, y, x) values from 0 to 1."""
    asked = explanations.request_explanation(
        case=case, model_version=version.pk, method=method, answer=answer
    )
    explanations.run_if_free(str(asked.pk), explaining.explain)
    asked.refresh_from_db()
    assert asked.state == jobs.JobState.COMPLETED, asked.error
    return asked, masks.decompress(explanations.read_map(asked)) / 255.0


def over_pixels(slice_, box, shape):
    """What a map says of every pixel of the image below it, as a viewer would lay it there."""
    left, top, right, bottom = box
    rows = (np.arange(shape[0]) - top) / (bottom - top) * slice_.shape[0]
    columns = (np.arange(shape[1]) - left) / (right - left) * slice_.shape[1]
    places = [np.floor(found).astype(int) for found in (rows, columns)]
    covered = [(found >= 0) & (found < n) for found, n in zip(places, slice_.shape, strict=True)]
    clipped = [
        np.clip(found, 0, n - 1) for found, n in zip(places, slice_.shape, strict=True)
    ]  # fmt: skip
    return np.where(np.outer(*covered), slice_[np.ix_(*clipped)], 0.0)


def square_at(corner, grown=0):
    """Which pixels of a picture belong to the square, made larger or smaller on each side."""
    row, column = corner
    found = np.zeros(planted.SHAPE, bool)
    end = planted.SQUARE + grown
    found[max(row - grown, 0) : row + end, max(column - grown, 0) : column + end] = True
    return found


def lies_on_the_square(seen, corner, *, times):
    """So many times as much inside as outside."""
    inside = square_at(corner)
    assert seen[inside].mean() > times * seen[~inside].mean()


@pytest.fixture
def seeing(target):
    return planted.seeing_squares(target)


# The last maps of Grad-CAM have 4 x 4 cells here: they show the neighbourhood.
@pytest.mark.parametrize(("method", "times"), [("grad_cam", 1.5), ("occlusion", 3)])
@pytest.mark.parametrize("place", PLACES)
def test_a_map_lies_on_the_square_in_the_pixels_of_the_image(cast, seeing, method, times, place):
    pixels = planted.picture(np.random.default_rng(8), PLACES[place])
    case = planted.make_case(cast.project, place, pixels)
    asked, [found] = explained(case, seeing, method)
    [instance] = case.study.series.get().instances.all()
    assert asked.place["frames"] == [[instance.sop_instance_uid, 1]]
    lies_on_the_square(
        over_pixels(found, asked.place["box"], planted.SHAPE), PLACES[place], times=times
    )


def test_the_square_does_not_speak_for_the_other_answer(cast, seeing):
    corner = PLACES["right"]
    pixels = planted.picture(np.random.default_rng(8), corner)
    case = planted.make_case(cast.project, "against", pixels)
    _, [found] = explained(case, seeing, "occlusion", answer="no")
    asked = Explanation.objects.get()
    seen = over_pixels(found, asked.place["box"], planted.SHAPE)
    row, column = corner
    square = seen[row + 4 : row + 14, column + 4 : column + 14]
    assert square.mean() < 0.1


def test_of_a_vision_transformer_the_attention_is_followed(cast, target, tmp_path):
    """The map of the method, whose own tests know where it must lie, over the pixels of the image."""
    side, pixels = 64, planted.picture(np.random.default_rng(8), (24, 72))
    architecture = Architecture("vit_small", 2, size=(side, side))
    torch.manual_seed(0)
    network = architecture.build()
    version = planted.put_into_production(target, network, architecture)
    case = planted.make_case(cast.project, "attended", pixels)
    asked, [found] = explained(case, version, "attention_rollout", answer="")
    image = planted.as_input(tmp_path, pixels, side)[None]
    expected = attention_rollout(network, image, patch=(8, 8))
    assert expected.max() == 1
    np.testing.assert_allclose(found, expected, atol=0.005)
    assert asked.place["box"] == pytest.approx([-0.5, -18.5, 95.5, 77.5])


def test_a_map_of_a_model_that_reads_columns_is_that_of_the_cases_own_values(cast):
    replace_table(actor=None, project=cast.project, data=b"PatientID,crp\nhigh,30\n")
    spec = InputSpec((48, 48), columns=(Column("crp"),))
    target = targets.create_target(
        actor=cast.manager, project=cast.project, question="nodule", input=spec.as_json()
    )
    architecture = Architecture("resnet10", 2, size=(48, 48), columns=1)
    torch.manual_seed(0)
    network = architecture.build().eval()
    columns = {"names": ["crp"], "means": [10.0], "deviations": [5.0]}
    version = planted.put_into_production(target, network, architecture, spec=spec, columns=columns)
    pixels = planted.picture(np.random.default_rng(8), (20, 30))
    high, unknown = (planted.make_case(cast.project, name, pixels) for name in ("high", "unknown"))
    _, [found] = explained(high, version, "occlusion")

    image = prepare({"image": Volume(np.float32(pixels), (1.0, 1.0))}, spec)
    expected = occlusion_map(
        WithColumns(network, torch.tensor([4.0])), image, 1, patch=[8, 8], stride=[4, 4],
        batch_size=16, values=lambda outputs: outputs.softmax(1).logit(eps=1e-7),
    )  # fmt: skip
    assert expected.max() > 0
    np.testing.assert_allclose(found, expected, atol=0.01)
    asked = explanations.request_explanation(
        case=unknown, model_version=version.pk, method="occlusion", answer="yes"
    )
    explanations.run_if_free(str(asked.pk), explaining.explain)
    asked.refresh_from_db()
    assert (asked.state, "crp is missing" in asked.error) == (jobs.JobState.FAILED, True)


@pytest.mark.parametrize("crop", ["resize", "centre", "foreground"])
def test_maps_of_cut_and_resized_inputs_lie_right_too(cast, crop):
    """On a picture whose scale the specification changes, cut off the middle."""
    spec = InputSpec((48, 48), crop=crop, spacing_mm=(1.25, 1.25) if crop != "resize" else ())
    corner = (28, 40)

    def make(rng, is_yes):
        row, column = planted.corner_in(rng, (44, 60))
        return planted.picture(rng, (8 + row, 18 + column), is_striped_down=is_yes)

    architecture = Architecture("resnet10", 2, size=(48, 48))
    torch.manual_seed(0)
    network = planted.learn(architecture.build(), *planted.prepared(spec, make))
    target = targets.create_target(
        actor=cast.manager, project=cast.project, question="nodule", input=spec.as_json()
    )
    version = planted.put_into_production(target, network, architecture, spec=spec)
    pixels = planted.picture(np.random.default_rng(8), corner)
    case = planted.make_case(cast.project, crop, pixels)
    asked, [found] = explained(case, version, "occlusion")
    assert asked.place["box"] != [-0.5, -0.5, 95.5, 59.5] or crop == "resize"
    lies_on_the_square(over_pixels(found, asked.place["box"], planted.SHAPE), corner, times=3)


def volume(rng, place=None, shape=(12, 24, 30)):
    voxels = rng.normal(0, 20, shape)
    if place is not None:
        z, y, x = place
        voxels[z : z + 4, y : y + 8, x : x + 8] += 400
    return voxels.astype(np.int16)


def test_a_map_of_a_volume_lies_on_the_frames_in_which_the_cube_is(cast):
    spec = InputSpec((16, 16, 16), dimensions="3d", spacing_mm=(2.0, 1.5, 1.5), crop="centre")
    place = (6, 12, 16)

    def make(rng, has_cube):
        corner = (rng.integers(1, 7), rng.integers(2, 14), rng.integers(5, 17))
        return volume(rng, corner if has_cube else None)

    architecture = Architecture("resnet10", 2, dimensions="3d", size=(16, 16, 16))
    torch.manual_seed(0)
    rng = np.random.default_rng(3)
    images = [
        prepare({"image": Volume(make(rng, n % 2 == 1), (2.0, 1.0, 1.0))}, spec) for n in range(24)
    ]
    network = planted.learn(architecture.build(), np.stack(images), np.arange(24) % 2)
    target = targets.create_target(
        actor=cast.manager, project=cast.project, question="nodule", input=spec.as_json()
    )
    version = planted.put_into_production(target, network, architecture, spec=spec)
    affine = np.diag([1.0, 1.0, 2.0, 1.0])
    files = conversion.volume_series(
        volume(np.random.default_rng(9), place),
        affine,
        conversion.Subject(patient_id="v"),
        "v",
        "CT",
    )
    case = planted.case_of(cast.project, list(files))
    asked, found = explained(case, version, "occlusion")
    uids = [uid for uid, _ in asked.place["frames"]]
    ordered = list(
        case.study.series.get().instances.order_by("instance_number")
        .values_list("sop_instance_uid", flat=True)
    )  # fmt: skip
    first = ordered.index(uids[0])
    assert uids == ordered[first : first + len(uids)]
    shape = (24, 30)
    seen = np.stack([over_pixels(one, asked.place["box"], shape) for one in found])
    strongest = np.unravel_index(seen.argmax(), seen.shape)
    z, y, x = place
    assert abs(first + strongest[0] - (z + 1.5)) <= 3
    assert abs(strongest[1] - (y + 3.5)) <= 6
    assert abs(strongest[2] - (x + 3.5)) <= 6
    inside = np.zeros(seen.shape, bool)
    inside[z - first : z - first + 4, y : y + 8, x : x + 8] = True
    assert seen[inside].mean() > 2 * seen[~inside].mean()


def test_of_masks_the_doubt_of_every_pixel_is_shown(cast):
    """Over the whole image, pixel by pixel, as the network itself shares them out."""
    publish_schema(actor=cast.manager, project=cast.project, definition=WITH_SEGMENT)
    spec = InputSpec((32, 32), keeps_size=True)
    architecture = Architecture("unet_small", 2, size=(32, 32))
    torch.manual_seed(0)
    network = architecture.build()
    target = targets.create_target(
        actor=cast.manager, project=cast.project, kind="segmentation", input=spec.as_json()
    )
    task = Segmentation(("Bright",))
    version = planted.put_into_production(target, network, architecture, task=task, spec=spec)
    pixels = planted.picture(np.random.default_rng(8), (30, 66))
    case = planted.make_case(cast.project, "doubted", pixels)
    asked, [found] = explained(case, version, "uncertainty", answer="")
    image = prepare({"image": Volume(pixels, (1.0, 1.0))}, spec)
    [shares] = segment(
        Members([network]), image, task, architecture, TrainConfig(), torch.device("cpu")
    )
    expected = -(shares * np.log(shares)).sum(axis=0) / np.log(2)
    assert np.ptp(expected) > 0.1
    np.testing.assert_allclose(found, expected, atol=0.02)
    assert asked.place["box"] == [-0.5, -0.5, 95.5, 59.5]


def test_one_map_is_made_however_often_it_is_asked_for(cast, seeing):
    case = planted.make_case(cast.project, "c", planted.picture(np.random.default_rng(1), (4, 4)))
    first, _ = explained(case, seeing, "grad_cam")
    again = explanations.request_explanation(
        case=case, model_version=seeing.pk, method="grad_cam", answer="yes"
    )
    assert (again.pk, again.state, again.attempt) == (first.pk, "completed", 1)
    explanations.map_path(first.sha256).unlink()
    lost = explanations.request_explanation(
        case=case, model_version=seeing.pk, method="grad_cam", answer="yes"
    )
    assert lost.state == "pending"


def test_one_made_again_counts_its_own_attempts_and_is_no_longer_the_old_workers(cast, seeing):
    """Whose worker died thrice before may still die twice now; a worker that wakes up writes nothing."""
    case = planted.make_case(cast.project, "c", planted.picture(np.random.default_rng(1), (4, 4)))
    wish = {"case": case, "model_version": seeing.pk, "method": "grad_cam", "answer": "yes"}
    first = explanations.request_explanation(**wish)
    for _ in range(jobs.MAX_ATTEMPTS):
        asleep = jobs.claim(Explanation, first.pk)
        Explanation.objects.update(lease_expires_at=timezone.now() - timedelta(seconds=1))
    jobs.end_hopeless(Explanation)
    again = explanations.request_explanation(**wish)
    running = jobs.claim(Explanation, again.pk)
    assert (running.state, running.attempt) == ("running", 1)
    Explanation.objects.update(lease_expires_at=timezone.now() - timedelta(seconds=1))
    jobs.end_hopeless(Explanation)
    assert jobs.claim(Explanation, again.pk).attempt == 2
    with pytest.raises(jobs.JobFenced):
        jobs.report(asleep)
    assert not jobs.finish(asleep, jobs.JobState.FAILED)


def test_only_one_is_made_at_a_time_and_the_newest_that_waits_comes_next(cast, seeing, monkeypatch):
    case = planted.make_case(cast.project, "c", planted.picture(np.random.default_rng(1), (4, 4)))
    old, new, running = (
        Explanation.objects.create(
            model_version=seeing, case=case, method=method, answer=answer
        )
        for method, answer in (("occlusion", "no"), ("occlusion", "yes"), ("grad_cam", "yes"))
    )  # fmt: skip
    assert jobs.claim(Explanation, running.pk) is not None
    explanations.run_if_free(str(old.pk), explaining.explain)
    old.refresh_from_db()
    assert old.state == "pending"
    jobs.finish(Explanation.objects.get(pk=running.pk), jobs.JobState.COMPLETED)
    rung = []
    monkeypatch.setattr(explanations, "ring_explanation", lambda one: rung.append(one.pk))
    explanations.run_if_free(str(old.pk), explaining.explain)
    old.refresh_from_db()
    assert (old.state, rung) == ("completed", [new.pk])


def test_a_case_that_the_model_cannot_look_at_says_why(cast, seeing):
    [case] = factories.make_empty_cases(cast.project, 1)
    asked = explanations.request_explanation(
        case=case, model_version=seeing.pk, method="grad_cam", answer="yes"
    )
    explanations.run_if_free(str(asked.pk), explaining.explain)
    asked.refresh_from_db()
    assert asked.state == "failed"
    assert asked.error.startswith("The model cannot look at this case: no image that can be render")


@pytest.mark.parametrize("spec", [None, InputSpec((48, 48))], ids=["middle image", "specified"])
def test_a_case_whose_file_is_elsewhere_says_that_and_not_where_it_lay(cast, target, spec):
    architecture = Architecture("resnet10", 2, size=(48, 48))
    network = architecture.build()
    version = planted.put_into_production(target, network, architecture, spec=spec)
    [case] = factories.make_cases(cast.project, 1)
    case.study.series.get().instances.get().path.unlink()
    asked = explanations.request_explanation(
        case=case, model_version=version.pk, method="grad_cam", answer="yes"
    )
    explanations.run_if_free(str(asked.pk), explaining.explain)
    asked.refresh_from_db()
    assert (asked.state, asked.error) == (
        "failed", "The model cannot look at this case: a stored file is not on this machine.",
    )  # fmt: skip


def test_what_is_used_least_is_cleared_away(cast, seeing, settings):
    case = planted.make_case(cast.project, "c", planted.picture(np.random.default_rng(1), (4, 4)))
    old, _ = explained(case, seeing, "grad_cam")
    new, _ = explained(case, seeing, "occlusion")
    stray = explanations.map_path("ab" * 32)
    stray.parent.mkdir(parents=True, exist_ok=True)
    stray.write_bytes(b"left by a crash")
    hours_ago = time.time() - 7200
    for path in (stray, *(explanations.map_path(one.sha256) for one in (old, new))):
        os.utime(path, (hours_ago, hours_ago))
    settings.EXPLANATION_CACHE_BYTES = new.size_bytes
    assert explanations.collect_explanations() == 2
    assert list(Explanation.objects.all()) == [new]
    assert not stray.exists()
    assert not explanations.map_path(old.sha256).exists()
    assert explanations.read_map(new)


@pytest.mark.parametrize("is_retired", [False, True])
def test_what_is_looked_at_while_it_is_cleared_away_stays(cast, seeing, settings, is_retired):
    """Somebody looks at it after the row was read, before it is deleted."""
    case = planted.make_case(cast.project, "c", planted.picture(np.random.default_rng(1), (4, 4)))
    asked, _ = explained(case, seeing, "grad_cam")
    settings.EXPLANATION_CACHE_BYTES = 0
    if is_retired:
        seeing.state = ModelVersionState.RETIRED
        seeing.save()
        Explanation.objects.update(used_at=asked.used_at - explanations.KEPT_AFTER * 2)

    def looked_at_first(execute, sql, *args):
        if sql.startswith("DELETE"):
            Explanation.objects.update(used_at=timezone.now())
        return execute(sql, *args)

    with connection.execute_wrapper(looked_at_first):
        explanations.collect_explanations()
    assert Explanation.objects.get().pk == asked.pk
    explanations.collect_explanations()
    assert Explanation.objects.count() == 0


def test_maps_of_models_out_of_production_go_after_a_day(cast, seeing):
    case = planted.make_case(cast.project, "c", planted.picture(np.random.default_rng(1), (4, 4)))
    asked, _ = explained(case, seeing, "grad_cam")
    seeing.state = ModelVersionState.RETIRED
    seeing.save()
    explanations.collect_explanations()
    assert Explanation.objects.count() == 1
    Explanation.objects.update(used_at=asked.used_at - explanations.KEPT_AFTER * 2)
    explanations.collect_explanations()
    assert Explanation.objects.count() == 0
