"""Models leave as bundles and come back as versions; what is wrong is refused before it is kept."""

import io
import json
import zipfile

import numpy as np
import pytest
import torch
from django.core.management import CommandError, call_command

from annotation.core import jobs
from annotation.core.models import AuditEvent
from annotation.labeling.services.projects import publish_schema
from learning import exchange
from learning.models import BundleExport, BundleImport, ModelVersion
from learning.services import bundles, targets
from learning.stored_models import load_detector, load_model, weights_folder
from learning.training.checkpoint import save_weights
from learning.training.config import TrainConfig
from learning.training.detection.network import Detector, DetectorShape
from learning.training.predict import Block, Members, predict
from tests.learning.models import make_model

RECORD = "configs/firstread.json"


@pytest.fixture
def target(cast):
    return targets.create_target(actor=cast.manager, project=cast.project, question="nodule")


@pytest.fixture
def version(target):
    return make_model(target)


def export(version, actor):
    wanted = bundles.request_export(actor=actor, version=version)
    jobs.execute(BundleExport, wanted.pk, exchange.write_bundle)
    wanted.refresh_from_db()
    assert wanted.state == jobs.JobState.COMPLETED, wanted.error
    return wanted


def predictions_of(version):
    model = load_model(version)
    images = np.random.default_rng(0).normal(0, 1, (5, 1, 32, 32)).astype(np.float32)
    members = Members([model.network])
    return predict(
        members, [Block(images)], model.task, model.config, torch.device("cpu")
    ).mean  # fmt: skip


def changed(content, name, change):
    """The bundle with one file changed by a function of its bytes."""
    found = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(found, "w") as new:
        for entry in old.namelist():
            data = old.read(entry)
            new.writestr(entry, change(data) if entry == name else data)
    return found.getvalue()


def test_an_exported_model_comes_back_with_equal_predictions(version, target, cast, client_of):
    client = client_of(cast.manager)
    asked = client.post(f"/api/v1/model-versions/{version.pk}/bundle-exports")
    assert (asked.status_code, asked.json()["state"]) == (202, "pending")
    wanted = export(version, cast.manager)
    assert str(wanted.pk) == asked.json()["id"]  # asking twice makes one file
    answer = client.get(f"/api/v1/bundle-exports/{wanted.pk}/file")
    assert "firstread-nodule-model-1.zip" in answer["Content-Disposition"]
    content = answer.getvalue()
    with zipfile.ZipFile(io.BytesIO(content)) as bundle:
        assert set(bundle.namelist()) == {
            "configs/firstread.json", "configs/inference.json", "configs/metadata.json",
            "docs/README.md", "models/model.safetensors",
        }  # fmt: skip
        readme = bundle.read("docs/README.md").decode()
    assert "probabilities of: no, yes. The second one is called from a probability of 0.4" in readme

    sent = client.post(
        f"/api/v1/targets/{target.pk}/bundle-imports", content, content_type="application/zip"
    )
    assert (sent.status_code, sent.json()["size_bytes"]) == (202, len(content))
    jobs.execute(BundleImport, sent.json()["id"], exchange.take_in)
    [done] = client.get(f"/api/v1/targets/{target.pk}/bundle-imports").json()
    assert (done["state"], done["model_number"]) == ("completed", 2), done
    found = ModelVersion.objects.get(number=2)
    assert (found.state, found.round, found.threshold) == ("candidate", None, 0.4)
    assert found.weights_sha256 == version.weights_sha256
    assert found.origin == f"bundle nodule 1 (SHA-256 {wanted.sha256[:16]})"
    assert np.array_equal(predictions_of(found), predictions_of(version))
    trail = AuditEvent.objects.filter(action="model_imported").get()
    assert trail.detail["bundle_sha256"] == wanted.sha256
    assert not bundles.arrived_path(BundleImport.objects.get()).exists()
    listed = client.get(f"/api/v1/targets/{target.pk}/model-versions").json()
    assert [(m["number"], m["round_number"], m["metrics"]) for m in listed] == [
        (2, None, {}), (1, None, {}),
    ]  # fmt: skip


def test_the_readmes_program_runs(version, cast, tmp_path, monkeypatch):
    with zipfile.ZipFile(bundles.export_path(export(version, cast.manager))) as bundle:
        bundle.extractall(tmp_path)
    program = (tmp_path / "docs/README.md").read_text().split("```python\n")[1].split("```")[0]
    monkeypatch.chdir(tmp_path)
    found = {}
    exec(program, found)  # noqa: S102  it is the text under test
    assert found["outputs"].shape == (1, 2)


def other_classes(data):
    record = json.loads(data)
    record["task"]["classes"] = ["left", "right"]
    return json.dumps(record).encode()


def larger(data):
    record = json.loads(data)
    record["architecture"]["size"] = [64, 64]
    return json.dumps(record).encode()


def poisoned(data):
    return data[:-4] + np.float32(np.nan).tobytes()


