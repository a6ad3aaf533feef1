"""Who may see why a model answers as it does, and when; what is kept of who saw it."""

import numpy as np
import pytest

from annotation.core.models import AuditEvent
from annotation.datasets.models import Split
from annotation.datasets.services import prescribe_splits
from annotation.imaging import masks
from annotation.labeling.models import Annotation, Assignment, Case
from annotation.labeling.services.projects import publish_schema
from learning.models import (
    EMBEDDING_SIZE,
    Embedding,
    EncoderVersion,
    Explanation,
    ModelVersion,
    ModelVersionState,
    Prediction,
    Target,
)
from learning.services import explanations, targets
from tests import factories

IMPRESSION = {"answers": {"nodule": "no"}, "at": "2026-01-02T03:04:05Z"}
ABSENT = "00000000-0000-4000-8000-000000000000"
ARCHITECTURE = {"network": "resnet10", "outputs": 2, "channels": [1], "size": [32, 32]}


class Room:
    """A project with a production model, and a case that the annotator has claimed."""

    def __init__(self, cast, client_of, options, split):
        self.cast, self.client_of = cast, client_of
        self.publish(options)
        [self.case] = factories.make_cases(cast.project, 1)
        prescribe_splits(project=cast.project, split_of_patient={self.case.study.patient_id: split})
        target = targets.create_target(actor=cast.manager, project=cast.project, question="nodule")
        self.version = ModelVersion.objects.create(
            target=target, origin="elsewhere", number=1, weights_sha256="0" * 64,
            classes=["no", "yes"], state=ModelVersionState.PRODUCTION, architecture=ARCHITECTURE,
        )  # fmt: skip
        self.claimed = self.client().post(f"/api/v1/projects/{cast.project.pk}/claim").json()

    def publish(self, options):
        definition = {**factories.QUESTIONS, "options": options}
        publish_schema(actor=self.cast.manager, project=self.cast.project, definition=definition)

    def client(self, who="annotator"):
        return self.client_of(getattr(self.cast, who))

    def get(self, what, who="annotator"):
        return self.client(who).get(f"/api/v1/{what}")

    def choices(self, who="annotator"):
        return self.get(f"cases/{self.case.pk}/explanations", who)

    def ask(self, who="annotator", **changes):
        wish = {"model_version": str(self.version.pk), "method": "grad_cam", "answer": "yes"}
        address = f"/api/v1/cases/{self.case.pk}/explanations"
        return self.client(who).post(address, wish | changes, format="json")

    def made(self):
        """A map as a worker leaves it."""
        place = {
            "series_instance_uid": "1.2",
            "frames": [["1.2.3", 1]],
            "box": [-0.5, -0.5, 9.5, 9.5],
        }
        values = np.arange(12).reshape(1, 3, 4)
        return factories.make_explanation(self.version, self.case, values, place)

    def commit(self):
        annotation = self.claimed["annotation"]["id"]
        content = {"answers": {}, "first_impression": IMPRESSION}
        answer = self.client().put(
            f"/api/v1/annotations/{annotation}/draft", {"content": content},
            format="json", headers={"If-Match": "1"},
        )  # fmt: skip
        assert answer.status_code == 200


@pytest.fixture
def room(cast, client_of):
    def make(suggestions="shown", *, shows=True, split=Split.TRAIN):
        options = {"suggestions": suggestions, "shows_explanations": shows}
        return Room(cast, client_of, options, split)

    return make


def is_hidden(room, who="annotator"):
    """Nothing can be chosen, and what is named by its id answers exactly as if it did not exist."""
    found = room.made()
    missing = room.get(f"explanations/{ABSENT}", who)
    answers = [
        room.ask(who), room.get(f"explanations/{found.pk}", who),
        room.get(f"explanations/{found.pk}/map", who),
    ]  # fmt: skip
    found.delete()
    return (
        missing.status_code == 404
        and all(a.status_code == 404 and a.content == missing.content for a in answers)
        and not AuditEvent.objects.filter(action="explanation_shown").exists()
    )


def test_a_reader_is_offered_what_the_model_in_production_can_explain(room):
    found = room()
    assert found.choices().json() == [{
        "model_version": str(found.version.pk), "target": "nodule", "question": "nodule",
        "labels": ["Nodule?"], "kind": "one", "number": 1, "classes": ["no", "yes"], "methods": ["grad_cam", "occlusion"],
        "likely": "",
    }]  # fmt: skip
    asked = found.ask()
    assert (asked.status_code, asked.json()["state"], asked.json()["place"]) == (
        202,
        "pending",
        None,
    )
    assert found.ask().json()["id"] == asked.json()["id"]
    polled = found.get(f"explanations/{asked.json()['id']}")
    assert polled.json() == asked.json()
    assert found.get(f"explanations/{asked.json()['id']}/map").status_code == 404


