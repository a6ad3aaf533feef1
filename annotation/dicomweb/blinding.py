"""PURE. DICOM JSON without what names the patient, for readers from whom a project hides that.

This is blinding, not de-identification: dates, UIDs, descriptions, free text and what is burnt into
the pixels stay. Whole objects cannot be blinded without changing them, so they are not given at all.
"""

from collections.abc import Iterable
from typing import Any

JsonDataset = dict[str, Any]
PATIENT, VISIT = "0010", "0038"  # groups
NEEDED_BY_VIEWERS = {
    "00101020", "00101030",  # size and weight: standardized uptake values
    "00102210",  # anatomical orientation: how an animal lies
}  # fmt: skip
NAMING_THE_ORDER = {
    "00080050", "00080051",  # accession number and its issuer
    "00120040",  # clinical trial subject
    "00200010",  # study ID
    "00401001", "00402016", "00402017",  # requested procedure and order numbers
    "00420011",  # encapsulated document
}  # fmt: skip
# Type 2 attributes and required return keys: they stay, without a value.
EMPTIED = {"00080050", "00100010", "00100020", "00100030", "00100040", "00200010"}
SAFE_PRIVATE_GROUPS = {"7053"}  # Philips uptake factors (PS3.15 E.3.10)


def names_patient(path: Iterable[str], vr: str = "") -> bool:
    """Whether a tag of the path, or a person's name at its end, tells who the patient is."""
    return vr == "PN" or any(map(_is_hidden, path))


def without_patient(dataset: JsonDataset) -> JsonDataset:
    """The dataset, at every level without patient, visit, order, people and private elements."""
    kept: JsonDataset = {}
    for tag, element in dataset.items():
        if tag in EMPTIED or element["vr"] == "PN":
            kept[tag] = {"vr": element["vr"]}
        elif not _is_hidden(tag):
            kept[tag] = _inside(element) if element["vr"] == "SQ" else element
    return kept


def _is_hidden(tag: str) -> bool:
    group = tag[:4]
    if group in (PATIENT, VISIT):
        return tag not in NEEDED_BY_VIEWERS
    is_private = int(group, 16) % 2 == 1
    return tag in NAMING_THE_ORDER or (is_private and group not in SAFE_PRIVATE_GROUPS)


def _inside(sequence: JsonDataset) -> JsonDataset:
    if "Value" not in sequence:
        return sequence
    return {**sequence, "Value": [without_patient(item or {}) for item in sequence["Value"]]}