@pytest.mark.parametrize(
    ("name", "change", "reason"),
    [
        (RECORD, lambda _: b"{", f"{RECORD} is no JSON"),
        (RECORD, other_classes, f"{RECORD}: task: the model tells apart left, right; "
         "nodule asks for no, yes"),
        (RECORD, larger, f"{RECORD}: architecture: this target shows one grey frame"),
        ("models/model.safetensors", lambda data: data[:-9],
         "models/model.safetensors does not fit the network"),
        ("models/model.safetensors", poisoned,
         "models/model.safetensors holds values that are not numbers"),
    ],
)  # fmt: skip
def test_a_wrong_bundle_is_refused_and_leaves_nothing(name, change, reason, version, target, cast):
    content = bundles.export_path(export(version, cast.manager)).read_bytes()
    before = set(weights_folder().iterdir())
    arrived = bundles.request_import(
        actor=cast.manager, target=target, chunks=[changed(content, name, change)]
    )
    jobs.execute(BundleImport, arrived.pk, exchange.take_in)
    arrived.refresh_from_db()
    assert (arrived.state, arrived.model_version) == ("failed", None)
    assert arrived.error.startswith(reason)
    assert ModelVersion.objects.count() == 1
    assert set(weights_folder().iterdir()) == before
    assert not bundles.arrived_path(arrived).exists()


def test_an_upload_has_a_limit_and_a_length(target, cast, client_of, settings):
    settings.LARGEST_BUNDLE_BYTES = 2 << 20
    client = client_of(cast.manager)
    address = f"/api/v1/targets/{target.pk}/bundle-imports"
    answer = client.post(address, b"x" * (3 << 20), content_type="application/zip")
    assert (answer.status_code, answer.json()["field"]) == (400, "bundle")
    assert "may not exceed 2 MiB" in answer.json()["detail"]
    assert client.post(address, b"", content_type="application/zip").status_code == 400
    assert BundleImport.objects.count() == 0


def test_a_command_imports_too(version, target, cast, tmp_path):
    path = bundles.export_path(export(version, cast.manager))
    out = io.StringIO()
    options = {"project": cast.project.name, "question": "nodule", "stdout": out}
    call_command("import_model", str(path), **options)
    assert out.getvalue().startswith("Model 2 of nodule, a candidate: weights ")
    (tmp_path / "notes.zip").write_text("hello")
    with pytest.raises(CommandError, match="neither a folder nor a whole zip"):
        call_command("import_model", str(tmp_path / "notes.zip"), **options)
    with pytest.raises(CommandError, match="has no target 'also'"):
        call_command("import_model", str(path), **{**options, "question": "also"})


DRAWN = {
    "questions": [{"key": "note", "label": "Note", "kind": "text"}],
    "region_labels": [
        {"key": "nodule", "label": "Nodule", "kinds": ["box"]},
        {"key": "cyst", "label": "Cyst", "kinds": ["box"]},
    ],
}
VOLUMES = {"size": [16, 16, 16], "dimensions": "3d"}


@pytest.fixture
def boxed(cast):
    publish_schema(actor=cast.manager, project=cast.project, definition=DRAWN)
    return cast.project


def make_detector(target):
    """A version whose weights really lie where they should."""
    torch.manual_seed(0)
    shape = DetectorShape(2, 3 if target.input else 2, width=4, neck=8)
    return ModelVersion.objects.create(
        target=target, origin="made for a test", number=1, classes=["nodule", "cyst"],
        weights_sha256=save_weights(Detector(shape), weights_folder()), thresholds=[0.3, 0.4],
        task={"kind": "boxes", "classes": ["nodule", "cyst"]}, architecture=shape.as_json(),
        config=TrainConfig(side=32).as_json(), input=target.input,
    )  # fmt: skip


def take_in(target, actor, content):
    arrived = bundles.request_import(actor=actor, target=target, chunks=[content])
    jobs.execute(BundleImport, arrived.pk, exchange.take_in)
    arrived.refresh_from_db()
    return arrived


@pytest.mark.parametrize("input", [{}, VOLUMES], ids=["images", "volumes"])
def test_a_detector_comes_back_as_it_left(boxed, cast, client_of, input):
    target = targets.create_target(actor=cast.manager, project=boxed, kind="boxes", input=input)
    version = make_detector(target)
    wanted = export(version, cast.manager)
    answer = client_of(cast.manager).get(f"/api/v1/bundle-exports/{wanted.pk}/file")
    assert "firstread-boxes-model-1.zip" in answer["Content-Disposition"]
    done = take_in(target, cast.manager, answer.getvalue())
    found = done.model_version
    assert (done.state, found.number, found.state) == ("completed", 2, "candidate"), done.error
    for name in (
        "weights_sha256",
        "classes",
        "thresholds",
        "task",
        "architecture",
        "config",
        "input",
    ):
        assert getattr(found, name) == getattr(version, name), name
    assert load_detector(found).network.shape == load_detector(version).network.shape


def test_a_detector_of_other_labels_or_images_is_refused(target, boxed, cast):
    images = targets.create_target(actor=cast.manager, project=boxed, kind="boxes")
    content = bundles.export_path(export(make_detector(images), cast.manager)).read_bytes()

    def swapped(data):
        record = json.loads(data)
        record["task"]["classes"] = ["cyst", "nodule"]  # a detection names its class by number
        return json.dumps(record).encode()

    refused = take_in(images, cast.manager, changed(content, RECORD, swapped))
    assert refused.error == (
        f"{RECORD}: task: the model tells apart cyst, nodule; "
        "boxes of nodule, cyst asks for nodule, cyst"
    )
    assert "asks for" in take_in(target, cast.manager, content).error
    images.input = VOLUMES
    images.save()
    assert "the model looks at other series" in take_in(images, cast.manager, content).error


def test_a_command_imports_a_detector(boxed, cast):
    images = targets.create_target(actor=cast.manager, project=boxed, kind="boxes")
    path = bundles.export_path(export(make_detector(images), cast.manager))
    out = io.StringIO()
    call_command("import_model", str(path), project=boxed.name, kind="boxes", stdout=out)
    assert out.getvalue().startswith("Model 2 of boxes of nodule, cyst, a candidate: weights ")
