"""Walks every route with every role and compares with the checked-in truth table.

A route or method that the table does not list fails; so does a row without a route.
"""

import csv
import re
from pathlib import Path

import numpy as np
import pytest
from django.db import transaction
from django.urls import URLPattern, URLResolver, get_resolver

from annotation.datasets import services as datasets
from annotation.datasets.models import Split
from annotation.labeling.models import Handover, MarkKind, Suggestion
from annotation.labeling.services import claiming, clinical, comments, marks, transfers
from annotation.labeling.services.projects import publish_schema
from learning.models import ModelVersion, Trigger
from learning.services import bundles, cross_validations, embeddings, pretraining, rounds, targets
from tests import factories

TABLE = Path(__file__).with_name("access_table.csv")
ROLES = ["manager", "reviewer", "annotator", "outsider", "anonymous"]
METHODS = {"get", "post", "put", "patch", "delete"}
ALLAUTH = "_allauth/"
PLACE = {"series_instance_uid": "1.2", "frames": [["1.2.3", 1]], "box": [-0.5, -0.5, 9.5, 9.5]}


def rows():
    with TABLE.open(newline="") as file:
        return list(csv.DictReader(file))


def routes():
    """(method, route) of everything that the URL configuration serves."""
    found = set()

    def walk(patterns, prefix):
        for pattern in patterns:
            route = prefix + str(pattern.pattern)
            if isinstance(pattern, URLResolver):
                walk(pattern.url_patterns, route)
            elif isinstance(pattern, URLPattern):
                found.update((method, route) for method in methods_of(pattern.callback))

    walk(get_resolver().url_patterns, "")
    return found


def methods_of(callback):
    if hasattr(callback, "methods"):
        return set(callback.methods)
    view = getattr(callback, "view_class", None) or getattr(callback, "cls", None)
    if view is None:
        return {"GET"}
    return {name.upper() for name in METHODS if hasattr(view, name)}


def test_every_route_has_a_row_and_every_row_a_route():
    listed = {(row["method"], row["route"]) for row in rows()}
    served = {pair for pair in routes() if not pair[1].startswith(ALLAUTH)}
    assert served - listed == set()
    assert listed - served == set()


@pytest.fixture
def objects(cast):
    """Everything that a route may name, in the cast's project."""
    project = cast.project
    definition = {
        **factories.QUESTIONS,
        "options": {"suggestions": "shown", "shows_explanations": True},
    }
    publish_schema(actor=cast.manager, project=project, definition=definition)
    case, other = factories.make_cases(project, 2)
    train = {one.study.patient_id: Split.TRAIN for one in (case, other)}
    datasets.prescribe_splits(project=project, split_of_patient=train)
    annotation = factories.submit_next(cast.annotator, project)
    assignment = claiming.claim_case(
        reader=cast.annotator, case=other if annotation.case_id == case.pk else case
    )
    dataset = datasets.freeze(project=project, name="d", actor=cast.manager)
    export = datasets.request_export(actor=cast.manager, dataset=dataset, format_name="csv")
    target = targets.create_target(actor=cast.manager, project=project, question="nodule")
    round_ = rounds.request_round(target=target, trigger=Trigger.MANUAL)
    version = ModelVersion.objects.create(
        target=target, round=round_, number=1, weights_sha256="0" * 64, classes=["no", "yes"]
    )
    explanation = factories.make_explanation(version, annotation.case, np.ones((1, 2, 2)), PLACE)
    bundle = bundles.request_export(actor=cast.manager, version=version)
    learner = pretraining.request_pretraining(actor=cast.manager, target=target)
    encoder = embeddings.create_encoder(project)
    folds = cross_validations.request_cross_validation(actor=cast.manager, target=target)
    series = case.study.series.get()
    comment = comments.write_comment(
        author=cast.annotator, case=annotation.case, text="Look here", place=None
    )
    mark = marks.mark_case(
        reader=cast.annotator, case=annotation.case, kind=MarkKind.FLAG, reason="Odd"
    )
    source = factories.make_source(project)
    transfer = transfers.request_pull(
        actor=cast.manager, project=project, source=source, study_uids=["1.2.3"]
    )
    suggestion = Suggestion.objects.create(case=annotation.case, origin="o", source="s", content={})
    clinical.replace_table(actor=cast.manager, project=project, data=b"PatientID,crp\nP1,3\n")
    Handover.objects.create(case=annotation.case, reader=cast.annotator2)
    return {
        "project_id": project.pk, "user_id": cast.annotator2.pk, "case_id": annotation.case_id,
        "assignment_id": assignment.pk, "annotation_id": annotation.pk, "dataset_id": dataset.pk,
        "export_id": export.pk, "target_id": target.pk, "round_id": round_.pk,
        "model_version_id": version.pk, "study_uid": case.study.study_instance_uid,
        "series_uid": series.series_instance_uid,
        "instance_uid": series.instances.get().sop_instance_uid, "numbers": "1",
        "source_id": source.pk, "transfer_id": transfer.pk, "comment_id": comment.pk,
        "mark_id": mark.pk, "kind": "flag", "tag": "00090010", "token_key": "absent",
        "suggestion_id": suggestion.pk, "bundle_export_id": bundle.pk,
        "pretraining_id": learner.pk, "encoder_id": encoder.pk, "cross_validation_id": folds.pk,
        "explanation_id": explanation.pk,
    }  # fmt: skip


def address(route, objects):
    path = re.sub(r"<\w+:(\w+)>", lambda m: str(objects[m.group(1)]), route)
    return "/" if path.startswith("^") else f"/{path}"


def test_every_role_gets_what_the_table_says(cast, objects, client_of):
    wrong = []
    for row in rows():
        path = address(row["route"], objects)
        for role in ROLES:
            client = client_of(getattr(cast, role, None))
            with transaction.atomic():
                answer = client.generic(row["method"], path, "{}", content_type="application/json")
                transaction.set_rollback(True)
            if str(answer.status_code) != row[role]:
                wrong.append((row["method"], path, role, answer.status_code, row[role]))
    assert wrong == []


def test_what_is_hidden_answers_exactly_like_what_does_not_exist(cast, objects, client_of):
    client = client_of(cast.outsider)
    absent = {
        key: "1.2.3" if key.endswith("uid") else "00000000-0000-4000-8000-000000000000"
        for key in objects
    } | {"numbers": "1", "tag": "00090010", "token_key": "absent", "kind": "flag"}
    for row in rows():
        if row["outsider"] != "404":
            continue
        answers = [
            client.generic(
                row["method"], address(row["route"], o), "{}", content_type="application/json"
            )
            for o in (objects, absent)
        ]
        assert answers[0].content == answers[1].content, row["route"]
        assert answers[0].status_code == answers[1].status_code == 404


def test_an_ex_member_sees_nothing_at_the_next_request(cast, objects, client_of):
    from annotation.labeling.services.projects import remove_member

    client = client_of(cast.annotator)
    path = address("api/v1/annotations/<uuid:annotation_id>", objects)
    assert client.get(path).status_code == 200
    remove_member(actor=cast.manager, project=cast.project, user_id=cast.annotator.pk)
    assert client.get(path).status_code == 404


def test_annotators_read_blind(cast, objects, client_of):
    """Another annotator of the same project sees neither the read nor its history."""
    client = client_of(cast.annotator2)
    for route in ("annotations/<uuid:annotation_id>", "annotations/<uuid:annotation_id>/revisions"):
        assert client.get(address(f"api/v1/{route}", objects)).status_code == 404
