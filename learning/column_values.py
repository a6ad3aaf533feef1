"""Clinical values of cases: as they are now, as a dataset froze them, and beside the chosen images.

A case whose value is wrong, or missing where it must not be, is excluded with its reason.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any
from uuid import UUID

from annotation.archive.clinical import clinical_headers
from annotation.datasets.models import DatasetItem
from annotation.labeling.models import Case, Project
from annotation.labeling.selectors import find_clinical_values
from learning.training.columns import Row, check_row
from learning.training.inputs import Column, keywords_among
from learning.training.preparation import UnusableInput
from learning.volumes import ChosenSeries

Rows = Mapping[UUID, Row]  # by case


def current_rows(project: Project, cases: Sequence[Case], columns: Sequence[Column]) -> Rows:
    """What the project's table and the stored headers say today."""
    if not columns:
        return {}
    tables = find_clinical_values(project, [case.pk for case in cases])
    headers = clinical_headers([case.study_id for case in cases], keywords_among(columns))
    return {
        case.pk: _row(columns, tables.get(case.pk, {}), headers.get(case.study_id, {}))
        for case in cases
    }


def frozen_rows(items: Iterable[DatasetItem], columns: Sequence[Column]) -> Rows:
    """What was frozen with the dataset, whatever has become of the table since."""
    return {
        item.case_id: _row(columns, item.clinical.get("table", {}), item.clinical.get("dicom", {}))
        for item in items
    }


def with_rows(
    chosen: Sequence[Any], rows: Rows, columns: Sequence[Column], excluded: dict[UUID, str]
) -> list[Any]:
    """The chosen inputs with their values; those whose values cannot be used get a reason."""
    if not columns:
        return list(chosen)
    found: list[ChosenSeries] = []
    for one in chosen:
        row = rows.get(one.case_id, {})
        try:
            check_row(columns, row)
        except UnusableInput as why:
            excluded[one.case_id] = str(why)
        else:
            found.append(replace(one, row=row))
    return found


def _row(columns: Sequence[Column], table: Mapping[str, Any], header: Mapping[str, Any]) -> Row:
    of_source = {"table": table, "dicom": header}
    return {column.name: of_source[column.source].get(column.name) for column in columns}