@pytest.mark.parametrize(("changes", "field"), [
    ({"model_version": ABSENT}, "model_version"), ({"method": "uncertainty"}, "method"),
    ({"answer": "maybe"}, "answer"), ({"answer": ""}, "answer"), ({"method": "magic"}, "method"),
])  # fmt: skip
def test_what_the_model_cannot_be_asked_is_refused_with_the_field(room, changes, field):
    answer = room().ask(**changes)
    assert answer.status_code == 400
    body = answer.json()
    assert field in (body.get("field"), *body.get("fields", {}))
    assert Explanation.objects.count() == 0


def test_who_saw_a_map_is_on_record_at_their_read(room):
    found = room()
    made = found.made()
    answer = found.get(f"explanations/{made.pk}/map")
    assert masks.decompress(answer.content).tolist() == [
        [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9, 10, 11]]
    ]
    assert found.get(f"explanations/{made.pk}").json()["place"] == {
        "series_instance_uid": "1.2", "frames": ["1.2.3:1"], "box": [-0.5, -0.5, 9.5, 9.5],
    }  # fmt: skip
    event = AuditEvent.objects.get(action="explanation_shown")
    assert (event.actor, event.object_id) == (
        found.cast.annotator,
        found.claimed["annotation"]["id"],
    )
    assert event.detail == {
        "method": "grad_cam", "answer": "yes", "model_version": str(found.version.pk),
    }  # fmt: skip
    assert "no-cache" in answer.headers["Cache-Control"]


def test_who_was_told_the_models_answer_is_on_record_at_their_read(room):
    found = room()
    found.choices()
    assert not AuditEvent.objects.filter(action="model_answers_shown").exists()
    Prediction.objects.create(model_version=found.version, case=found.case, values=[0.2, 0.8])
    assert found.choices().json()[0]["likely"] == "yes"
    event = AuditEvent.objects.get(action="model_answers_shown")
    assert (event.actor, event.object_id, event.detail) == (
        found.cast.annotator,
        found.claimed["annotation"]["id"],
        {"answers": {str(found.version.pk): "yes"}},
    )


def test_the_models_answer_is_the_one_that_it_suggests(room):
    found = room()
    ModelVersion.objects.update(threshold=0.4)
    Prediction.objects.create(model_version=found.version, case=found.case, values=[0.55, 0.45])
    assert found.choices().json()[0]["likely"] == "yes"


@pytest.mark.parametrize(
    ("kind", "values", "likely"),
    [
        ("many", [0.1, 0.2, 0.3], ""),  # none reaches its threshold
        ("many", [0.5, 0.45, 0.4], "b"),  # a is the highest, and not called
        ("many", [0.7, 0.8, 0.9], "c"),
        ("ordinal", [0.2, 0.5, 0.3], "b"),
        ("segmentation", [0.2, 0.1, 0.0], ""),  # shares of the image
    ],
)
def test_of_several_findings_it_is_the_surest_that_is_called(kind, values, likely):
    version = ModelVersion(
        target=Target(kind=kind), classes=["a", "b", "c"], thresholds=[0.6, 0.4, 0.4]
    )
    assert explanations._likely(version, values) == likely


def test_the_models_answer_is_told_to_nobody_who_may_not_see_it_explained(room):
    found = room("off")
    Prediction.objects.create(model_version=found.version, case=found.case, values=[0.2, 0.8])
    assert found.choices().json() == []
    assert found.choices("outsider").status_code == 404
    assert not AuditEvent.objects.filter(action="model_answers_shown").exists()


def test_a_supervisor_without_a_read_of_their_own_sees_it_from_the_case(room):
    found = room("off")
    made = found.made()
    for who in ("reviewer", "manager"):
        assert len(found.choices(who).json()) == 1
        assert found.get(f"explanations/{made.pk}/map", who).status_code == 200
    objects = {e.object_id for e in AuditEvent.objects.filter(action="explanation_shown")}
    assert objects == {str(found.case.pk)}


def test_a_reader_of_a_project_without_suggestions_is_shown_nothing(room):
    found = room("off")
    assert found.choices().json() == []
    assert found.get(f"cases/{found.case.pk}/neighbours").json() == []
    assert is_hidden(found)


def test_a_random_audit_is_explained_only_once_it_is_handed_in(room):
    found = room("shown")
    Assignment.objects.update(selection="control")
    assert found.choices().json() == []
    assert is_hidden(found)
    Annotation.objects.update(state="submitted")
    assert found.choices().json()


def test_a_project_that_did_not_ask_for_explanations_shows_nobody_any(room):
    found = room("shown", shows=False)
    for who in ("annotator", "reviewer", "manager"):
        assert found.choices(who).json() == []
        assert is_hidden(found, who)


