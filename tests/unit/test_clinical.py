"""Tables of clinical values: what is read, and what is refused by line and column."""

import pytest

from annotation.archive.clinical import years_of
from annotation.labeling.clinical import (
    CATEGORY,
    KEYS,
    MOST_CATEGORIES,
    NUMBER,
    ClinicalColumn,
    InvalidTable,
    parse_table,
)

MIXED = """PatientID,crp [mg/l],smoker,stage (category)
p1,3.5,yes,1
p2,,no,2

p3,-1e2,,1
"""


def test_columns_have_units_and_types_and_empty_cells_have_no_value():
    found = parse_table(MIXED.encode())
    assert found.identifier == "PatientID"
    assert found.columns == (
        ClinicalColumn("crp [mg/l]", "crp", "mg/l", NUMBER),
        ClinicalColumn("smoker", "smoker", "", CATEGORY, ("no", "yes")),
        ClinicalColumn("stage", "stage", "", CATEGORY, ("1", "2")),
    )
    assert found.rows == {
        "p1": {"crp [mg/l]": 3.5, "smoker": "yes", "stage": "1"},
        "p2": {"smoker": "no", "stage": "2"},
        "p3": {"crp [mg/l]": -100.0, "stage": "1"},
    }


def test_what_spreadsheets_write_is_read_alike():
    written = "\ufeff age ;AccessionNumber\r\n 61 ;A1\r\n"
    found = parse_table(written.encode())
    assert (found.identifier, found.rows) == ("AccessionNumber", {"A1": {"age": 61.0}})


def test_a_unit_is_spelled_in_one_way():
    [micro, mu] = [
        parse_table(f"PatientID,a [{u}g]\np,1\n".encode()).columns for u in "\u00b5\u03bc"
    ]
    assert micro == mu


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "Line 1 must name exactly one of StudyInstanceUID, AccessionNumber, PatientID"),
        ("Doe,1\nJohn,2\n", "Line 1 must name exactly one"),
        ("PatientID,AccessionNumber,a\np,1,2\n", "Line 1 must name exactly one"),
        ("PatientID\np\n", "1 to 100 columns beside PatientID"),
        ("PatientID,a,a\np,1,2\n", "Line 1, column 3: a is there twice"),
        ("PatientID,\np,1\n", "Line 1, column 2: write name"),
        ("PatientID,age (years)\np,1\n", "Line 1, column 2: write name"),
        (f"PatientID,{'a' * 65}\np,1\n", "Line 1, column 2: write name"),
        ("PatientID,a\n", "There is no line below line 1"),
        ("PatientID,a\np,1\nq,1,2\n", "Line 3 has 3 cells, line 1 has 2"),
        ("PatientID,a\np,1\n,2\n", "Line 3: the identifier is empty"),
        ("PatientID,a\np,1\nq,2\np,3\n", "Line 4: its identifier stands in line 2 too"),
        ("PatientID,a\np,1\nq,\"1,5\"\n", "Line 3, a: this is no number"),
        ("PatientID,a\np,1\nq,NaN\n", "Line 3, a: this is no number"),
        ("PatientID,a\np,1\nq,1e99\n", "Line 3, a: this is no number"),
        ("PatientID,a\np,1\nq,1_000\n", "Line 3, a: this is no number"),
        ("PatientID,a [g]\np,much\n", r"Line 2, a \[g\]: this is no number"),
        ("PatientID,a,b\np,1,\n", "b: no line has a value"),
        (f"PatientID,a\np,{'long ' * 20}\n", "Line 2, a: more than 64 characters"),
        ("PatientID,a\np,\"1\n", "Line 2: unexpected end of data"),
        ("PatientID,a\np,1\nq,x\x00\n", "Line 3 holds a NUL character"),
        (
            "PatientID,who\n" + "".join(f"{n},name {n}\n" for n in range(6)),
            "who: every line has another value",
        ),
    ],
)  # fmt: skip
def test_a_wrong_table_is_refused_where_it_is_wrong(text, reason):
    with pytest.raises(InvalidTable, match=reason):
        parse_table(text.encode())


def test_no_message_repeats_a_cell():
    with pytest.raises(InvalidTable) as refused:
        parse_table(b"PatientID,a\nDoe^John,1\nDoe^Jane,Doe^Jane\n")
    assert "Doe" not in str(refused.value)


def test_too_many_names_are_no_categories():
    lines = "".join(f"p{n},name {n}\n" for n in range(MOST_CATEGORIES + 1))
    with pytest.raises(InvalidTable, match=f"Line {MOST_CATEGORIES + 2}, a: this is value 51"):
        parse_table(f"PatientID,a\n{lines}".encode())


def test_other_bytes_are_no_table():
    with pytest.raises(InvalidTable, match="no UTF-8 text"):
        parse_table(b"PatientID,a\np,\xff\xfe\n")
    with pytest.raises(InvalidTable, match="may not exceed 32 MiB"):
        parse_table(b"x" * ((32 << 20) + 1))


@pytest.mark.parametrize(
    ("values", "years"),
    [
        (("061Y", None, None), 61), (("018M", "19000101", "20200101"), 1.5),
        (("013W", None, None), 0.25), ((None, "19600101", "20200101"), 60),
        ((None, "20200102", "20200101"), None), (("old", "19600101", "20200101"), None),
        ((None, None, "20200101"), None),
    ],
)  # fmt: skip
def test_ages_are_years(values, years):
    assert years_of(*values) == (years and pytest.approx(years, abs=0.01))


def test_every_identifier_can_be_stored():
    from annotation.labeling.models import Identifier

    assert tuple(Identifier.values) == KEYS
