"""One row per case, one column per question: opens in any spreadsheet."""

import csv
import io
from typing import Any, BinaryIO

from annotation.datasets.formats.base import Report, items_of, not_asked
from annotation.datasets.models import Dataset

OF_CASE = ("case", "study_instance_uid", "patient_key", "split")
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "＝")


def write(dataset: Dataset, file: BinaryIO, report: Report) -> None:
    questions = [q.key for q in dataset.schema.schema.study_questions]
    text = io.TextIOWrapper(file, encoding="utf-8", newline="", write_through=True)
    table = csv.writer(text)
    table.writerow([*OF_CASE, *questions, "not_asked", "revisions"])
    for item in items_of(dataset, report):
        answers = [safe_cell(item.answers.get(key)) for key in questions]
        revisions = " ".join(sorted(map(str, item.revision_ids)))
        uid = item.case.study.study_instance_uid
        later = [
            f"{key}:{option}" for key, options in not_asked(item).items() for option in options
        ]
        of_case = [item.case_id, uid, item.patient_key, item.split]
        table.writerow([*of_case, *answers, safe_cell(later), revisions])
    text.detach()


def safe_cell(value: Any) -> str:
    """Text that no spreadsheet takes for a formula; lists are joined with '|'."""
    if value is None:
        return ""
    if isinstance(value, int | float):
        return str(value)  # a negative number is no formula
    if isinstance(value, dict):
        return "cannot assess"
    text = "|".join(map(str, value)) if isinstance(value, list) else str(value)
    return f"'{text}" if text.startswith(FORMULA_STARTS) else text
