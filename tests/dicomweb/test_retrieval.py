"""WADO-RS and WADO-URI: caching, ranges, negotiation, pictures, documents, XML, capabilities, CORS."""

import io
from functools import partial
from urllib.parse import urlencode
from xml.etree import ElementTree as Xml

import numpy as np
import pytest
from PIL import Image
from pydicom.uid import JPEG2000Lossless

from annotation.archive.models import SeriesPreparation
from annotation.archive.services.preparation import prepare_due
from annotation.dicomweb.dicomjson import join_for_preparation
from tests import factories
from tests.dicomweb.wire import changed, content, parts_of, place_of, read
from tests.enhanced import enhanced

LE, J2K, HTJ2K = "1.2.840.10008.1.2.1", JPEG2000Lossless, "1.2.840.10008.1.2.4.201"
OCTETS, DICOM = "application/octet-stream", "application/dicom"
PDF_CLASS = "1.2.840.10008.5.1.4.1.1.104.1"
PDF = b"%PDF-1.4 hello" + bytes(5000)
VIEWER = "https://viewer.example"


@pytest.fixture
def image(here):
    """A radiograph with a private binary, stored."""
    data = changed(
        factories.make_dicom("image"), lambda d: d.add_new(0x00091010, "OB", bytes(8000))
    )
    assert here.store(data).status_code == 200
    return read(data)


def frames_movie(count=4):
    """A multi-frame object whose frame n is filled with n."""

    def change(dataset):
        dataset.NumberOfFrames = count
        size = dataset.Rows * dataset.Columns
        dataset.PixelData = b"".join(np.full(size, n, "<u2").tobytes() for n in range(1, count + 1))

    return changed(factories.make_dicom("movie"), change)


@pytest.mark.parametrize("path", ["", "/frames/1", "/bulkdata/00091010", "/rendered"])
def test_etags_ranges_and_head(here, image, path):
    url = f"{place_of(image)}{path}"
    accept = {"": f"{DICOM}; transfer-syntax=*", "/rendered": "image/png"}.get(path, OCTETS)
    whole = here.get(url, accept)
    data, etag = content(whole), whole.headers["ETag"]
    assert whole.headers["Accept-Ranges"] == "bytes"
    assert here.get(url, accept, If_None_Match=etag).status_code == 304
    assert here.get(url, accept, If_None_Match='"other"').status_code == 200
    part = here.get(url, accept, Range="bytes=10-19")
    assert (part.status_code, content(part)) == (206, data[10:20])
    assert part.headers["Content-Range"] == f"bytes 10-19/{len(data)}"
    assert content(here.get(url, accept, Range="bytes=-5")) == data[-5:]
    assert content(here.get(url, accept, Range="bytes=20-")) == data[20:]
    beyond = here.get(url, accept, Range=f"bytes={len(data)}-")
    assert (beyond.status_code, beyond.headers["Content-Range"]) == (416, f"bytes */{len(data)}")
    head = here.get(url, accept, method="HEAD")
    assert (head.status_code, head.headers["ETag"]) == (200, etag)


def test_metadata_is_revalidated_and_changes_with_an_arrival(here):
    first, second = factories.make_ct("ct", slices=2)
    here.store(first)
    url = f"studies/{read(first).StudyInstanceUID}/metadata"
    etag = here.get(url).headers["ETag"]
    assert here.get(url, If_None_Match=etag).status_code == 304
    here.store(second)
    assert len(here.get(url, If_None_Match=etag).json()) == 2


def test_frames_alone_in_parts_and_in_order(here):
    data = frames_movie()
    here.store(data)
    url = f"{place_of(read(data))}/frames"
    size = 64 * 64 * 2
    for numbers, expected in (("2", [2]), ("3,1", [3, 1]), ("2-4", [2, 3, 4]), ("1,1", [1, 1])):
        parts = parts_of(here.get(f"{url}/{numbers}", f'multipart/related; type="{OCTETS}"'))
        assert [data[0] for _, data in parts] == expected
        assert {len(data) for _, data in parts} == {size}
        assert {head["content-type"] for head, _ in parts} == {f"{OCTETS}; transfer-syntax={LE}"}
    assert here.get(f"{url}/1,5").status_code == 404


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        (OCTETS, f"{OCTETS}; transfer-syntax={LE}"),
        (f"{OCTETS}; transfer-syntax={LE}", f"{OCTETS}; transfer-syntax={LE}"),
        (f"image/jphc; transfer-syntax={HTJ2K}", f"image/jphc; transfer-syntax={HTJ2K}"),
        (f"image/jphc;q=0.1, image/jp2; transfer-syntax={J2K};q=0.9", f"image/jp2; transfer-syntax={J2K}"),
        (f"text/html, {OCTETS};q=0.5", f"{OCTETS}; transfer-syntax={LE}"),
    ],
)  # fmt: skip
def test_quality_and_syntax_decide_what_a_frame_comes_as(here, image, accept, expected):
    assert here.get(f"{place_of(image)}/frames/1", accept).headers["Content-Type"] == expected
    query = urlencode({"accept": accept})
    same = here.get(f"{place_of(image)}/frames/1?{query}", "text/html")
    assert same.headers["Content-Type"] == expected


