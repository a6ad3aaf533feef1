"""Options of several answers on which two readers do not agree: neither present nor absent."""

import csv
import json

import numpy as np
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from annotation.core import jobs
from annotation.datasets import exporting, services
from annotation.datasets.formats.base import SECTIONS
from annotation.datasets.models import DatasetItem, Export
from annotation.datasets.selectors import fetch_disputed
from annotation.labeling.accepted import find_accepted_answers
from annotation.labeling.models import Case
from annotation.labeling.services.importing import import_read
from annotation.labeling.services.projects import add_cases, change_settings, publish_schema
from learning.heads.kinds import HEAD_KINDS
from learning.pipeline.examples import answered
from learning.pipeline.kinds import kind_of
from learning.services import targets
from tests import factories
from tests.learning.test_series_answers import T2, make_study, series_of

CANNOT = {"cannot_assess": True}
QUESTION = {
    "key": "seen", "kind": "many", "options": [{"key": "a"}, {"key": "b"}, {"key": "c"}],
    "allows_cannot_assess": True,
}  # fmt: skip
CLASSES = ["a", "b", "c"]


@pytest.fixture
def project(cast):
    publish_schema(actor=cast.manager, project=cast.project, definition={"questions": [QUESTION]})
    return change_settings(actor=cast.manager, project=cast.project, readers_per_case=2)


@pytest.fixture
def cases(cast, project):
    """One on which the readers agree, one where they do not on a, one that one could not assess."""
    cases = factories.make_empty_cases(cast.project, 3)
    said = [(["a"], ["a"]), (["a", "b"], ["b"]), (["a"], CANNOT)]
    for case, answers in zip(cases, said, strict=True):
        for reader, answer in zip((cast.annotator, cast.annotator2), answers, strict=True):
            import_read(reader=reader, case=case, content={"answers": {"seen": answer}})
    return cases


@pytest.fixture
def dataset(cast, cases):
    return services.freeze(project=cast.project, name="d", actor=cast.manager)


def taught(cast, dataset):
    """The row of labels of each case that teaches a network something; reasons of the others."""
    target = targets.create_target(actor=cast.manager, project=cast.project, question="seen")
    kind, excluded = kind_of(target, dataset.schema.schema, {}, "random", 1), {}
    items = answered(kind, dataset.items.all(), excluded).values()
    rows = {item.case_id: kind.task.encode([kind.answer(item)])[0].tolist() for item in items}
    return rows, excluded


def test_a_network_learns_nothing_of_them(cast, cases, dataset):
    clear, unclear, unassessed = cases
    rows, excluded = taught(cast, dataset)
    assert rows[clear.pk] == [1, 0, 0]
    np.testing.assert_equal(rows[unclear.pk], [np.nan, 1, 0])
    assert excluded == {unassessed.pk: "the readers do not agree"}


def test_a_light_head_learns_nothing_of_them(cast, cases):
    clear, unclear, _ = cases
    found = find_accepted_answers(cast.project, "seen")
    many = HEAD_KINDS["many"]
    rows = {case: many.label(one.value, CLASSES, one.settled) for case, one in found.items()}
    assert rows.keys() == {clear.pk, unclear.pk}
    assert rows[clear.pk] == [1, 0, 0]
    np.testing.assert_equal(rows[unclear.pk], [np.nan, 1, 0])


def test_a_dataset_that_took_them_for_absent_teaches_nothing_of_them(cast, cases, dataset):
    """As those did that were frozen before: they never change, their reads still tell."""
    item = dataset.items.get(case=cases[2])
    before = DatasetItem(
        dataset=dataset, case=item.case, answers={"seen": []}, revision_ids=item.revision_ids
    )
    target = targets.create_target(actor=cast.manager, project=cast.project, question="seen")
    kind = kind_of(target, dataset.schema.schema, {}, "random", 1)
    assert kind.answer(before) is None
    assert kind.why_no_answer(before) == "the readers do not agree"


def test_exports_name_them(cast, cases, dataset):
    def written(name):
        export = services.request_export(actor=cast.manager, dataset=dataset, format_name=name)
        jobs.execute(Export, export.pk, exporting.write_export)
        return services.export_path(export).read_text()

    clear, unclear, unassessed = (str(case.pk) for case in cases)
    rows = {row["case"]: row for row in csv.DictReader(written("csv").splitlines())}
    told = {case: (row["seen"], row["not_asked"], row["disputed"]) for case, row in rows.items()}
    assert told == {clear: ("a", "", ""), unclear: ("b", "", "seen:a"), unassessed: ("", "", "")}
    disputed = {clear: {}, unclear: {"seen": ["a"]}, unassessed: {}}
    reads = json.loads(written("content"))["reads"]
    assert {one["case"]: one["disputed"] for one in reads} == disputed
    listed = json.loads(written("monai_datalist"))
    entries = [one for name in SECTIONS.values() for one in listed[name]]
    assert {one["case"]: one["disputed"] for one in entries} == disputed


def test_reads_of_many_cases_are_asked_for_at_once(cases, dataset):
    items = list(dataset.items.all())
    with CaptureQueriesContext(connection) as asked:
        fetch_disputed(items)
        found = {item.case_id: item.disputed for item in items}
    assert len(asked) == 1
    fresh = dataset.items.all()
    assert found == {item.case_id: item.disputed for item in fresh}  # each by itself
    assert found[cases[1].pk] == {"seen": frozenset("a")}


def test_a_disputed_finding_of_a_series_is_not_taught(cast, project):
    publish_schema(
        actor=cast.manager, project=cast.project,
        definition={"questions": [QUESTION | {"scope": "series"}]},
    )  # fmt: skip
    add_cases(project=cast.project, studies=[make_study(cast.project, 1)])
    case = Case.objects.get(project=cast.project)
    for reader, answer in ((cast.annotator, ["a", "b"]), (cast.annotator2, ["b"])):
        entry = {"series_instance_uid": series_of(case, "t2"), "answers": {"seen": answer}}
        import_read(reader=reader, case=case, content={"answers": {}, "scoped": [entry]})
    target = targets.create_target(
        actor=cast.manager, project=cast.project, question="seen", input=T2
    )
    dataset = services.freeze(project=cast.project, name="d", actor=cast.manager)
    kind = kind_of(target, dataset.schema.schema, {}, "random", 1)
    known = kind.balance(list(dataset.items.select_related("case__study")))
    np.testing.assert_equal(known.labels, [[np.nan, 1, 0]])
