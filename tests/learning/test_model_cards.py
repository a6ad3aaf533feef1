"""The chain of a model and its card: complete, reproducible, and without a patient."""

import hashlib
import json

import numpy as np
import pytest

from annotation.core import jobs
from annotation.datasets.models import Split
from annotation.datasets.services import prescribe_splits
from learning import pipeline
from learning.models import Round, Trigger
from learning.services import rounds, targets
from learning.services.card_text import as_markdown
from learning.services.lineage import lineage_of
from learning.services.model_cards import model_card
from tests import factories
from tests.learning.models import make_model
from tests.learning.test_promotion import make_version
from tests.learning.test_rounds import TINY
from tests.learning.test_subgroups import COUNT, make_population


@pytest.fixture
def version(cast):
    """A version of a real round: eight cases to learn from, two and two held out."""
    cases = factories.make_labeled_cases(cast.project, cast.annotator, 12)
    split_of = [Split.TRAIN] * 8 + [Split.VALIDATION] * 2 + [Split.TEST] * 2
    patients = [case.study.patient_id for case in cases]
    prescribe_splits(
        project=cast.project, split_of_patient=dict(zip(patients, split_of, strict=True))
    )
    target = targets.create_target(
        actor=cast.manager, project=cast.project, question="nodule", config=TINY
    )
    created = rounds.request_round(target=target, trigger=Trigger.MANUAL, seed=1)
    jobs.execute(Round, created.pk, pipeline.run_round)
    return Round.objects.get(pk=created.pk).model_version


def test_the_chain_leads_from_the_weights_to_every_instance(version):
    lineage = lineage_of(version)
    dataset = version.round.dataset
    assert lineage.dataset.sha256 == dataset.sha256
    assert [(s.split, s.cases, s.patients) for s in lineage.dataset.splits] == [
        ("train", 8, 8), ("validation", 2, 2), ("test", 2, 2),
    ]  # fmt: skip
    assert (lineage.dataset.reads, lineage.dataset.instances) == (12, 12)
    wanted = hashlib.sha256("".join(sorted(i.images_sha256 for i in dataset.items.all())).encode())
    assert lineage.dataset.instances_sha256 == wanted.hexdigest()
    assert (lineage.round.seed, lineage.round.config["side"]) == (1, 32)
    assert len(lineage.weights_sha256) == 64


def test_a_card_says_what_it_is_and_names_nobody(version):
    card = model_card(version)
    text = json.dumps(card, allow_nan=False) + as_markdown(card)
    assert "fewer than about thirty" in text
    assert "Nothing is told of groups by sex with fewer than 11 test patients: 1." in text
    assert f"called from {version.threshold:.3f} on" in text
    secret = [
        word
        for item in version.round.dataset.items.select_related("case__study")
        for word in (
            item.patient_key, item.case.study.patient_id, str(item.case_id),
            item.case.study.study_instance_uid,
        )
    ]  # fmt: skip
    assert [word for word in secret if word in text] == []
    assert "annotator" not in text
    assert model_card(version) == card


def test_the_same_card_as_a_document(version):
    text = as_markdown(model_card(version))
    for heading in ("# Model 1 of nodule", "## Limits", "## Figures", "## Subgroups",
                    "## What it learned from", "## How it was trained"):  # fmt: skip
        assert heading in text
    assert version.round.dataset.sha256 in text
    assert version.weights_sha256 in text
    assert "| train | 8 | 8 |" in text
    assert "Verdict: first." in text


def test_a_gap_is_a_limit(cast):
    target = targets.create_target(actor=cast.manager, project=cast.project, question="nodule")
    cases = make_population(cast.project)
    random = np.random.default_rng(0)
    truth = random.integers(0, 2, COUNT)
    said = np.clip(0.3 + 0.4 * truth + random.normal(0, 0.1, COUNT), 0, 1)
    said[2::3] = random.random(len(said[2::3]))
    card = model_card(make_version(target, cases, said, truth=truth))
    assert any(limit.startswith("It is worse for scanner Maker C: auc") for limit in card["limits"])
    assert "**worse**" in as_markdown(card)


def test_a_model_from_before_results_were_kept_has_a_card_too(version):
    version.round.metrics = {"n": 2, "auc": {"value": 0.5, "low": None, "high": None}}
    card = model_card(version)
    assert card["subgroups"] is None
    assert "Nothing is known of subgroups." in card["limits"]
    assert "| auc | 0.500 |" in as_markdown(card)


def test_markdown_survives_names_with_bars_and_brackets(version):
    version.target.project.name = "a|b <script>"
    text = as_markdown(model_card(version))
    assert "a\\|b &lt;script>" in text


def test_the_card_of_an_imported_model_says_where_it_came_from(cast):
    target = targets.create_target(actor=cast.manager, project=cast.project, question="nodule")
    version = make_model(target)
    card = model_card(version)
    assert (card["training"], card["learned_from"], card["origin"]) == (
        None,
        None,
        "made for a test",
    )
    assert "imported from made for a test" in as_markdown(card)
    said = " ".join(card["limits"])
    assert "It has not been tested here: it was imported." in said
    assert "All patients come from this project" not in said


def test_a_model_that_began_with_other_weights_says_so(version):
    version.round.started_from = {"name": "hips #3", "sha256": "ab" * 32}
    card = model_card(version)
    assert any("it began with the weights of hips #3" in limit for limit in card["limits"])
    assert f"| began with | hips #3, SHA-256 `{'ab' * 32}` |" in as_markdown(card)