@pytest.mark.parametrize(
    ("path", "accept"),
    [("/frames/1", "image/jxl"), ("/frames/1", "text/html"), ("/frames/1", f"{OCTETS};q=0"),
     ("", f"{DICOM}; transfer-syntax={J2K}"), ("", "image/png"), ("/metadata", "text/html"),
     ("/rendered", "image/webp"), ("/rendered", "application/pdf"), ("/bulkdata/00091010", "image/png"),
     ("/thumbnail", "text/plain")],
)  # fmt: skip
def test_what_cannot_be_served_is_406_with_the_reason(here, image, path, accept):
    answer = here.get(f"{place_of(image)}{path}", accept)
    assert answer.status_code == 406
    assert answer.headers["Content-Type"].startswith("application/problem+json")
    assert answer.json()["detail"]


def picture(answer):
    assert answer.status_code == 200, content(answer)[:200]
    return np.asarray(Image.open(io.BytesIO(content(answer))))


def test_window_functions_make_the_pictures_of_ps3_3(here, image):
    url = f"{place_of(image)}/rendered"
    values = image.pixel_array.astype(float)
    center, width = float(values.mean()), float(values.std() * 2)
    linear = (values - (center - 0.5)) / (width - 1) + 0.5
    exact = (values - center) / width + 0.5
    sigmoid = 1 / (1 + np.exp(-4 * (values - center) / width))
    for name, truth in (("linear", linear), ("linear-exact", exact), ("sigmoid", sigmoid)):
        found = picture(here.get(f"{url}?window={center},{width},{name}", "image/png"))
        expected = np.clip(truth, 0, 1) * 255
        if image.PhotometricInterpretation == "MONOCHROME1":
            expected = 255 - expected
        assert np.abs(found.astype(float) - expected).max() <= 1, name


def test_region_viewport_and_mirror(here, image):
    url = f"{place_of(image)}/rendered"
    whole = picture(here.get(url, "image/png"))
    cut = picture(here.get(f"{url}?viewport=16,16,8,4,16,16", "image/png"))
    np.testing.assert_array_equal(cut, whole[4:20, 8:24])
    mirrored = picture(here.get(f"{url}?viewport=16,16,8,4,-16,-16", "image/png"))
    np.testing.assert_array_equal(mirrored, whole[4:20, 8:24][::-1, ::-1])
    assert picture(here.get(f"{url}?viewport=32,100", "image/png")).shape == (32, 32)
    small, large = (content(here.get(f"{url}?quality={q}", "image/jpeg")) for q in (10, 100))
    assert len(small) < len(large)


def test_gif_plays_all_frames_and_a_picture_shows_the_one_asked_for(here):
    data = frames_movie()
    here.store(data)
    place = place_of(read(data))
    animated = Image.open(
        io.BytesIO(content(here.get(f"{place}/rendered?window=2.5,4", "image/gif")))
    )
    assert animated.n_frames == 4
    third = picture(here.get(f"{place}/frames/3/rendered?window=2.5,4,linear-exact", "image/png"))
    assert {int(v) for v in np.unique(third)} == {round((3 - 2.5) / 4 * 255 + 127.5)}
    assert here.get(f"{place}/frames/1,2/rendered", "image/png").status_code == 400


def test_series_and_studies_are_rendered_in_parts(here):
    files = factories.make_ct("ct", slices=3)
    here.store(*files)
    study = f"studies/{read(files[0]).StudyInstanceUID}"
    for path in (study, f"{study}/series/{read(files[0]).SeriesInstanceUID}"):
        parts = parts_of(here.get(f"{path}/rendered", 'multipart/related; type="image/png"'))
        assert len(parts) == 3
        assert all(data.startswith(b"\x89PNG") for _, data in parts)
        assert picture(here.get(f"{path}/thumbnail", "image/jpeg")).shape == (32, 32)


SHUFFLED = [3, 0, 4, 1, 2]  # the slice in the middle comes last


def in_one_object(slices):
    return [enhanced(slices, "shuffled", order=SHUFFLED)]


def in_objects_numbered_otherwise(slices):
    def number(dataset, place):
        dataset.InstanceNumber = SHUFFLED.index(place) + 1

    return [changed(one, partial(number, place=place)) for place, one in enumerate(slices)]


