"""Figures by sex, age, scanner, site, view and any header value; small groups stay untold."""

import secrets

import numpy as np
import pytest

from annotation.archive.headers import header_values
from annotation.archive.models import Instance, Series, Study
from annotation.core.errors import InvalidInput
from annotation.labeling.models import Case
from annotation.labeling.services.projects import add_cases
from learning.services import targets
from learning.services.attributes import attribute_of, values_by_attribute
from learning.services.card_text import as_markdown
from learning.services.model_cards import model_card
from learning.services.subgroups import MIN_PATIENTS, subgroups_of
from tests import factories
from tests.learning.test_promotion import boxes as box_target  # noqa: F401  a fixture
from tests.learning.test_promotion import make_box_version, make_version

COUNT = 120


def element(vr, *values):
    return {"vr": vr, "Value": list(values)}


def make_case(project, number, *, study=None, series=None, instance=None):
    """A case with headers and no file."""
    row = Study.objects.create(
        collection=project.collection, study_instance_uid=f"1.2.3.{secrets.randbelow(10**12)}",
        patient_id=f"patient {number}", dicom_json=study or {},
    )  # fmt: skip
    own = Series.objects.create(
        study=row, series_instance_uid=f"{row.study_instance_uid}.1", modality="DX",
        dicom_json=series or {}, number_of_instances=1,
    )  # fmt: skip
    Instance.objects.create(
        collection=project.collection, series=own, sop_instance_uid=f"{row.study_instance_uid}.2",
        sop_class_uid="1.2", transfer_syntax_uid="1.2", sha256="0" * 64, size_bytes=1,
        number_of_frames=1, dicom_json=instance or {},
    )  # fmt: skip
    add_cases(project=project, studies=[row])
    return Case.objects.get(project=project, study=row)


def make_population(project):
    """Half women, one of three scanners that does not suit the model, four cases from a small site."""
    return [
        make_case(
            project, number,
            study={"00100040": element("CS", "FM"[number % 2]), "00101010": element("AS", f"0{20 + number % 60}Y")},
            series={
                "00080070": element("LO", "Maker"), "00081090": element("LO", "ABC"[number % 3]),
                "00080080": element("LO", "Clinic" if number < COUNT - 4 else "Practice"),
                "00185101": element("CS", "PA"),
            },
            instance={"00180060": element("DS", 70 + number)},
        )
        for number in range(COUNT)
    ]  # fmt: skip


@pytest.fixture
def version(cast):
    """A model that guesses on scanner C and knows on all others."""
    target = targets.create_target(actor=cast.manager, project=cast.project, question="nodule")
    cases = make_population(cast.project)
    random = np.random.default_rng(0)
    truth = random.integers(0, 2, COUNT)
    said = np.clip(0.3 + 0.4 * truth + random.normal(0, 0.1, COUNT), 0, 1)
    said[2::3] = random.random(len(said[2::3]))
    return make_version(target, cases, said, truth=truth)


def test_a_group_that_fares_worse_is_found_and_chance_is_not(version):
    report = subgroups_of(version)
    rows = {(g.group.attribute, g.group.value): g for g in report.groups}
    assert [key for key, g in rows.items() if g.is_worse] == [("scanner", "Maker C")]
    assert rows["scanner", "Maker C"].patients == 40
    assert rows["scanner", "Maker C"].group.estimate.low < 0.7
    assert {value for attribute, value in rows if attribute == "age"} == {"18-39", "40-59", "60-79"}
    assert rows["view", "PA"].group.gap.value is None
    assert (report.figure, report.n) == ("auc", COUNT)


def test_boxes_have_groups_as_well(box_target, cast):  # noqa: F811
    """A detector that finds nothing on scanner C and everything on all others."""
    cases = make_population(cast.project)
    report = subgroups_of(make_box_version(box_target, cases, np.arange(COUNT) % 3 < 2))
    rows = {(g.group.attribute, g.group.value): g for g in report.groups}
    assert (report.figure, report.figures) == ("ap50", ["ap50", "froc"])
    assert [key for key, g in rows.items() if g.is_worse] == [("scanner", "Maker C")]
    worse, better = rows["scanner", "Maker C"], rows["scanner", "Maker A"]
    assert (worse.patients, worse.group.estimate.value) == (40, 0.0)
    assert (better.patients, better.group.estimate.value) == (40, 1.0)
    assert [hidden.attribute for hidden in report.hidden if hidden.groups] == ["site"]


