"""Which clinical values a target can learn from: the project's table, and headers that name nobody."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pydicom.datadict import dictionary_VR, tag_for_keyword

from annotation.archive.clinical import AGE, NUMBERS, WORDS, clinical_headers, is_number
from annotation.core.errors import InvalidInput
from annotation.dicomweb.blinding import names_patient
from annotation.labeling.clinical import MOST_CATEGORIES, NUMBER
from annotation.labeling.models import Case, ClinicalTable, Project
from annotation.labeling.selectors import count_clinical_values
from learning.training.inputs import Column

USUAL_KEYWORDS = (AGE, "PatientSex", "PatientSize", "PatientWeight")
UNITS = {AGE: "a", "PatientSize": "m", "PatientWeight": "kg"}  # UCUM; the standard fixes them
# Of the patient's group, but shared by many: alone they tell nobody.
OF_MANY_PATIENTS = frozenset(
    {*USUAL_KEYWORDS, "PatientSexNeutered", "SmokingStatus", "PregnancyStatus"}
)


@dataclass(frozen=True)
class Offer:
    """A column that a target may name, and how many of the project's cases have a value."""

    source: str
    name: str
    unit: str
    is_number: bool
    categories: tuple[str, ...]  # those that cases have; none of a number
    case_count: int


@dataclass(frozen=True)
class Offers:
    columns: list[Offer]
    case_count: int


def find_columns(project: Project, keywords: Sequence[str] = ()) -> Offers:
    """The columns of the table, the usual header values, and those of the keywords asked for.

    Raises InvalidInput for a keyword that cannot be a column.
    """
    for keyword in keywords:
        _check_keyword(keyword, "keyword")
    wanted = list(dict.fromkeys([*USUAL_KEYWORDS, *keywords]))
    studies = list(Case.objects.filter(project=project).values_list("study_id", flat=True))
    headers = list(clinical_headers(studies, wanted).values())
    offers = [_offer_of_header(keyword, [row[keyword] for row in headers]) for keyword in wanted]
    return Offers([*_offers_of_table(project), *offers], len(studies))


def check_columns(*, project: Project, columns: Sequence[Column]) -> None:
    """Raises InvalidInput unless every column is in the table or may be read from headers."""
    known = {offer.name: offer for offer in _table_columns(project)}
    for column in columns:
        if column.source == "dicom":
            _check_keyword(column.name, "input")
            measured = is_number(column.name)
        elif column.name in known:
            measured = known[column.name].is_number
        else:
            raise InvalidInput(f"The project's table has no column {column.name}.", field="input")
        if measured == bool(column.categories):
            wanted = "is a number and has no categories" if measured else "needs its categories"
            raise InvalidInput(f"columns: {column.name} {wanted}.", field="input")


def _check_keyword(keyword: str, field: str) -> None:
    tag = tag_for_keyword(keyword)
    if tag is None:
        raise InvalidInput(f"{keyword} is no DICOM keyword.", field=field)
    vr = dictionary_VR(tag)
    names_somebody = names_patient([f"{tag:08X}"], vr) and keyword not in OF_MANY_PATIENTS
    if (vr not in NUMBERS | WORDS and keyword != AGE) or names_somebody:
        raise InvalidInput(
            f"{keyword} names people, objects or moments; models are not taught that.", field=field
        )


def _offers_of_table(project: Project) -> list[Offer]:
    table = ClinicalTable.objects.filter(project=project).first()
    if table is None:
        return []
    counts = count_clinical_values(table).by_column
    return [_offer_of_column(column, counts.get(column["key"], 0)) for column in table.columns]


def _table_columns(project: Project) -> list[Offer]:
    """Without counting."""
    table = ClinicalTable.objects.filter(project=project).first()
    return [_offer_of_column(column, 0) for column in table.columns] if table else []


def _offer_of_column(column: dict[str, Any], count: int) -> Offer:
    return Offer(
        "table", column["key"], column["unit"], column["type"] == NUMBER,
        tuple(column["categories"]), count,
    )  # fmt: skip


def _offer_of_header(keyword: str, values: Sequence[Any]) -> Offer:
    measured = is_number(keyword)
    known = [v for v in values if (isinstance(v, float) if measured else v is not None)]
    commonest = [] if measured else Counter(map(str, known)).most_common(MOST_CATEGORIES)
    return Offer(
        "dicom", keyword, UNITS.get(keyword, ""), measured,
        tuple(sorted(name for name, _ in commonest)), len(known),
    )  # fmt: skip
