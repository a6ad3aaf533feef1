"""Which models the worklist follows: the newest that is not shown to be worse, and several in turn."""

import numpy as np
import pytest
from django.utils import timezone

from annotation.core import jobs
from annotation.datasets.models import Split
from annotation.datasets.services import prescribe_splits
from annotation.labeling.models import Assignment, Case
from annotation.labeling.services import reading
from annotation.labeling.services.projects import publish_schema
from annotation.labeling.services.ranking import Placed, Ranked, publish_front, publish_ranking
from learning import embedding
from learning.models import EncoderVersion, HeadPick, ModelVersion, Outcome, Prediction
from learning.services import embeddings, heads, model_versions, ordering, scorings, targets
from learning.services.comparison import Evidence, Verdict
from tests import factories
from tests.learning.test_heads import make_head

TWO_QUESTIONS = {
    "questions": [
        *factories.QUESTIONS["questions"],
        {"key": "effusion", "label": "Effusion?", "options": [{"key": "no"}, {"key": "yes"}]},
    ]
}


@pytest.fixture
def project(cast):
    publish_schema(actor=cast.manager, project=cast.project, definition=TWO_QUESTIONS)
    return cast.project


@pytest.fixture
def cases(project):
    """Six open cases of training patients."""
    made = factories.make_cases(project, 6)
    prescribe_splits(
        project=project, split_of_patient={case.study.patient_id: Split.TRAIN for case in made}
    )
    return made


def make_target(cast, question="nodule", **options):
    return targets.create_target(
        actor=cast.manager, project=cast.project, question=question, **options
    )


def make_version(target, cases, scores):
    """A version that has looked at the cases; None: held out."""
    number = target.model_versions.count() + 1
    version = ModelVersion.objects.create(
        target=target,
        number=number,
        origin="a test",
        weights_sha256="0" * 64,
        classes=["no", "yes"],
    )
    Prediction.objects.bulk_create(
        Prediction(
            model_version=version, case=case, values=[0.5, 0.5], score=score,
            reason=f"by {target.question} {number}", words={"code": "random"},
        )
        for case, score in zip(cases, scores, strict=True)
    )  # fmt: skip
    return version


def order_of(project):
    """The numbers of the cases as they come, in the order they were made."""
    ranked = Case.objects.filter(project=project, ranking_id__isnull=False)
    made = list(Case.objects.filter(project=project).order_by("created_at", "pk"))
    return [made.index(case) for case in ranked.order_by("-front", "-priority", "shuffle_key")]


def numbered(project, cases):
    """`cases` in the order in which `order_of` counts them."""
    return sorted(cases, key=lambda case: (case.created_at, case.pk))


def test_a_model_that_is_put_back_brings_its_order_and_its_sentences(cast, project, cases):
    cases = numbered(project, cases)
    target = make_target(cast)
    first = make_version(target, cases, [6, 5, 4, 3, 2, 1])
    second = make_version(target, cases[:5], [1, 2, 3, 4, 5])
    model_versions.promote(version=first, actor=cast.manager)
    assert order_of(project) == [0, 1, 2, 3, 4, 5]
    model_versions.promote(version=second, actor=cast.manager)
    assert order_of(project) == [4, 3, 2, 1, 0]  # what it could not use has no place
    model_versions.promote(version=first, actor=cast.manager)
    assert order_of(project) == [0, 1, 2, 3, 4, 5]
    case = Case.objects.get(pk=cases[0].pk)
    assert (case.priority_reason, case.ranking_id) == ("by nodule 1", first.pk)
    assert case.priority_words == {"code": "random"}


@pytest.mark.parametrize(
    ("verdict", "follows"),
    [
        (Verdict.WORSE, False),
        (Verdict.NOT_FINITE, False),
        (Verdict.NOT_SHOWN, True),
        (Verdict.BETTER, True),
    ],
)
def test_the_worklist_follows_no_model_that_is_shown_to_be_worse(
    cast, project, cases, monkeypatch, verdict, follows
):
    cases = numbered(project, cases)
    target = make_target(cast)
    model_versions.promote(
        version=make_version(target, cases, [6, 5, 4, 3, 2, 1]), actor=cast.manager
    )
    monkeypatch.setattr(model_versions, "compare_versions", lambda *_: Evidence(verdict))
    model_versions.consider(make_version(target, cases, [1, 2, 3, 4, 5, 6]))
    assert order_of(project)[0] == (5 if follows else 0)


def test_an_imported_model_leaves_the_order_until_it_has_looked(cast, project, cases):
    cases = numbered(project, cases)
    target = make_target(cast)
    model_versions.promote(
        version=make_version(target, cases, [6, 5, 4, 3, 2, 1]), actor=cast.manager
    )
    model_versions.promote(version=make_version(target, [], []), actor=cast.manager)
    assert order_of(project) == [0, 1, 2, 3, 4, 5]


def test_two_targets_rank_in_turn(cast, project, cases):
    cases = numbered(project, cases)
    nodule, effusion = make_target(cast), make_target(cast, "effusion")
    for target, scores in (
        (nodule, [6, 5, 4, 1, 2, 3]),
        (effusion, [0.3, 0.2, 0.1, 0.6, 0.5, 0.4]),
    ):
        model_versions.promote(version=make_version(target, cases, scores), actor=cast.manager)
    order = order_of(project)
    assert [set(order[n : n + 2]) for n in (0, 2, 4)] == [{0, 3}, {1, 4}, {2, 5}]
    by = {case.pk: case.priority_reason for case in Case.objects.all()}
    assert [by[case.pk] for case in cases] == ["by nodule 1"] * 3 + ["by effusion 1"] * 3