def test_a_group_with_few_of_the_rarer_answer_has_a_figure_and_no_p(cast):
    """Of 30 ill patients three are women, who get the lowest probabilities."""
    target = targets.create_target(actor=cast.manager, project=cast.project, question="nodule")
    cases = make_population(cast.project)
    is_woman = np.arange(COUNT) % 2 == 0
    truth = ((np.arange(COUNT) < 54) & ~is_woman).astype(int)
    truth[[0, 2, 4]] = 1
    said = np.where(truth == 1, np.where(is_woman, 0.1, 0.9), 0.3 + np.arange(COUNT) / 1000)
    version = make_version(target, cases, said, truth=truth)
    women, men = subgroups_of(version, ["sex"]).groups
    assert (women.group.estimate.value, men.group.estimate.value) == (0, 1)
    assert (women.group.p, women.is_worse, men.group.p) == (None, False, None)
    card = as_markdown(model_card(version))
    assert [line.endswith("| too few |") for line in card.splitlines() if "| sex |" in line] == [
        True
    ] * 2
    everybody = subgroups_of(version, ["sex"], "accuracy").groups
    assert all(group.group.p is not None for group in everybody)


def test_groups_of_few_patients_are_not_told_not_even_by_their_difference(version):
    report = subgroups_of(version, ["site"])
    [clinic] = report.groups
    assert (clinic.group.value, clinic.patients) == ("Clinic", COUNT - 4)
    assert clinic.group.gap.value is None
    [hidden] = report.hidden
    assert (hidden.groups, hidden.cases, hidden.unknown) == (1, 4, 0)


def test_what_counts_are_patients_not_cases(version):
    """All cases of one scanner become those of ten patients."""
    for number, result in enumerate(version.test_results.filter(values__isnull=False)):
        version.test_results.filter(pk=result.pk).delete()
        result.pk, result.patient_key = None, f"{number % (MIN_PATIENTS - 1):016x}"
        result.save()
    assert subgroups_of(version, ["sex", "scanner"]).groups == []


def test_any_header_value_can_make_groups_and_measurements_are_quartered(version):
    groups = subgroups_of(version, ["KVP"]).groups
    assert [g.group.value for g in groups] == [
        "≤ 99.75", "99.75 – 129.5", "129.5 – 159.25", "> 159.25",
    ]  # fmt: skip
    assert sum(g.group.count for g in groups) == COUNT


@pytest.mark.parametrize("name", ["PatientName", "PatientID", "StudyDate", "SOPInstanceUID",
                                  "PatientBirthDate", "OperatorsName", "AccessionNumber", "colour"])  # fmt: skip
def test_what_names_somebody_makes_no_groups(name):
    with pytest.raises(InvalidInput) as refused:
        attribute_of(name)
    assert refused.value.extra["field"] == "attribute"


def test_other_figures_can_be_asked_for_and_unknown_ones_are_named(version):
    report = subgroups_of(version, ["sex"], "specificity")
    assert (report.figure, set(report.figures)) == (
        "specificity",
        {
            "auc", "average_precision", "f1", "sensitivity", "specificity",
            "sensitivity_at_90_specificity", "sensitivity_at_95_specificity", "accuracy",
            "calibration_error",
        },
    )  # fmt: skip
    with pytest.raises(InvalidInput, match="One of auc"):
        subgroups_of(version, ["sex"], "beauty")
    with pytest.raises(InvalidInput, match="At most"):
        subgroups_of(version, list("abcdefg"))


@pytest.mark.parametrize(
    ("study", "band"),
    [
        ({"00101010": element("AS", "006M")}, "0-17"),
        ({"00101010": element("AS", "080Y")}, "80+"),
        ({"00100030": element("DA", "1960-06-01"), "00080020": element("DA", "2020-05-30")}, "40-59"),
        ({"00101010": element("AS", "old")}, None),
        ({}, None),
    ],
)  # fmt: skip
def test_ages_come_from_the_age_or_the_dates(cast, study, band):
    case = make_case(cast.project, 1, study=study)
    found = values_by_attribute([case.pk], [attribute_of("age")])
    assert found["age"] == [band]


def test_values_are_read_where_dicom_keeps_them(cast):
    cases = factories.make_cases(cast.project, 2)
    attributes = [attribute_of(name) for name in ("sex", "age", "view", "Rows", "ImageType")]
    found = values_by_attribute([c.pk for c in cases], attributes)
    assert found == {
        "sex": ["F", "F"], "age": ["40-59"] * 2, "view": ["PA"] * 2, "Rows": ["64"] * 2,
        "ImageType": found["ImageType"],
    }  # fmt: skip
    tags = header_values([cases[0].study_id], ["00080008", "00091002"])
    assert set(tags.values()) == {(found["ImageType"][0], None)}


def test_a_case_that_is_gone_has_no_value(cast):
    case = make_case(cast.project, 1)
    found = values_by_attribute([case.pk, case.study_id], [attribute_of("sex")])
    assert found == {"sex": [None, None]}
