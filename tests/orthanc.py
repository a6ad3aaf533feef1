"""A real Orthanc as the far end: started on a free loopback port, gone after the block."""

import contextlib
import json
import secrets
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path

import requests  # noqa: TID251  the far end of the wire

from tests.servers import eventually, free_port

PROGRAM = shutil.which("Orthanc") or "/usr/sbin/Orthanc"  # not in everybody's PATH
PLUGIN = Path("/usr/share/orthanc/plugins/libOrthancDicomWeb.so")
USER = "firstread"


class Orthanc:
    """One Orthanc with its own storage; it can be stopped and started again at the same address."""

    def __init__(self, folder, **config):
        self.folder = Path(folder)
        self.port = free_port()
        self.password = secrets.token_urlsafe(16)
        self.root = f"http://127.0.0.1:{self.port}"
        self.url = f"{self.root}/dicom-web"
        self.config = {
            "Name": "Firstread test peer",
            "StorageDirectory": str(self.folder / "storage"),
            "IndexDirectory": str(self.folder / "index"),
            "HttpPort": self.port,
            "HttpBindAddresses": ["127.0.0.1"],
            "RemoteAccessAllowed": False,
            "AuthenticationEnabled": True,
            "RegisteredUsers": {USER: self.password},
            "DicomServerEnabled": False,
            "SslEnabled": False,
            "Plugins": [str(PLUGIN)],
            **config,
            "DicomWeb": {"Enable": True, "Root": "/dicom-web/", **config.get("DicomWeb", {})},
        }
        self._process = None

    def start(self):
        path = self.folder / "orthanc.json"
        path.write_text(json.dumps(self.config))
        with (self.folder / "orthanc.log").open("ab") as log:
            self._process = subprocess.Popen(
                [PROGRAM, str(path)], stdout=log, stderr=log, cwd=self.folder
            )
        eventually(self._answers, f"Orthanc answers:\n{self.log()}", timeout_s=30)

    def stop(self):
        """At once, as when a machine goes away."""
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal.SIGKILL)
            self._process.wait()

    def _answers(self):
        assert self._process.poll() is None, f"Orthanc ended:\n{self.log()}"
        with contextlib.suppress(requests.RequestException):
            return self.get("/system").ok
        return False

    def log(self):
        return (self.folder / "orthanc.log").read_text(errors="replace")[-3000:]

    def get(self, path):
        return requests.get(f"{self.root}{path}", auth=(USER, self.password), timeout=60)

    def post(self, path, **body):
        return requests.post(f"{self.root}{path}", auth=(USER, self.password), timeout=60, **body)

    def add(self, *files):
        """Store part-10 files through Orthanc's own API, byte for byte."""
        for data in files:
            answer = self.post("/instances", data=data)
            assert answer.ok, answer.text

    def files(self):
        """The stored files by SOP Instance UID."""
        found = {}
        for instance in self.get("/instances").json():
            uid = self.get(f"/instances/{instance}").json()["MainDicomTags"]["SOPInstanceUID"]
            found[uid] = self.get(f"/instances/{instance}/file").content
        return found


@contextlib.contextmanager
def running(**config):
    """A started Orthanc. Fails, never skips, where the packages are missing."""
    missing = not Path(PROGRAM).exists() or not PLUGIN.exists()
    assert not missing, "Orthanc is missing: install the packages 'orthanc' and 'orthanc-dicomweb'"
    with tempfile.TemporaryDirectory(prefix="orthanc-") as folder:
        peer = Orthanc(folder, **config)
        try:
            peer.start()
            yield peer
        finally:
            peer.stop()
