"""One model version over HTTP: figures, subgroups, drift, comparison and card."""

import numpy as np
import pytest

from learning.services import model_versions, targets
from tests.learning.test_promotion import TRUTH, make_version, scores
from tests.learning.test_subgroups import make_population


@pytest.fixture
def version(cast):
    target = targets.create_target(actor=cast.manager, project=cast.project, question="nodule")
    made = make_version(target, make_population(cast.project), scores(0.2))
    model_versions.consider(made)
    return made


@pytest.fixture
def get(cast, client_of, version):
    def ask(what="", **query):
        return client_of(cast.reviewer).get(f"/api/v1/model-versions/{version.pk}{what}", query)

    return ask


def test_the_page_of_a_version_has_its_figures_and_its_chain(get):
    body = get().json()
    assert (body["deciding"], body["n"], body["patients"]) == ("auc", len(TRUTH), len(TRUTH))
    figures = {figure["name"]: figure["estimate"] for figure in body["figures"]}
    assert (next(iter(figures)), list(figures)[-1]) == ("auc", "calibration_error")
    assert figures["auc"]["low"] <= figures["auc"]["value"] <= figures["auc"]["high"]
    assert body["evidence"]["verdict"] == "first"
    assert body["lineage"]["dataset"] is None
    assert body["reliability"]


def test_subgroups_are_chosen_by_attribute_and_figure(get):
    body = get("/subgroups", attribute=["sex", "KVP"], figure="sensitivity").json()
    assert body["figure"] == "sensitivity"
    assert [g["attribute"] for g in body["groups"]] == ["sex"] * 2 + ["KVP"] * 4
    assert body["least_patients"] == 11
    refused = get("/subgroups", attribute="PatientName")
    assert (refused.status_code, refused.json()["field"]) == (400, "attribute")


def test_drift_and_the_comparison_with_production_now(get):
    body = get("/drift").json()
    assert (body["encoder"], body["inputs"], body["tested"]) == (None, [], len(TRUTH))
    body = get("/comparison").json()
    assert (body["verdict"], body["against"], body["difference"]["value"]) == ("not_worse", 1, 0)


def test_the_card_is_downloaded_in_two_forms(get):
    answer = get("/card")
    assert answer.json()["format"] == "firstread-model-card/1"
    assert 'filename="firstread-model-1.json"' in answer["Content-Disposition"]
    text = get("/card.md")
    assert text["Content-Type"].startswith("text/markdown")
    assert text.content.decode().startswith("# Model 1 of nodule")


def test_the_policy_of_promotion_is_changed_over_http(cast, client_of, version):
    path = f"/api/v1/targets/{version.target_id}"
    client = client_of(cast.manager)
    assert client.get(path).json()["promotion"] == "when_not_worse"
    changed = client.patch(path, {"promotion": "by_hand"}, format="json")
    assert changed.json()["promotion"] == "by_hand"
    assert client.patch(path, {"promotion": "never"}, format="json").status_code == 400


def test_a_model_that_answered_nothing_has_a_page(cast, client_of, version):
    broken = make_version(version.target, [], np.full(len(TRUTH), np.nan))
    body = client_of(cast.manager).get(f"/api/v1/model-versions/{broken.pk}").json()
    assert (body["n"], body["absent_because"]) == (0, "no_cases")
