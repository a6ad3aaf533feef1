"""The values of pixels as a real browser draws them, in stacks and in planes, against what the files hold."""

import io

import numpy as np
import pydicom
import pytest

from annotation.imaging import conversion
from tests.e2e.rooms import CORNER_MM, PIXEL_MM, SIDE, SLICE_MM, make_case, reading, voxel_mm
from tests.unit.test_native_values import lut

PLACE = (20, 30)  # x, y: the middle of a patch


def series(key, patches, *, ends, slices=12, **attributes):
    """MR slices of the higher of two values and one pixel of the lower, with patches of others at PLACE, by z."""
    voxels = np.full((slices, SIDE, SIDE), ends[1], np.int16)
    voxels[:, 0, 0] = ends[0]
    x, y = PLACE
    for z, value in patches.items():
        voxels[z, y - 3 : y + 4, x - 3 : x + 4] = value
    affine = np.diag([PIXEL_MM, PIXEL_MM, SLICE_MM, 1.0])
    affine[:3, 3] = [CORNER_MM, CORNER_MM, 0]
    subject = conversion.Subject(patient_id=key)
    for data in conversion.volume_series(voxels, affine, subject, key, "MR"):
        dataset = pydicom.dcmread(io.BytesIO(data))
        for keyword, value in attributes.items():
            setattr(dataset, keyword, value)
        output = io.BytesIO()
        dataset.save_as(output)
        yield output.getvalue()


def grey(room, z):
    """Of the patch in the slice that the first pane shows."""
    room.do(f"await w.goTo({z + 1})")
    room.until(f"p.slice === {z + 1}")
    [colour] = room.colours(0, [voxel_mm(*PLACE, z)])
    return colour[0]


def in_axial_planes(room, count):
    room.do("w.showPlanes(w.state.panes[0].series)")
    room.until(f"p.status === 'shown' && p.as === 'axial' && p.loaded === {count}")
    room.do("w.activate(0)")


def test_planes_draw_every_value_whatever_the_slices_held_that_were_seen_first(live_cast):
    """The first, the middle and the last slice fit into 8 bits without a sign, two others do not."""
    files = series("types", {2: -2, 3: 300}, ends=(100, 200))
    project = make_case(live_cast, "types", files)
    with reading(live_cast) as enter:
        room = enter(project)
        room.until("p.slices === 12 && p.loaded === 12")
        in_axial_planes(room, 12)
        room.do("w.window({ center: 200, width: 400 })")  # black at 0, white at 399
        assert np.allclose([grey(room, z) for z in (2, 3)], [0, 192], atol=10)


def test_fractions_between_whole_ends_are_drawn(live_cast):
    files = series("fractions", {2: 5}, ends=(0, 10), RescaleSlope="0.1")
    project = make_case(live_cast, "fractions", files)
    with reading(live_cast) as enter:
        room = enter(project)
        room.until("p.slices === 12 && p.loaded === 12")
        room.do("w.window({ center: 0.5, width: 1 })")
        assert abs(grey(room, 2) - 128) < 10  # 0.5 beside 0 and 1
        in_axial_planes(room, 12)
        room.do("w.window({ center: 0.5, width: 1 })")
        assert abs(grey(room, 2) - 128) < 10


def test_a_modality_lut_gives_the_values_that_exports_have(live_cast):
    """20 x stored + 7, from 0 to 2520 (`lut`): too long a table to come with the metadata."""
    files = series("table", {2: 1000}, ends=(0, 2520), ModalityLUTSequence=lut())
    project = make_case(live_cast, "table", files)
    with reading(live_cast) as enter:
        room = enter(project)
        room.until("p.slices === 12 && p.loaded === 12")
        for _ in range(2):  # as a stack, and in planes
            room.do("w.window('full')")
            room.until("p.preset === 'full'")
            assert [room.pane()[name] for name in ("center", "width")] == [25_207, 50_400]
            assert abs(grey(room, 2) - 101) < 10  # 20007 between 7 and 50407
            in_axial_planes(room, 12)


def test_an_image_with_a_voi_lut_alone_opens_with_the_values_that_it_is_for(live_cast):
    item = pydicom.Dataset()
    item.LUTDescriptor = [1000, 100, 8]
    item.add_new("LUTData", "US", list(range(1000)))
    files = list(series("voi", {}, ends=(0, 600), VOILUTSequence=[item]))
    project = make_case(live_cast, "voi", [without_window(data) for data in files])
    with reading(live_cast) as enter:
        room = enter(project)
        room.until("p.center === 600 && p.width === 1000")
        assert abs(grey(room, 2) - 128) < 10


def without_window(data):
    dataset = pydicom.dcmread(io.BytesIO(data))
    del dataset.WindowCenter, dataset.WindowWidth
    output = io.BytesIO()
    dataset.save_as(output)
    return output.getvalue()


# Grey of the value 1 with center 1 and width 4: from -1 to 2, or to 3.
@pytest.mark.parametrize(("function", "level"), [("LINEAR", 170), ("LINEAR_EXACT", 128)])
def test_the_header_s_window_is_that_of_its_preset(live_cast, function, level):
    """So narrow that one set by hand does not count whole units."""
    window = {"WindowCenter": "1", "WindowWidth": "4", "VOILUTFunction": function}
    project = make_case(live_cast, "window", series("window", {2: 1}, ends=(0, 3), **window))
    with reading(live_cast) as enter:
        room = enter(project)
        room.until("p.slices === 12 && p.loaded === 12")
        for _ in range(2):  # as a stack, and in planes
            room.until("p.center === 1 && p.width === 4")
            opened = grey(room, 2)
            room.do("w.window({ center: 10, width: 20 }); w.window('image')")
            room.until("p.preset === 'image' && p.center === 1 && p.width === 4")
            assert abs(opened - level) < 10
            assert abs(grey(room, 2) - opened) < 3
            in_axial_planes(room, 12)
