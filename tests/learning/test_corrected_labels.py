"""Labels that readers correct, take back or outvote: what light heads and honest figures make of them."""

import pytest

from annotation.labeling.models import Selection
from annotation.labeling.services import reading
from learning.models import Outcome
from learning.services import evidence, heads, learning_curves, outcomes, retraining
from tests import factories
from tests.learning import test_heads
from tests.learning.test_heads import embed

pool, target = test_heads.pool, test_heads.target
ANSWERS = ["no", "yes"]


@pytest.fixture
def foreseen(target, cast):
    """The outcomes of four reads, drawn at random, that all said yes."""
    cast.project.control_share = 1.0
    cast.project.save(update_fields=["control_share"])
    embed(cast.project)
    heads.refit(target, seed=1)
    read(cast, ANSWERS * 3)
    heads.refit(target, seed=2)
    read(cast, ["yes"] * 4)
    heads.refit(target, seed=3)
    return Outcome.objects.filter(target=target, said__isnull=False)


def read(cast, answers):
    return [factories.submit_next(cast.annotator, cast.project, answer) for answer in answers]


def reads_of(outcomes):
    return [outcome.case.annotations.get() for outcome in outcomes]


def correct(cast, annotation, answer):
    again = reading.reopen(actor=cast.annotator, annotation=annotation)
    reading.submit(
        actor=cast.annotator, annotation=again, content={"answers": {"nodule": answer}},
        version=again.draft_version,
    )  # fmt: skip


def wrong_share(answer, outcomes):
    said = [ANSWERS[max(range(2), key=one.said.__getitem__)] for one in outcomes]
    return sum(one != answer for one in said) / len(said)


def test_figures_are_held_against_the_corrected_label(target, cast, foreseen):
    before = list(foreseen)
    assert evidence.honest_figures(target).audit.value == pytest.approx(wrong_share("yes", before))
    for annotation in reads_of(before):
        correct(cast, annotation, "no")
    heads.refit(target, seed=4)
    assert {one.answer for one in foreseen.all()} == {"no"}
    assert evidence.honest_figures(target).audit.value == pytest.approx(wrong_share("no", before))
    kept = ("said", "head_id", "selection", "place", "propensity", "created_at")
    assert list(foreseen.order_by("pk").values_list(*kept)) == [
        tuple(getattr(one, name) for name in kept) for one in sorted(before, key=lambda one: one.pk)
    ]


def test_a_label_that_is_taken_back_counts_in_no_figure_until_it_is_given_again(
    target, cast, foreseen
):
    first, *others = foreseen
    [annotation] = reads_of([first])
    annotation = reading.reopen(actor=cast.annotator, annotation=annotation)
    heads.refit(target, seed=4)
    assert list(outcomes.foretold(target)) == others
    figures = evidence.honest_figures(target)
    assert figures.outcomes == len(others) == figures.audit.draws
    reading.submit(
        actor=cast.annotator, annotation=annotation, content={"answers": {"nodule": "no"}},
        version=annotation.draft_version,
    )  # fmt: skip
    heads.refit(target, seed=5)
    again = outcomes.foretold(target).get(case=first.case)
    assert (again.answer, again.labels, again.said) == ("no", None, first.said)


def test_no_reader_of_outcomes_stumbles_over_those_without_a_label(target, cast, foreseen):
    foreseen.update(answer="", labels=[], selection=Selection.RANKED)
    assert retraining.recent_surprise(target).count == 0
    foreseen.update(selection=Selection.CONTROL)
    assert learning_curves.curves_of(target).audit == []
    assert evidence.honest_figures(target).audit is None


def test_an_answer_that_the_head_did_not_know_is_no_error_of_it(target, cast, foreseen):
    first, *_ = foreseen
    first.head.classes = ["no", "maybe"]
    first.head.save()
    heads.refit(target, seed=4)
    assert first not in outcomes.foretold(target)


def test_corrections_make_a_head_due(target, cast):
    embed(cast.project)
    annotations = read(cast, ANSWERS * 5)
    assert (heads.refit_due(), heads.refit_due()) == (1, 0)
    for annotation in annotations[:4]:
        correct(cast, annotation, "no")
    assert heads.refit_due() == 0
    correct(cast, annotations[4], "no")
    assert (heads.refit_due(), heads.refit_due()) == (1, 0)


def test_what_is_accepted_while_a_head_is_fitted_counts_as_new(target, cast, monkeypatch):
    embed(cast.project)
    annotations = read(cast, ANSWERS * 5)
    heads.refit(target, seed=1)
    fitted = heads._fit

    def corrected_meanwhile(*given):
        for annotation in annotations[:5]:
            correct(cast, annotation, "yes")
        return fitted(*given)

    monkeypatch.setattr(heads, "_fit", corrected_meanwhile)
    heads.refit(target, seed=2)
    monkeypatch.setattr(heads, "_fit", fitted)
    assert heads.refit_due() == 1