def test_a_place_that_another_target_gave_stays_when_a_light_head_has_had_the_case(
    cast, project, cases
):
    nodule, effusion = make_target(cast), make_target(cast, "effusion")
    version = make_version(nodule, cases, [6, 5, 4, 3, 2, 1])
    model_versions.promote(version=version, actor=cast.manager)
    [first, second, *_] = Case.objects.filter(project=project).order_by("-priority")
    encoder = EncoderVersion.objects.create(project=project, number=1, is_ready=True)
    head = make_head(effusion, encoder, 1, 100)
    for front in ([first, second], [second]):  # one is in front still, the other is no longer
        publish_front(project=project, front=[Placed(case.pk, head.pk, "") for case in front])
    worse = [Ranked(case.pk, effusion.pk, "", priority=0.2) for case in (first, second)]
    beside = ordering.rankings_beside(effusion)
    publish_ranking(project=project, ranked=worse, beside=beside)
    for case, priority in ((first, first.priority), (second, second.priority)):
        case.refresh_from_db()
        assert case.priority == priority > 0.2


def test_held_out_cases_are_spread_over_equal_scores_too():
    rng = np.random.default_rng(0)
    priorities = ordering.priorities_of(np.zeros(50), np.zeros(50))
    assert set(ordering.held_out_priorities(20, priorities, rng)) == set(priorities) == {0.5}
    scores = np.asarray([3.0, 1.0, 2.0])
    assert ordering.priorities_of(scores, scores).tolist() == [5 / 6, 1 / 6, 3 / 6]


def test_what_arrives_keeps_the_better_place_of_another_target(cast, project, cases):
    cases = numbered(project, cases)
    nodule, effusion = make_target(cast), make_target(cast, "effusion")
    for target in (nodule, effusion):
        model_versions.promote(
            version=make_version(target, cases[:4], [4, 3, 2, 1]), actor=cast.manager
        )
    late = cases[4]
    for target, priority in ((nodule, 0.9), (effusion, 0.2)):
        version = target.model_versions.get()
        [part] = scorings.request_missing(version) or version.scorings.all()
        place = ordering.Ranked(late.pk, version.pk, f"by {target.question}", {}, priority)
        scorings.keep(
            part=jobs.claim(type(part), part.pk), predictions=[], ranked=[place], excluded={}
        )
    late.refresh_from_db()
    assert (late.priority, late.priority_reason) == (0.9, "by nodule")


@pytest.fixture
def two_heads(cast, project, cases):
    more = factories.make_cases(project, 14)
    prescribe_splits(
        project=project, split_of_patient={case.study.patient_id: Split.TRAIN for case in more}
    )
    made = make_target(cast), make_target(cast, "effusion")
    embeddings.embed_due()
    encoder = EncoderVersion.objects.get(project=project)
    jobs.execute(EncoderVersion, encoder.pk, embedding.run_encoder)
    return made


def test_two_heads_share_the_front(cast, project, two_heads):
    first, second = two_heads
    targets.change_target(actor=cast.manager, target=second, head_strategy="random")
    second.refresh_from_db()
    for target in two_heads:
        heads.refit(target, seed=1)
    for target in (first, second):  # the one that is renewed begins, the other keeps its places
        version = heads.refit(target, seed=2)
        front = list(Case.objects.filter(project=project, front__gt=0).order_by("-front"))
        others = HeadPick.objects.filter(head__target__in=two_heads).exclude(head__target=target)
        theirs = others.order_by("-head__number", "place").first()
        assert front[0].pk == version.picks.get(place=0).case_id
        assert len(front) == 20
        if theirs.case_id != front[0].pk:
            assert (front[1].pk, front[1].ranking_id) == (theirs.case_id, theirs.head_id)
    assert {case.ranking_id for case in front} >= {version.pk}
    assert len({case.ranking_id for case in front}) == 2


def read_next(cast, project, nodule, effusion):
    """The assignment of the case that comes next, once both questions are answered."""
    assignment = factories.claim(cast.annotator, project)
    annotation = reading.open_annotation(reader=cast.annotator, case=assignment.case)
    reading.submit(
        actor=cast.annotator, annotation=annotation, version=annotation.draft_version,
        content={"answers": {"nodule": nodule, "effusion": effusion}},
    )  # fmt: skip
    # The database's clock stands still within a test.
    Assignment.objects.filter(pk=assignment.pk).update(created_at=timezone.now())
    return assignment


def test_a_case_that_two_heads_drew_is_an_outcome_of_both(cast, project, two_heads):
    for nodule, effusion in (("yes", "no"), ("no", "yes"), ("yes", "no"), ("no", "yes")):
        read_next(cast, project, nodule, effusion)
    first, second = (heads.refit(target, seed=1) for target in two_heads)
    served = read_next(cast, project, "yes", "no")
    assert served.ranking_id == second.pk  # the one that was renewed last begins
    for target, head in zip(two_heads, (first, second), strict=True):
        heads.refit(target, seed=2)
        outcome = Outcome.objects.get(target=target, case=served.case)
        pick = HeadPick.objects.get(head=head, case=served.case)
        assert (outcome.head, outcome.place) == (head, pick.place)
        assert outcome.propensity == pick.propensity