@pytest.mark.parametrize(
    ("stored", "middle"), [(in_one_object, -1), (in_objects_numbered_otherwise, 2)]
)
def test_a_thumbnail_is_of_the_slice_that_lies_in_the_middle(here, stored, middle):
    files = stored(factories.make_ct("middle"))
    here.store(*files)

    def small(path):
        return content(here.get(f"{path}/thumbnail", "image/jpeg"))

    instances = [place_of(read(data)) for data in files]
    frames = [
        small(f"{instance}/frames/{n}")
        for instance, data in zip(instances, files, strict=True)
        for n in range(1, read(data).get("NumberOfFrames", 1) + 1)
    ]
    assert frames.count(frames[middle]) == 1
    series = instances[middle].partition("/instances")[0]
    study = series.partition("/series")[0]
    assert {small(path) for path in (study, series, instances[middle])} == {frames[middle]}
    SeriesPreparation.objects.update(changed_at="2020-01-01T00:00:00Z")
    assert prepare_due(join_metadata=join_for_preparation, budget_s=60) == 1
    assert small(series) == frames[middle]


def test_a_pdf_is_given_as_it_is_and_its_pixels_are_not(here):
    def encapsulate(dataset):
        dataset.SOPClassUID = PDF_CLASS
        for keyword in ("PixelData", "Rows", "Columns", "BitsAllocated"):
            delattr(dataset, keyword)
        dataset.EncapsulatedDocument = PDF
        dataset.MIMETypeOfEncapsulatedDocument = "application/pdf"

    data = changed(factories.make_dicom("pdf"), encapsulate)
    here.store(data)
    place = place_of(read(data))
    answer = here.get(f"{place}/rendered", "application/pdf")
    assert content(answer).startswith(PDF[:20])
    assert answer.headers["Content-Disposition"].startswith("attachment")
    for path in ("/frames/1", "/rendered", "/thumbnail"):
        refused = here.get(f"{place}{path}", "image/png, image/jpeg, application/octet-stream")
        assert refused.status_code == 406
        assert refused.json()["detail"]


def test_metadata_as_xml_names_bulk_data_where_it_lies(here, image):
    [(head, data)] = parts_of(
        here.get(f"{place_of(image)}/metadata", 'multipart/related; type="application/dicom+xml"')
    )
    assert head["content-type"] == "application/dicom+xml"
    [bulk] = Xml.fromstring(data).iter("{http://dicom.nema.org/PS3.19/models/NativeDICOM}BulkData")  # noqa: S314
    uri = bulk.get("uri").replace("http://testserver", "")
    assert content(here.get(uri, OCTETS)) == bytes(8000)
    [(location, data)] = parts_of(here.get(uri, f'multipart/related; type="{OCTETS}"'))
    assert data == bytes(8000)
    assert location["content-location"].endswith(uri)


def test_wado_uri(here, image):
    names = {"requestType": "WADO", "studyUID": image.StudyInstanceUID,
             "seriesUID": image.SeriesInstanceUID, "objectUID": image.SOPInstanceUID}  # fmt: skip

    def ask(**more):
        return here.get(f"wado?{urlencode({**names, **more})}")

    assert content(ask()).startswith(b"\xff\xd8")
    assert picture(ask(contentType="image/png", rows="32", columns="32")).shape == (32, 32)
    assert picture(ask(windowCenter="100", windowWidth="50", imageQuality="50")).shape == (64, 64)
    whole = ask(contentType=DICOM)
    assert content(whole)[128:132] == b"DICM"
    assert ask(contentType=DICOM, transferSyntax=J2K).status_code == 400
    assert ask(frameNumber="2").status_code == 404
    assert ask(requestType="x").status_code == 400
    assert ask(objectUID="").status_code == 400
    assert ask(objectUID="1.2.3").status_code == 404
    assert ask(contentType="text/html").status_code == 406


def test_the_capabilities_list_every_route(here):
    answer = here.get("", method="OPTIONS")
    document = Xml.fromstring(content(answer))  # noqa: S314  our own answer
    paths = {r.get("path") for r in document.iter("{http://wadl.dev.java.net/2009/02}resource")}
    assert {"studies", "studies/{study_uid}/metadata", "wado"} <= paths


def test_only_listed_origins_may_read_across(root, live_cast):
    data = factories.make_dicom("a")
    root.store(data)
    for path in ("studies", f"{place_of(read(data))}/frames/1", f"{place_of(read(data))}/rendered"):
        allowed = root.get(path, Origin=VIEWER)
        assert allowed.headers["Access-Control-Allow-Origin"] == VIEWER
        assert (
            "Access-Control-Allow-Origin"
            not in root.get(path, Origin="https://evil.example").headers
        )
    preflight = {
        "Access_Control_Request_Method": "GET",
        "Access_Control_Request_Headers": "authorization",
    }
    asked = root.get("studies", method="OPTIONS", Origin=VIEWER, **preflight)
    assert asked.headers["Access-Control-Allow-Origin"] == VIEWER
    assert "authorization" in asked.headers["Access-Control-Allow-Headers"]
    refused = root.get("studies", method="OPTIONS", Origin="https://evil.example", **preflight)
    assert "Access-Control-Allow-Origin" not in refused.headers
