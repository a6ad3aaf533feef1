"""Bundles, and weights from elsewhere."""

import io
import json
import threading
import zipfile
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import safetensors.torch
import torch
from monai.bundle import ConfigParser

from learning.training import transfer
from learning.training.bundle import Model, export_bundle, export_zip, import_bundle
from learning.training.bundle_files import InvalidBundle
from learning.training.config import TrainConfig
from learning.training.detection.bundle import BoxModel
from learning.training.detection.network import Detector, DetectorShape
from learning.training.detection.train import detect
from learning.training.networks import Architecture
from learning.training.tasks import ManyAnswers, OneAnswer, Segmentation

SIDES = OneAnswer(("left", "right"))
PLAIN = Architecture("resnet10", 2, size=(32, 32))
FUSED = Architecture("resnet10", 2, "2.5d", channels=(1, 1), size=(4, 32, 32))
ORGANS = Architecture("segresnet_small", 2, "3d", size=(8, 16, 16))


def pickled():
    file = io.BytesIO()
    torch.save({"a": 1}, file)
    return file.getvalue()


def make_model(architecture):
    torch.manual_seed(0)
    task = Segmentation(("organ",)) if architecture.entry.is_dense else SIDES
    return Model(
        architecture.build().eval(), architecture, task, TrainConfig(), "Side", "3", threshold=0.3
    )


@pytest.mark.parametrize("architecture", [PLAIN, FUSED, ORGANS], ids=["2d", "fused", "3d"])
def test_monai_loads_an_exported_bundle_with_the_same_outputs(architecture, tmp_path):
    model = make_model(architecture)
    export_bundle(model, tmp_path / "bundle")
    parser = ConfigParser()
    parser.read_config(str(tmp_path / "bundle/configs/inference.json"))
    parser["bundle_root"] = str(tmp_path / "bundle")
    network = parser.get_parsed_content("network")
    images = torch.randn(2, sum(architecture.channels), *architecture.size)
    with torch.no_grad():
        found = parser.get_parsed_content("inferer")(images, network)
        torch.testing.assert_close(found, model.network(images), rtol=1e-4, atol=1e-5)
    metadata = json.loads((tmp_path / "bundle/configs/metadata.json").read_text())
    assert {"version", "monai_version", "network_data_format"} <= set(metadata)


@pytest.mark.parametrize("input", [{}, {"size": [32, 32], "spacing_mm": [1, 1]}])
@pytest.mark.parametrize("is_mirrored", [True, False])
def test_the_readme_tells_what_goes_in_and_whether_mirror_images_are_averaged(
    input, is_mirrored, tmp_path
):
    config = TrainConfig(flip_at_test=is_mirrored)
    export_bundle(replace(make_model(PLAIN), input=input, config=config), tmp_path / "bundle")
    readme = (tmp_path / "bundle/docs/README.md").read_text()
    assert ("One frame per study" in readme) is (not input)
    assert ("which series become channels" in readme) is bool(input)
    assert ("mirrored along its last axis" in readme) is is_mirrored


@pytest.mark.parametrize("architecture", [PLAIN, FUSED], ids=["2d", "fused"])
def test_a_bundle_survives_its_journey_as_a_zip(architecture, tmp_path):
    model = make_model(architecture)
    export_zip(model, tmp_path / "model.zip")
    found = import_bundle(tmp_path / "model.zip")
    assert (found.architecture, found.task, found.config) == (architecture, SIDES, TrainConfig())
    assert found.threshold == 0.3
    images = torch.randn(2, sum(architecture.channels), *architecture.size)
    with torch.no_grad():
        assert torch.equal(found.network(images), model.network(images))


@pytest.mark.parametrize(
    ("architecture", "task", "row"),
    [
        (ORGANS, Segmentation(("organ",)), "| 1 | organ | 0.8 |"),
        (PLAIN, ManyAnswers(("left", "right")), "| 0 | left | 0.8 |"),
    ],
    ids=["masks", "findings"],
)
def test_thresholds_travel_in_the_record_and_in_words(architecture, task, row, tmp_path):
    thresholds = (0.8, 0.4)[: len(task.classes)]
    model = replace(make_model(architecture), task=task, threshold=None, thresholds=thresholds)
    export_bundle(model, tmp_path / "bundle")
    assert import_bundle(tmp_path / "bundle").thresholds == thresholds
    assert row in (tmp_path / "bundle/docs/README.md").read_text()


