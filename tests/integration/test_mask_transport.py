"""Packs of label maps through the real server, larger than what Django buffers."""

import numpy as np
import requests  # noqa: TID251  a client of our server, not of a remote one

from annotation.accounts.services import create_token
from annotation.imaging import masks
from annotation.labeling.services import reading
from annotation.labeling.services.projects import publish_schema
from tests import factories, servers

SEGMENTS = [{"value": value, "label": f"Segment {value}"} for value in range(1, 256)]


def test_a_pack_of_25_mib_is_stored_and_one_of_65_is_refused(live_cast):
    definition = {**factories.QUESTIONS, "segments": SEGMENTS}
    publish_schema(actor=live_cast.manager, project=live_cast.project, definition=definition)
    factories.make_empty_cases(live_cast.project, 1)
    lease = factories.claim(live_cast.annotator, live_cast.project)
    annotation = reading.open_annotation(reader=live_cast.annotator, case=lease.case)
    rng = np.random.default_rng(1)
    noise = [rng.integers(0, 256, (1, 1024, 1024), np.uint8) for _ in range(25)]
    pack = b"".join(masks.pack(map(masks.compress, noise)))
    assert len(pack) > 25 * 2**20
    _, secret = create_token(user=live_cast.annotator, lifetime_days=1)
    headers = {"Authorization": f"Token {secret}", "Content-Type": "application/octet-stream"}
    with servers.web_server() as address:
        url = f"{address}/api/v1/annotations/{annotation.pk}/masks"
        stored = requests.post(url, pack, headers=headers, timeout=60)
        refused = requests.post(url, pack + b"\0" * (40 * 2**20), headers=headers, timeout=60)
        empty = requests.get(url, headers=headers, timeout=60)
    assert (stored.status_code, stored.json()) == (200, {"stored": 25})
    assert (refused.status_code, refused.json()["field"]) == (400, "pack")
    assert empty.content == masks.PACK_MAGIC
