"""Masks that models suggest: seen by the reader, taken into the read, and what became of them."""

import numpy as np
import pytest

from annotation.archive.services.ingest import ingest
from annotation.core.models import AuditEvent
from annotation.imaging import masks
from annotation.labeling.models import Case, Suggestion
from annotation.labeling.services.label_volumes import Grid, keep_layers
from annotation.labeling.services.projects import add_cases, current_schema, publish_schema
from annotation.labeling.services.suggestions import (
    Offered,
    offer_suggestions,
    withdraw_suggestions,
)
from tests import factories

SLICES, SIDE = 3, 32
AT = "2026-01-02T03:04:05Z"
BOX = {
    "id": "11111111-1111-4111-8111-111111111111", "kind": "box", "label": "nodule", "name": "",
    "answers": {}, "frame": 1, "pixels": [[1, 1], [5, 1], [5, 5], [1, 5]], "points": None,
    "is_hidden": False, "is_locked": False,
}  # fmt: skip
EDGE = {
    "key": "edge", "label": "Edge", "scope": "region", "required": False, "default": "smooth",
    "options": [{"key": "smooth"}, {"key": "spiky"}],
}  # fmt: skip


class Desk:
    """The annotator's claimed case of a CT, with a suggested label map, box and answer."""

    def __init__(self, cast, client):
        self.cast, self.client = cast, client
        files = factories.make_ct("suggested", slices=SLICES)
        for data in files:
            study = ingest(collection=cast.project.collection, chunks=[data]).study
        add_cases(project=cast.project, studies=[study])
        headers = [factories.read(data) for data in files]
        self.labels = np.zeros((SLICES, SIDE, SIDE), np.uint8)
        self.labels[1, 4:9, 4:9], self.labels[1, 20:22, 20:22] = 1, 2
        grid = Grid.of_single_frames(
            headers[0].SeriesInstanceUID, [h.SOPInstanceUID for h in headers]
        )
        schema = current_schema(cast.project).schema
        self.layers = keep_layers(schema=schema, labels=self.labels, grid=grid)
        self.box = {**BOX, "sop_instance_uid": headers[1].SOPInstanceUID}
        content = {"answers": {"nodule": "yes"}, "regions": [self.box], "masks": self.layers}
        self.case = Case.objects.get(project=cast.project)
        offer_suggestions(
            project=cast.project, origin="o", source="s", offered=[Offered(self.case.pk, content)]
        )
        self.suggestion = Suggestion.objects.get()
        self.body = client.post(f"/api/v1/projects/{cast.project.pk}/claim").json()

    def masks(self, client, layer, suggestion=None):
        one = suggestion or self.suggestion.pk
        path = f"/api/v1/cases/{self.case.pk}/suggestions/{one}/masks"
        return client.get(path, {"layer": layer})

    def use(self, action):
        return {"id": str(self.suggestion.pk), "action": action, "at": AT}

    def send(self, what, content, version):
        path = f"/api/v1/annotations/{self.body['annotation']['id']}/{what}"
        call = self.client.put if what == "draft" else self.client.post
        return call(path, {"content": content}, headers={"If-Match": str(version)})


@pytest.fixture
def desk(cast, client_of):
    definition = {
        **factories.QUESTIONS, "options": {"suggestions": "shown"},
        "questions": [*factories.QUESTIONS["questions"], EDGE],
        "region_labels": [{"key": "nodule", "label": "Nodule"}],
        "segments": [{"value": 1, "label": "Lung"}, {"value": 2, "label": "Tumour", "layer": 1}],
    }  # fmt: skip
    publish_schema(actor=cast.manager, project=cast.project, definition=definition)
    return Desk(cast, client_of(cast.annotator))


def test_a_label_map_is_cut_into_the_layers_of_the_schema(desk):
    assert [(m["layer"], len(m["slices"])) for m in desk.layers] == [(0, 1), (1, 1)]


def test_the_reader_loads_the_suggested_slices_layer_by_layer(desk):
    for layer, value in ((0, 1), (1, 2)):
        [found] = masks.unpack(desk.masks(desk.client, layer).getvalue())
        expected = np.where(desk.labels[1] == value, value, 0)
        np.testing.assert_array_equal(masks.decompress(found.data)[0], expected)