@pytest.mark.parametrize(
    ("thresholds", "message"),
    [
        ([0.5, 0.5], "thresholds must be one for each class"),
        (["a"], "thresholds must lie between 0 and 1"),
        ([1.0], "thresholds of structures must be above 0 and below 1"),
    ],
)
def test_wrong_thresholds_of_structures_are_refused(thresholds, message, tmp_path):
    export_bundle(make_model(ORGANS), tmp_path / "bundle")
    path = tmp_path / "bundle/configs/firstread.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"thresholds": thresholds}))
    with pytest.raises(InvalidBundle, match=message):
        import_bundle(tmp_path / "bundle")


VOLUMES = {"size": [16, 16, 16], "dimensions": "3d", "keeps_size": True}


def make_detector(input):
    torch.manual_seed(0)
    dimensions = 3 if input else 2
    shape = DetectorShape(2, dimensions, stride=2, width=4, neck=8)
    return BoxModel(
        Detector(shape).eval(), ("nodule", "cyst"), TrainConfig(side=32), "Boxes", "3", input,
        (0.3, 0.4),
    )  # fmt: skip


@pytest.mark.parametrize("input", [{}, VOLUMES], ids=["2d", "3d"])
def test_a_detector_leaves_for_monai_and_comes_back(input, tmp_path):
    model = make_detector(input)
    export_zip(model, tmp_path / "model.zip")
    found = import_bundle(tmp_path / "model.zip")
    assert (found.classes, found.thresholds) == (("nodule", "cyst"), (0.3, 0.4))
    assert (found.config, found.input, found.task) == (model.config, input, model.task)
    with zipfile.ZipFile(tmp_path / "model.zip") as archive:
        archive.extractall(tmp_path / "bundle")
    parser = ConfigParser()
    parser.read_config(str(tmp_path / "bundle/configs/inference.json"))
    parser["bundle_root"] = str(tmp_path / "bundle")
    images = torch.randn(2, 1, *((24, 20, 16) if input else (32, 32)))  # larger than a window
    network = parser.get_parsed_content("network")
    outputs = parser.get_parsed_content("inferer")(images, network)
    for other in (model.network, found.network):
        said = detect(other, [images.numpy()], window=model.window)
        assert sum(map(len, said)) > 20
        for one, output in zip(said, outputs, strict=True):
            assert torch.equal(output["box"], torch.from_numpy(one.boxes))
            assert torch.equal(output["label"], torch.from_numpy(one.labels))
            assert torch.equal(output["label_scores"], torch.from_numpy(one.scores))
    readme = (tmp_path / "bundle/docs/README.md").read_text()
    assert "| 1 | cyst | 0.4 |" in readme
    assert ("(z, y, x, z, y, x)" in readme) == bool(input)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"task": {"kind": "boxes", "classes": ["a", "a"]}}, "task: classes must be different"),
        ({"task": {"kind": "boxes", "classes": ["a"]}}, "class_count does not fit the task"),
        ({"architecture": {"network": "resnet10"}}, "no network of the name detector"),
        ({"architecture": {"network": "detector", "class_count": 2.0}}, "must be a whole number"),
        ({"architecture": {"network": "detector", "class_count": 2, "depth": 9}}, "no field depth"),
        (
            {"architecture": {"network": "detector", "class_count": 2, "stride": 3}},
            "stride must be",
        ),
        ({"architecture": {"network": "detector", "class_count": 2, "neck": 10**6}}, "at most 64"),
        ({"input": VOLUMES}, "does not fit the input beside it"),
        ({"thresholds": [0.5]}, "thresholds must be one for each class"),
        ({"thresholds": [0.5, "a"]}, "thresholds must lie between 0 and 1"),
        ({"config": {"side": -1}}, "config: side must lie"),
    ],
)
def test_a_wrong_detector_is_named(change, message, tmp_path):
    export_bundle(make_detector({}), tmp_path / "bundle")
    path = tmp_path / "bundle/configs/firstread.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(InvalidBundle, match=message):
        import_bundle(tmp_path / "bundle")


