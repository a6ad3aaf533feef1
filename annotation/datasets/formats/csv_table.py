"""One row per case, one column per question: opens in any spreadsheet."""

import csv
import io
from typing import Any, BinaryIO

from annotation.datasets.formats.base import Report, items_of, unknown_options
from annotation.datasets.models import Dataset

UNKNOWN = ("not_asked", "disputed")  # why an option is neither present nor absent
OF_CASE = ("case", "study_instance_uid", "patient_key", "split")
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "＝")


def write(dataset: Dataset, file: BinaryIO, report: Report) -> None:
    questions = [q.key for q in dataset.schema.schema.study_questions]
    text = io.TextIOWrapper(file, encoding="utf-8", newline="", write_through=True)
    table = csv.writer(text)
    table.writerow([*OF_CASE, *questions, *UNKNOWN, "revisions"])
    for item in items_of(dataset, report):
        answers = [safe_cell(item.answers.get(key)) for key in questions]
        revisions = " ".join(sorted(map(str, item.revision_ids)))
        uid = item.case.study.study_instance_uid
        unknown = unknown_options(item)
        named = [safe_cell(_named(unknown[why])) for why in UNKNOWN]
        of_case = [item.case_id, uid, item.patient_key, item.split]
        table.writerow([*of_case, *answers, *named, revisions])
    text.detach()


def _named(options_of: dict[str, list[str]]) -> list[str]:
    return [f"{key}:{option}" for key, options in options_of.items() for option in options]


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