def test_nobody_else_loads_them_and_nobody_before_a_first_impression(desk, cast, client_of):
    for name in ("annotator2", "reviewer", "manager", "outsider"):
        assert desk.masks(client_of(getattr(cast, name)), 0).status_code == 404
    assert desk.masks(desk.client, 0, desk.case.pk).status_code == 404
    definition = {**current_schema(cast.project).definition}
    definition["options"] = {"suggestions": "after_first_impression"}
    publish_schema(actor=cast.manager, project=cast.project, definition=definition)
    assert desk.masks(desk.client, 0).json()["code"] == "first_impression_missing"


def test_what_was_replaced_while_the_case_is_open_is_loaded_and_taken_all_the_same(desk, cast):
    content = {"answers": {"nodule": "no"}}
    offer_suggestions(
        project=cast.project, origin="o", source="t", offered=[Offered(desk.case.pk, content)]
    )
    assert len(list(masks.unpack(desk.masks(desk.client, 0).getvalue()))) == 1
    taken = {"answers": {}, "masks": desk.layers, "suggestions": [desk.use("accepted")]}
    assert desk.send("draft", taken, 1).status_code == 200


def test_what_was_withdrawn_while_the_case_is_open_is_not_loaded(desk):
    """The patient turned out to be held out: models have no say in what measures them."""
    withdraw_suggestions([desk.case.pk])
    assert desk.masks(desk.client, 0).status_code == 404


def test_what_was_suggested_is_named_without_an_upload_and_its_outcome_is_recorded(desk):
    taken = {
        "answers": {"nodule": "yes"}, "regions": [desk.box], "masks": desk.layers,
        "suggestions": [desk.use("accepted")],
    }  # fmt: skip
    assert desk.send("draft", taken, 1).status_code == 200
    assert desk.send("submission", taken, 2).status_code == 201
    event = AuditEvent.objects.get(action="read_submitted")
    outcome = {"id": str(desk.suggestion.pk), "action": "accepted", "is_changed": False}
    assert event.detail["suggestions"] == [outcome]


@pytest.mark.parametrize("answers", [{"answers": {"edge": "smooth"}}, {}])
def test_a_suggested_box_is_as_it_was_whatever_else_is_answered_of_it(desk, answers):
    """The page gives a new region the schema's defaults; a program may leave its answers out."""
    drawn = {key: value for key, value in desk.box.items() if key != "answers"}
    taken = {
        "answers": {"nodule": "yes"}, "regions": [{**drawn, **answers}], "masks": desk.layers,
        "suggestions": [desk.use("accepted")],
    }  # fmt: skip
    assert desk.send("submission", taken, 1).status_code == 201
    [outcome] = AuditEvent.objects.get(action="read_submitted").detail["suggestions"]
    assert outcome["is_changed"] is False


@pytest.mark.parametrize(
    "change",
    [
        {"answers": {"nodule": "no"}},
        {"masks": []},
        {"regions": []},
    ],
)
def test_what_was_changed_after_it_was_accepted_is_recorded(desk, change):
    taken = {
        "answers": {"nodule": "yes"}, "regions": [desk.box], "masks": desk.layers,
        "suggestions": [desk.use("accepted")], **change,
    }  # fmt: skip
    assert desk.send("submission", taken, 1).status_code == 201
    [outcome] = AuditEvent.objects.get(action="read_submitted").detail["suggestions"]
    assert outcome["is_changed"] is True


def test_a_read_names_no_suggestion_on_another_case(desk, cast):
    [other] = factories.make_empty_cases(cast.project, 1)
    foreign = Suggestion.objects.create(case=other, origin="o", source="s", content={})
    use = {**desk.use("refused"), "id": str(foreign.pk)}
    answer = desk.send("draft", {"answers": {}, "suggestions": [use]}, 1)
    assert answer.json()["fields"] == {"suggestions[0].id": "is no suggestion on this case"}