def test_an_import_reads_neither_pickles_nor_class_names(tmp_path):
    """A bundle of others names a class to call and carries a pickle: both are left alone."""
    export_bundle(make_model(PLAIN), tmp_path / "bundle")
    bundle = tmp_path / "bundle"
    (bundle / "configs/inference.json").write_text('{"network_def": {"_target_": "os.abort"}}')
    import_bundle(bundle)
    (bundle / "models/model.safetensors").rename(bundle / "models/model.pt")
    with pytest.raises(InvalidBundle, match=r"models/model.safetensors is missing"):
        import_bundle(bundle)
    (bundle / "models/model.safetensors").write_bytes(pickled())
    with pytest.raises(InvalidBundle, match="does not fit the network"):
        import_bundle(bundle)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"format": 2}, "format 2 is not known"),
        ({"task": []}, "task is missing or no dict"),
        ({"architecture": {"network": "os.abort", "outputs": 2}}, "unknown network 'os.abort'"),
        ({"task": {"kind": "number"}}, "outputs do not fit the task"),
        (
            {
                "architecture": {
                    "network": "vit_small",
                    "outputs": 2,
                    "dimensions": "3d",
                    "size": [4096, 4096, 4096],
                }
            },
            "architecture.size: more than",
        ),
        (
            {"architecture": {"network": "resnet10", "outputs": 2, "channels": [1] * 99}},
            "architecture.channels: at most 16",
        ),
        (
            {"architecture": {"network": "resnet10", "outputs": 2, "channels": ["a"]}},
            r"architecture: channels\[0\] must be a whole number",
        ),
        ({"threshold": 7}, "threshold must lie between 0 and 1"),
        ({"config": {"side": -1}}, "config: side must lie"),
    ],
)
def test_a_wrong_bundle_is_named(change, message, tmp_path):
    export_bundle(make_model(PLAIN), tmp_path / "bundle")
    path = tmp_path / "bundle/configs/firstread.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(InvalidBundle, match=message):
        import_bundle(tmp_path / "bundle")


def test_what_is_no_bundle_says_so(tmp_path):
    (tmp_path / "notes.txt").write_text("hello")
    with pytest.raises(InvalidBundle, match="neither a folder nor a whole zip"):
        import_bundle(tmp_path / "notes.txt")
    with zipfile.ZipFile(tmp_path / "empty.zip", "w"):
        pass
    with pytest.raises(InvalidBundle, match=r"firstread.json is missing"):
        import_bundle(tmp_path / "empty.zip")


def test_weights_of_a_colour_network_with_other_classes_are_started_from(tmp_path):
    teacher = Architecture("resnet10", 5, channels=(3,), size=(32, 32)).build()
    safetensors.torch.save_file(
        {f"module.{k}": v for k, v in teacher.state_dict().items()}, tmp_path / "w.safetensors"
    )
    pupil = PLAIN.build()
    found = transfer.start_from_file(pupil, tmp_path / "w.safetensors")
    assert set(found.fresh) == {"fc.weight", "fc.bias"}
    assert torch.equal(pupil.layer1[0].conv1.weight, teacher.layer1[0].conv1.weight)
    torch.testing.assert_close(
        pupil.conv1.weight[:, 0], teacher.conv1.weight.sum(1), rtol=1e-5, atol=1e-6
    )


@pytest.mark.parametrize(
    ("network", "names"),
    [
        ("resnet10", {"fc.weight", "fc.bias"}),
        ("vit_small", {"classification_head.weight", "classification_head.bias"}),
        ("unet_small", set()),
    ],
)
def test_the_tensors_that_know_the_answers_by_their_order_can_begin_fresh(network, names):
    architecture = Architecture(network, 2, size=(32, 32))
    larger = Architecture(network, 3, size=(32, 32)).build
    teacher, pupil = architecture.build(), architecture.build()
    state = torch.get_rng_state()
    found = transfer.tensors_of_answers(pupil, larger)
    assert torch.equal(torch.get_rng_state(), state)  # the training's chance is the same
    assert found and (found == names or not names)
    content = safetensors.torch.save(teacher.state_dict())
    taken = transfer.start_from_bytes(pupil, content, "w", found)
    assert set(taken.fresh) == found
    own, theirs = pupil.state_dict(), teacher.state_dict()
    assert all(torch.equal(own[name], theirs[name]) for name in taken.loaded)
    assert not all(torch.equal(own[name], theirs[name]) for name in found)