@pytest.mark.parametrize("split", [Split.VALIDATION, Split.TEST])
def test_held_out_cases_are_explained_to_nobody(room, split):
    found = room("shown", split=split)
    for who in ("annotator", "reviewer", "manager"):
        assert found.choices(who).json() == []
        assert found.get(f"cases/{found.case.pk}/neighbours", who).json() == []
        assert is_hidden(found, who)


def test_explanations_wait_for_the_first_impression(room):
    found = room("after_first_impression")
    made = found.made()
    for early in (
        found.choices(),
        found.ask(),
        found.get(f"cases/{found.case.pk}/neighbours"),
    ):
        assert (early.status_code, early.json()["code"]) == (409, "first_impression_missing")
    absent = found.get(f"explanations/{ABSENT}")
    for early in (found.get(f"explanations/{made.pk}"), found.get(f"explanations/{made.pk}/map")):
        assert (early.status_code, early.content) == (404, absent.content)
    assert AuditEvent.objects.filter(action="explanation_shown").count() == 0
    found.commit()
    assert len(found.choices().json()) == 1
    assert found.get(f"explanations/{made.pk}/map").status_code == 200


def test_a_reviewer_who_reads_the_case_reads_it_blind_too(room, cast):
    found = room("after_first_impression")
    made = found.made()
    Case.objects.filter(pk=found.case.pk).update(free_slots=1)
    claimed = found.client("reviewer").post(f"/api/v1/projects/{cast.project.pk}/claim")
    assert claimed.json()["case_id"] == str(found.case.pk)
    assert found.choices("reviewer").status_code == 409
    assert found.get(f"explanations/{made.pk}/map", "reviewer").status_code == 404
    assert found.get(f"explanations/{made.pk}/map", "manager").status_code == 200


def test_only_readers_and_supervisors_of_the_case_are_told(room):
    found = room()
    for who in ("annotator2", "outsider"):
        assert found.choices(who).status_code == 404
        assert is_hidden(found, who)


def vector(*places):
    values = np.zeros(EMBEDDING_SIZE)
    values[: len(places)] = places
    return values / np.linalg.norm(values)


@pytest.fixture
def near(room, cast):
    """Labeled cases at growing distances; one held out, one that the annotator still reads, one open."""
    found = room()
    encoder = EncoderVersion.objects.create(project=cast.project, number=1, is_ready=True)
    Embedding.objects.create(encoder=encoder, case=found.case, vector=vector(1, 0))
    cases = factories.make_cases(cast.project, 5)
    patients = [case.study.patient_id for case in cases]
    splits = [Split.TRAIN] * 4 + [Split.TEST]
    prescribe_splits(
        project=cast.project, split_of_patient=dict(zip(patients, splits, strict=True))
    )
    for step, case in enumerate(cases, 1):
        Embedding.objects.create(encoder=encoder, case=case, vector=vector(1, 0.1 * step))
    for number, case in enumerate(cases):
        if number != 3:  # which stays open
            factories.import_answer(cast.manager, case, "yes" if number == 0 else "no")
    found.near = cases
    return found


def test_neighbours_are_the_labeled_training_cases_nearest_first(near, cast):
    answer = near.get(f"cases/{near.case.pk}/neighbours").json()
    first, second, third, *_ = near.near
    assert [one["case_id"] for one in answer] == [str(case.pk) for case in (first, second, third)]
    assert [one["answers"]["nodule"] for one in answer] == ["yes", "no", "no"]
    distances = [one["distance"] for one in answer]
    assert distances == pytest.approx([1 - 1 / np.hypot(1, 0.1 * n) for n in (1, 2, 3)], abs=1e-5)
    series = first.study.series.get()
    assert answer[0]["study_instance_uid"] == first.study.study_instance_uid
    assert answer[0]["series_instance_uid"] == series.series_instance_uid
    event = AuditEvent.objects.get(action="neighbours_shown")
    assert (event.object_id, len(event.detail["cases"])) == (near.claimed["annotation"]["id"], 3)


def test_a_case_that_the_person_still_reads_is_no_neighbour(near, cast):
    """Its agreed answer would tell them what others think of it."""
    first = near.near[0]
    factories.import_answer(cast.annotator, first, "no")
    first.annotations.filter(reader=cast.annotator).update(state="draft")
    answer = near.get(f"cases/{near.case.pk}/neighbours").json()
    assert str(first.pk) not in [one["case_id"] for one in answer]
    assert len(answer) == 2


def test_the_number_of_queries_does_not_grow_with_the_neighbours(near, django_assert_num_queries):
    from learning.access import explained_case_for
    from learning.services.neighbours import show_neighbours

    explained = explained_case_for(near.cast.annotator, near.case.pk)
    with django_assert_num_queries(15):
        found = show_neighbours(user=near.cast.annotator, explained=explained)
    assert len(found) == 3
