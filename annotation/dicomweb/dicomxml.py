"""PURE but for one query: the Native DICOM Model in XML (PS3.19 A.1), made of the JSON model."""

import base64
import json
from collections.abc import Iterator
from typing import Any
from xml.etree import ElementTree as Xml

from pydicom.datadict import keyword_for_tag

from annotation.archive.models import Instance
from annotation.dicomweb import blinding, dicomjson
from annotation.dicomweb.dicomjson import JsonDataset

NAMESPACE = "http://dicom.nema.org/PS3.19/models/NativeDICOM"
NAME_PARTS = ("FamilyName", "GivenName", "MiddleName", "NamePrefix", "NameSuffix")
Xml.register_namespace("", NAMESPACE)


def metadata_pieces(instances: Any, base_url: str) -> Iterator[bytes]:
    """One XML document per instance of the queryset."""
    return map(to_xml, _datasets(instances, base_url))


def blinded_metadata_pieces(instances: Any, base_url: str) -> Iterator[bytes]:
    """The same without what names the patient."""
    return map(to_xml, map(blinding.without_patient, _datasets(instances, base_url)))


def _datasets(instances: Any, base_url: str) -> Iterator[JsonDataset]:
    rows = instances.select_related("series__study").only(
        "dicom_json", "sop_instance_uid", "series__series_instance_uid",
        "series__study__study_instance_uid",
    )  # fmt: skip
    for row in rows.iterator(chunk_size=200):
        instance: Instance = row
        url = dicomjson.instance_url(base_url, instance)
        body = json.dumps(instance.dicom_json).replace(
            dicomjson.BULK_MARK, f'"BulkDataURI": "{url}/bulkdata/'
        )
        yield json.loads(body)


def to_xml(dataset: JsonDataset) -> bytes:
    """A NativeDicomModel document, UTF-8."""
    root = Xml.Element(f"{{{NAMESPACE}}}NativeDicomModel")
    _attributes(root, dataset)
    return bytes(Xml.tostring(root, encoding="utf-8", xml_declaration=True))


def _attributes(parent: Xml.Element, dataset: JsonDataset) -> None:
    for tag in sorted(dataset):
        body = dataset[tag]
        element = _child(parent, "DicomAttribute", tag=tag, vr=body["vr"])
        if keyword := keyword_for_tag(int(tag, 16)):
            element.set("keyword", keyword)
        if "BulkDataURI" in body:
            _child(element, "BulkData", uri=body["BulkDataURI"])
        elif "InlineBinary" in body:
            data = base64.b64decode(body["InlineBinary"])
            _child(element, "InlineBinary").text = base64.b64encode(data).decode()
        for number, value in enumerate(body.get("Value", ()), 1):
            _value(element, body["vr"], number, value)


def _value(element: Xml.Element, vr: str, number: int, value: Any) -> None:
    if vr == "SQ":
        _attributes(_child(element, "Item", number=str(number)), value)
    elif vr == "PN":
        name = _child(element, "PersonName", number=str(number))
        for group, text in (value or {}).items():
            parts = _child(name, group)
            for part, piece in zip(NAME_PARTS, text.split("^"), strict=False):
                if piece:
                    _child(parts, part).text = _legal(piece)
    else:
        _child(element, "Value", number=str(number)).text = "" if value is None else _legal(value)


def _legal(value: Any) -> str:
    """XML 1.0 has no place for most control characters."""
    return "".join(c for c in str(value) if c >= " " or c in "\t\n\r")


def _child(parent: Xml.Element, name: str, **attributes: str) -> Xml.Element:
    return Xml.SubElement(parent, f"{{{NAMESPACE}}}{name}", attributes)