def test_a_network_with_columns_starts_from_one_without_and_back():
    seeing = Architecture("resnet10", 2, columns=3, size=(32, 32))
    plain, fused, again = PLAIN.build(), seeing.build(), PLAIN.build()
    found = transfer.start_from(fused, plain.state_dict())
    assert {name.split(".")[0] for name in found.fresh} == {"columns", "head"}
    assert torch.equal(fused.branches[0].conv1.weight, plain.conv1.weight)
    back = transfer.start_from(again, fused.state_dict())
    assert set(back.fresh) == {"fc.weight", "fc.bias"}
    assert torch.equal(again.layer4[0].conv1.weight, plain.layer4[0].conv1.weight)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"columns": {}}, "columns: means and deviations must be 1 numbers"),
        ({"columns": []}, "columns is no dict"),
        ({"columns": {"means": [0], "deviations": [-1]}}, "deviations must lie above 0"),
        ({"input": {}}, "the network reads 1 columns, the input has 0"),
        ({"input": {"size": [32]}}, "input: size must have 2 sides"),
    ],
)
def test_a_bundle_whose_columns_do_not_fit_is_refused(change, message, tmp_path):
    seeing = Architecture("resnet10", 2, columns=1, size=(32, 32))
    given = {"size": [32, 32], "columns": [{"name": "age [a]"}]}
    scale = {"means": [50.0], "deviations": [9.5]}
    whole = Model(
        seeing.build(), seeing, SIDES, TrainConfig(), input=given, columns=scale
    )  # fmt: skip
    export_bundle(whole, tmp_path / "bundle")
    assert import_bundle(tmp_path / "bundle").encoder() == whole.encoder()
    path = tmp_path / "bundle/configs/firstread.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(InvalidBundle, match=message):
        import_bundle(tmp_path / "bundle")


def test_weights_that_cannot_be_started_from_say_why(tmp_path):
    (tmp_path / "w.safetensors").write_bytes(pickled())
    with pytest.raises(transfer.UnusableWeights, match="no readable safetensors"):
        transfer.start_from_file(PLAIN.build(), tmp_path / "w.safetensors")
    with pytest.raises(transfer.UnusableWeights, match="another network"):
        transfer.start_from(PLAIN.build(), {"a": torch.zeros(3)})
    poisoned = {k: v.float() * float("nan") for k, v in PLAIN.build().state_dict().items()}
    with pytest.raises(transfer.UnusableWeights, match="not numbers"):
        transfer.start_from(PLAIN.build(), poisoned)
    with pytest.raises(transfer.UnusableWeights, match="is not a safetensors file"):
        transfer.start_from_hub(PLAIN.build(), "someone/model", "model.bin")


def test_weights_are_fetched_from_a_hub(tmp_path, monkeypatch):
    """The library speaks to a server here that answers as a hub does."""
    import huggingface_hub as hub

    monkeypatch.setattr(hub.constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    teacher = PLAIN.build()
    content = safetensors.torch.save(teacher.state_dict())

    class Hub(BaseHTTPRequestHandler):
        def do_HEAD(self):
            self.answer()

        def do_GET(self):
            self.answer()
            self.wfile.write(content)

        def answer(self):
            is_known = self.path.startswith("/someone/model/resolve/main/model.safetensors")
            self.send_response(200 if is_known else 404)
            self.send_header("ETag", '"0123abcd"')
            self.send_header("X-Repo-Commit", "a" * 40)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    endpoint = f"http://127.0.0.1:{server.server_port}"
    try:
        pupil = PLAIN.build()
        found = transfer.start_from_hub(pupil, "someone/model", endpoint=endpoint)
    finally:
        server.shutdown()
    assert found.fresh == ()
    assert torch.equal(pupil.conv1.weight, teacher.conv1.weight)
