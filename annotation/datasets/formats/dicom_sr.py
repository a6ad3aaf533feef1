"""DICOM structured reports (TID 1500) of what readers answered and measured, one a read.

Text answers have no place in TID 1500: they are in the JSON export.
"""

from collections.abc import Iterator
from typing import Any, BinaryIO

import numpy as np

from annotation.archive.models import Instance
from annotation.datasets import dicom_objects
from annotation.datasets.dicom_objects import Finding, Names, Quantity, private_code
from annotation.datasets.formats.base import Archive, Read, Report, reads_of
from annotation.datasets.formats.content import regions_in_patient
from annotation.datasets.formats.headers import header_of
from annotation.datasets.models import Dataset
from annotation.labeling.schemas import Question

Json = dict[str, Any]
Evaluations = tuple[tuple[Names, Names], ...]
MEASURES: dict[str, Names] = {
    "length": ("410668003", "SCT", "Length"),
    "short_axis": ("103340004", "SCT", "Short axis"),
    "angle": ("1483009", "SCT", "Angle"),
    "area": ("42798000", "SCT", "Area"),
}
UNITS: dict[tuple[str, str], Names] = {
    ("length", "mm"): ("mm", "UCUM", "mm"),
    ("length", "px"): ("{pixels}", "UCUM", "pixels"),
    ("area", "mm"): ("mm2", "UCUM", "mm2"),
    ("area", "px"): ("{pixels}", "UCUM", "pixels"),
    ("angle", "mm"): ("deg", "UCUM", "deg"),
    ("angle", "px"): ("deg", "UCUM", "deg"),
}
NO_UNIT: Names = ("1", "UCUM", "no units")
CANNOT_ASSESS = private_code("cannot_assess", "Cannot be assessed")
GRAPHICS = {"point": "POINT", "ellipse": "ELLIPSE"}  # the others: POLYLINE


def write(dataset: Dataset, file: BinaryIO, report: Report) -> None:
    """A ZIP of `sr/{split}/{case}/read{n}.dcm`; what cannot be written is left out, named."""
    archive = Archive(dataset, file)
    for read in reads_of(dataset, report):
        about = {"case": str(read.item.case_id), "revision": str(read.revision.pk)}
        try:
            data = _report(dataset, read)
        except ValueError as refused:
            archive.leave_out(str(refused), **about)
            continue
        name = f"sr/{read.item.split}/{read.item.case_id}/read{read.number}.dcm"
        archive.add(name, data, **about)
    archive.finish()


def _report(dataset: Dataset, read: Read) -> bytes:
    regions = regions_in_patient(read)
    named = {region["sop_instance_uid"] for region in regions}
    sources = {i.sop_instance_uid: header_of(i) for i in _instances(read, named)}
    findings = [_finding(read, region, sources) for region in regions]
    whole = _of_study(read)
    if whole is not None:
        findings.insert(0, whole)
    if not findings:
        raise ValueError("nothing that a measurement report can hold was answered or drawn")
    key = f"{dataset.sha256} {read.revision.pk} report"
    evidence = list(sources.values())
    return dicom_objects.report(evidence, findings, key=key, made_at=dataset.created_at)


def _instances(read: Read, uids: set[str]) -> Iterator[Instance]:
    """Those that the read names, else one of the study: a report must have evidence."""
    found = Instance.objects.filter(series__study_id=read.item.case.study_id)
    wanted = found.filter(sop_instance_uid__in=uids) if uids else found
    ordered = wanted.defer("frame_index").order_by("series_id", "instance_number", "id")
    yield from ordered if uids else ordered[:1]


def _of_study(read: Read) -> Finding | None:
    answers, questions = read.content.get("answers", {}), read.schema.study_questions
    evaluations, quantities = _evaluations(questions, answers), _quantities(questions, answers)
    if not (evaluations or quantities):
        return None
    return Finding("study", None, evaluations, quantities)


def _finding(read: Read, region: Json, sources: Json) -> Finding:
    label = read.schema.labels.get(region["label"])
    questions, answers = read.schema.questions_of("region"), region.get("answers", {})
    source = sources.get(region["sop_instance_uid"])
    if source is None:
        raise ValueError(f"region {region['id']} lies on an instance that is gone")
    return Finding(
        identifier=region["id"],
        finding=_named(label, label.key, label.label) if label else None,
        evaluations=_evaluations(questions, answers),
        quantities=(*_measured(region["measures"]), *_quantities(questions, answers)),
        graphic_type=GRAPHICS.get(region["kind"], "POLYLINE"),
        points=_graphic(region),
        source=source,
        frame=region["frame"],
    )


def _graphic(region: Json) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Points from the corner of the image (PS3.3 C.18.6.1.2); closed shapes end where they began.

    An ellipse is its long axis and its short one.
    """
    points = np.asarray(region["pixels"], np.float64) + 0.5
    if region["kind"] == "ellipse":
        axes = sorted((points[:2], points[2:]), key=lambda a: -float(np.linalg.norm(a[0] - a[1])))
        return np.concatenate(axes)
    if region["kind"] in ("box", "polygon", "freehand"):
        return np.concatenate([points, points[:1]])
    return points


def _measured(measures: Json) -> Iterator[Quantity]:
    for name, code in MEASURES.items():
        if name in measures:
            family = "length" if name == "short_axis" else name
            yield Quantity(code, measures[name], UNITS[family, measures["unit"]])


def _evaluations(questions: tuple[Question, ...], answers: Json) -> Evaluations:
    found: list[tuple[Names, Names]] = []
    for question in questions:
        answer, name = answers.get(question.key), _named(question, question.key, question.label)
        if isinstance(answer, dict):
            found.append((name, CANNOT_ASSESS))
        elif question.options and answer is not None:
            chosen = answer if isinstance(answer, list) else [answer]
            known = {option.key: option for option in question.options}
            found += [(name, _named(known[k], k, known[k].label)) for k in chosen if k in known]
    return tuple(found)


def _quantities(questions: tuple[Question, ...], answers: Json) -> tuple[Quantity, ...]:
    return tuple(
        Quantity(
            _named(question, question.key, question.label),
            float(answers[question.key]),
            (question.unit.code, "UCUM", question.unit.label) if question.unit else NO_UNIT,
        )
        for question in questions
        if question.kind == "number" and isinstance(answers.get(question.key), int | float)
    )


def _named(coded: Any, key: str, label: str) -> Names:
    """Its code in a terminology, else one of our own."""
    code = coded.code
    return (code.value, code.system, code.meaning) if code else private_code(key, label)
