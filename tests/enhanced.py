"""Makes enhanced multi-frame objects of single-frame ones, and changes how their frames lie."""

import io

import numpy as np
import pydicom
from pydicom import Dataset
from pydicom.uid import EnhancedCTImageStorage, EnhancedMRImageStorage

from annotation.imaging.conversion import derived_uid

SOP_CLASSES = {"CT": EnhancedCTImageStorage, "MR": EnhancedMRImageStorage}
SHARED, OWN = "SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence"
OF_FRAMES = (
    "ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing", "SliceThickness",
    "RescaleSlope", "RescaleIntercept", "RescaleType", "WindowCenter", "WindowWidth",
)  # fmt: skip


def enhanced(files, key, *, order=None, change=lambda _dataset: None):
    """One object of the images of single-frame objects, in the order named; `change` gets it at last."""
    slices = [pydicom.dcmread(io.BytesIO(data)) for data in files]
    slices = [slices[place] for place in (range(len(slices)) if order is None else order)]
    dataset = pydicom.dcmread(io.BytesIO(files[0]))
    for keyword in OF_FRAMES:
        dataset.pop(keyword, None)
    dataset.SOPClassUID = SOP_CLASSES[dataset.Modality]
    dataset.SOPInstanceUID = derived_uid(key, "enhanced")
    dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    dataset.ImageType = ["ORIGINAL", "PRIMARY", "VOLUME", "NONE"]
    dataset.NumberOfFrames = len(slices)
    dataset.PixelData = b"".join(one.PixelData for one in slices)
    setattr(dataset, SHARED, [_shared(slices[0])])
    setattr(dataset, OWN, [_own(one.ImagePositionPatient) for one in slices])
    change(dataset)
    output = io.BytesIO()
    dataset.save_as(output)
    return output.getvalue()


def place_frames(dataset, positions):
    """Give every frame another place, LPS mm."""
    for group, position in zip(dataset.PerFrameFunctionalGroupsSequence, positions, strict=True):
        group.PlanePositionSequence[0].ImagePositionPatient = np.asarray(position).tolist()


def name_stacks(dataset, names):
    for group, name in zip(dataset.PerFrameFunctionalGroupsSequence, names, strict=True):
        group.FrameContentSequence[0].StackID = name


def _shared(first):
    group = Dataset()
    group.PixelMeasuresSequence = [_of(first, "PixelSpacing", "SliceThickness")]
    group.PlaneOrientationSequence = [_of(first, "ImageOrientationPatient")]
    rescale = _of(first, "RescaleSlope", "RescaleIntercept", "RescaleType")
    group.PixelValueTransformationSequence = [rescale]
    group.FrameVOILUTSequence = [_of(first, "WindowCenter", "WindowWidth")]
    return group


def _own(position):
    group, place, content = Dataset(), Dataset(), Dataset()
    place.ImagePositionPatient = position
    content.StackID = "1"
    group.PlanePositionSequence, group.FrameContentSequence = [place], [content]
    return group


def _of(dataset, *keywords):
    item = Dataset()
    for keyword in keywords:
        if keyword in dataset:
            setattr(item, keyword, dataset.get(keyword))
    return item
