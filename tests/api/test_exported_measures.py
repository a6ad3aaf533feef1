"""What regions of images without millimetres measure in exports."""

import io
import json

import pytest

from annotation.archive.services.ingest import ingest
from annotation.datasets import services
from annotation.datasets.formats.writers import WRITERS
from annotation.labeling.models import Case
from annotation.labeling.services.importing import import_read
from annotation.labeling.services.projects import add_cases
from tests import factories

DRAWN = {
    "angle": [[10, 10], [0, 0], [10, 0]],  # 45 degrees between pixels
    "length": [[0, 0], [3, 4]],
    "box": [[0, 0], [4, 0], [4, 3], [0, 3]],
}


def test_angles_follow_the_shape_of_the_pixels_and_lengths_count_them(cast):
    data = factories.with_attributes(factories.make_dicom("tall"), PixelAspectRatio=[4, 3])
    study = ingest(collection=cast.project.collection, chunks=[data]).study
    add_cases(project=cast.project, studies=[study])
    uid = factories.read(data).SOPInstanceUID
    regions = [
        {
            "id": f"00000000-0000-4000-8000-{number:012}", "kind": kind, "label": "",
            "sop_instance_uid": uid, "frame": 1, "pixels": pixels,
        }
        for number, (kind, pixels) in enumerate(DRAWN.items())
    ]  # fmt: skip
    content = {"answers": {"nodule": "yes"}, "regions": regions}
    import_read(reader=cast.annotator, case=Case.objects.get(), content=content)
    dataset = services.freeze(project=cast.project, name="tall", actor=cast.manager)
    out = io.BytesIO()
    WRITERS["content"](dataset, out, lambda _done, _total: None)
    [read] = json.loads(out.getvalue())["reads"]
    angle, length, box = (region["measures"] for region in read["content"]["regions"])
    assert angle == {"angle": pytest.approx(53.130102), "unit": "px"}
    assert length == {"length": 5, "unit": "px"}
    assert box == {"area": 12, "unit": "px"}
