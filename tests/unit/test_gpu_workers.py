"""A training worker for every device, found without torch."""

import subprocess
import sys

import pytest

from config import env, gpu_workers

LISTING = """\
GPU 0: NVIDIA A100-SXM4-40GB (UUID: GPU-5d5b)
  MIG 3g.20gb     Device  0: (UUID: MIG-c7d9)
  MIG 3g.20gb     Device  1: (UUID: MIG-8f3e)
GPU 1: NVIDIA A100-SXM4-40GB (UUID: GPU-77aa)
"""


@pytest.fixture
def machine(monkeypatch, tmp_path):
    """Puts a program in the place of nvidia-smi that says this."""

    def arrange(listing):
        program = tmp_path / "nvidia-smi"
        program.write_text(f"#!{sys.executable}\nprint({listing!r})\n")
        program.chmod(0o755)
        monkeypatch.setenv("PATH", str(tmp_path))
        monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
        monkeypatch.delenv("GPU_DEVICES", raising=False)

    return arrange


def seen_by(workers):
    return {
        name: environment.get("CUDA_VISIBLE_DEVICES") for name, (_, environment) in workers.items()
    }


def test_every_device_and_every_part_of_one_has_a_worker(machine):
    machine(LISTING)
    found = gpu_workers.workers()
    assert seen_by(found) == {
        "gpu-worker-0": "MIG-c7d9", "gpu-worker-1": "MIG-8f3e", "gpu-worker-2": "1",
    }  # fmt: skip
    hosts = [command[command.index("--hostname") + 1] for command, _ in found.values()]
    assert hosts == ["gpu0@%h", "gpu1@%h", "gpu2@%h"]


def test_a_machine_without_gpus_has_one_worker(machine):
    machine("No devices were found")
    assert seen_by(gpu_workers.workers()) == {"gpu-worker": None}


def test_an_operator_chooses_the_devices(machine, monkeypatch):
    machine(LISTING)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "2,3")
    assert list(seen_by(gpu_workers.workers()).values()) == ["2", "3"]
    monkeypatch.setenv("GPU_DEVICES", "0,1 2")
    assert list(seen_by(gpu_workers.workers()).values()) == ["0,1", "2"]
    monkeypatch.setenv("GPU_DEVICES", "none")
    assert seen_by(gpu_workers.workers()) == {"gpu-worker": ""}
    for nonsense in ("0;1", " "):
        with pytest.raises(env.SettingError, match="GPU_DEVICES"):
            gpu_workers.device_groups(nonsense)


def test_a_device_that_cannot_be_asked_is_no_device(machine, monkeypatch):
    machine(LISTING)

    def hangs(*_arguments, **_options):
        raise subprocess.TimeoutExpired("nvidia-smi", 30)

    monkeypatch.setattr(subprocess, "run", hangs)
    assert gpu_workers.found_devices() == []
