"""How tests speak DICOMweb: the same few verbs in this process and over the wire."""

import io
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pydicom
import requests  # noqa: TID251  the far end of the wire: what clients really send

SHARED = Path(__file__).parents[3] / "shared" / "data"
BOUNDARY = "a-boundary-of-the-client"
STORE_TYPE = f'multipart/related; type="application/dicom"; boundary={BOUNDARY}'
REASON, FAILURE, STORED_UID = "00000902", "00081197", "00081155"


def real_files(pattern: str = "dicom*/**/*") -> list[Path]:
    """Files of the shared data; none where that folder is absent."""
    return sorted(p for p in SHARED.glob(pattern) if p.is_file())


def body_of(*files: bytes, part_type: str = "application/dicom") -> bytes:
    head = f"--{BOUNDARY}\r\nContent-Type: {part_type}\r\n\r\n".encode()
    return b"".join(head + data + b"\r\n" for data in files) + f"--{BOUNDARY}--\r\n".encode()


@dataclass(frozen=True)
class Root:
    """A DICOMweb root and who speaks to it: a Django test client or a requests session."""

    url: str
    client: Any

    def get(self, path: str, accept: str = "", method: str = "GET", **headers: str) -> Any:
        """Headers by keyword, `If_None_Match` for If-None-Match."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        if accept:
            named["Accept"] = accept
        url = path if path.startswith(self.url) else f"{self.url}/{path}"
        if isinstance(self.client, requests.Session):
            return self.client.request(method, url, headers=named)
        return self.client.generic(method, url, headers=named)

    def search(self, path: str, **keys: Any) -> list[dict[str, Any]]:
        answer = self.get(f"{path}?{urlencode(keys, doseq=True)}")
        assert answer.status_code in (200, 204), (answer.status_code, content(answer)[:300])
        return answer.json() if answer.status_code == 200 else []

    def store(self, *files: bytes, path: str = "studies") -> Any:
        return self.post(body_of(*files), path=path)

    def post(self, body: Any, content_type: str = STORE_TYPE, path: str = "studies") -> Any:
        url = f"{self.url}/{path}"
        if isinstance(self.client, requests.Session):
            return self.client.post(url, data=body, headers={"Content-Type": content_type})
        return self.client.generic("POST", url, body, content_type=content_type)


def content(answer: Any) -> bytes:
    """The body, also of an answer that streams."""
    return b"".join(answer.streaming_content) if getattr(answer, "streaming", 0) else answer.content


def parts_of(answer: Any) -> list[tuple[dict[str, str], bytes]]:
    """Headers and bytes of every part, split by hand and not by our own parser."""
    outer = answer.headers["Content-Type"]
    assert outer.startswith("multipart/related"), outer
    boundary = outer.partition("boundary=")[2].split(";")[0].strip('"')
    pieces = content(answer).split(f"--{boundary}".encode())
    assert pieces[0] == b"", "a preamble"
    assert pieces[-1].strip() == b"--", "no closing delimiter"
    found = []
    for piece in pieces[1:-1]:
        head, _, data = piece.removeprefix(b"\r\n").partition(b"\r\n\r\n")
        lines = (line.partition(":") for line in head.decode().split("\r\n"))
        found.append(({n.lower(): v.strip() for n, _, v in lines}, data.removesuffix(b"\r\n")))
    return found


def place_of(dataset: pydicom.Dataset) -> str:
    """The path of an instance below a root."""
    return (
        f"studies/{dataset.StudyInstanceUID}/series/{dataset.SeriesInstanceUID}"
        f"/instances/{dataset.SOPInstanceUID}"
    )


def read(data: bytes) -> pydicom.FileDataset:
    return pydicom.dcmread(io.BytesIO(data))


def changed(data: bytes, change: Any) -> bytes:
    """The file after `change(dataset)`, written without pydicom's checks."""
    dataset = read(data)
    change(dataset)
    out = io.BytesIO()
    dataset.save_as(out)
    return out.getvalue()


def reasons(answer: Any) -> list[str]:
    """Why parts were not stored, in the order of the answer."""
    body = answer.json()
    failed = [*_items(body, "00081198"), *_items(body, "0008119A")]
    return [item[REASON]["Value"][0] for item in failed]


def stored_uids(answer: Any) -> list[str]:
    return [item[STORED_UID]["Value"][0] for item in _items(answer.json(), "00081199")]


def _items(body: dict[str, Any], tag: str) -> list[dict[str, Any]]:
    return body.get(tag, {}).get("Value", [])
