"""What a reader has begun comes back to them first, and stays as it was first served."""

from datetime import timedelta

import pytest
from django.utils import timezone

from annotation.labeling.models import Annotation, Assignment, Case, Selection, Verdict
from annotation.labeling.services import claiming, marks, reading
from annotation.labeling.services.projects import change_settings
from annotation.labeling.services.ranking import Ranked, publish_ranking
from annotation.labeling.worklist import find_upcoming
from tests import factories


@pytest.fixture
def ranked(cast):
    """Six cases, best first."""
    cases = factories.make_empty_cases(cast.project, 6)
    rank(cast, cases)
    return cases


def rank(cast, cases):
    places = [
        Ranked(case.pk, cast.project.pk, "why", priority=1 - place / 10)
        for place, case in enumerate(cases)
    ]
    publish_ranking(project=cast.project, ranked=places)


def draw_audits(cast, share=1.0):
    cast.project.control_share = share
    cast.project.save()


def begin(cast, reader=None):
    """Claim the next case and open it, as the reading room does."""
    reader = reader or cast.annotator
    assignment = factories.claim(reader, cast.project)
    reading.open_annotation(reader=reader, case=assignment.case)
    return assignment


def leave(cast):
    """Begin a case and give it back."""
    assignment = begin(cast)
    claiming.release(assignment=assignment)
    return assignment


def hand_in(cast, case):
    annotation = reading.open_annotation(reader=cast.annotator, case=case)
    content = {"answers": {"nodule": "no"}}
    reading.submit(
        actor=cast.annotator, annotation=annotation, content=content,
        version=annotation.draft_version,
    )  # fmt: skip
    annotation.refresh_from_db()
    return annotation


def return_read(cast, annotation):
    reading.review(
        reviewer=cast.reviewer, annotation=annotation, version=annotation.draft_version,
        verdict=Verdict.RETURN, comment="again",
    )  # fmt: skip


def test_a_case_that_was_left_is_gone_on_with_whatever_the_ranking_says_now(cast, ranked):
    left = leave(cast)
    rank(cast, ranked[::-1])
    assert begin(cast).case_id == left.case_id == ranked[0].pk


def test_a_returned_read_comes_before_what_was_begun_and_what_was_begun_first_before_the_rest(
    cast, ranked
):
    change_settings(actor=cast.manager, project=cast.project, requires_review=True)
    cast.project.refresh_from_db()
    returned = hand_in(cast, begin(cast).case)
    begun = [Annotation.objects.create(case=case, reader=cast.annotator, schema=returned.schema)
             for case in ranked[3:5][::-1]]  # fmt: skip
    Annotation.objects.filter(pk=begun[0].pk).update(created_at=timezone.now() - timedelta(days=1))
    return_read(cast, returned)
    wanted = [returned.case_id, ranked[4].pk, ranked[3].pk, ranked[1].pk]
    upcoming = find_upcoming(reader=cast.annotator, project=cast.project, count=4)
    assert [case.pk for case in upcoming] == wanted
    served = []
    for _ in wanted:
        served.append(begin(cast).case_id)
        hand_in(cast, Case.objects.get(pk=served[-1]))
    assert served == wanted


def test_what_was_skipped_or_taken_by_others_does_not_come_back(cast, ranked):
    first = begin(cast)
    marks.skip(assignment=first, reason="unclear")
    second = leave(cast)
    factories.claim(cast.annotator2, cast.project)
    claimed = Assignment.objects.get(reader=cast.annotator2)
    assert claimed.case_id == first.case_id
    Case.objects.filter(pk=second.case_id).update(free_slots=0)
    assert begin(cast).case_id not in {first.case_id, second.case_id}


def test_the_case_on_the_screen_does_not_come_next_where_others_may_read_it_too(cast, ranked):
    change_settings(actor=cast.manager, project=cast.project, readers_per_case=2)
    cast.project.refresh_from_db()
    held = begin(cast)
    [following] = find_upcoming(reader=cast.annotator, project=cast.project, count=1)
    assert (held.case_id, following.pk) == (ranked[0].pk, ranked[1].pk)


def test_an_audit_whose_lease_lapsed_is_gone_on_with_and_stays_in_the_sample(cast, ranked):
    draw_audits(cast)
    drawn = begin(cast)
    Assignment.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    claiming.expire_assignments()
    draw_audits(cast, share=0.0)
    rank(cast, [case for case in ranked if case != drawn.case])
    again = begin(cast)
    assert (again.case_id, again.selection) == (drawn.case_id, Selection.CONTROL)
    assert (again.propensity, again.reason_words) == (drawn.propensity, {"code": "audit"})


def test_what_was_read_beside_suggestions_is_never_drawn_as_a_blind_audit(cast, ranked):
    """Neither by the next claim nor by one that finds the case taken meanwhile."""
    left = leave(cast)
    draw_audits(cast)
    again = begin(cast)
    assert (again.case_id, again.selection, again.propensity) == (left.case_id, "ranked", None)
    assert not claiming.is_audit(left.case_id)
    hand_in(cast, again.case)
    assert begin(cast).selection == Selection.CONTROL


def test_the_chance_of_an_audit_is_that_among_cases_that_the_reader_has_not_begun(cast, ranked):
    left = leave(cast)
    Case.objects.filter(pk=left.case_id).update(free_slots=0)  # another reader has it
    marked = Annotation.objects.get(case=left.case_id)
    Annotation.objects.create(case=ranked[5], reader=cast.annotator, schema=marked.schema)
    draw_audits(cast)
    begun = begin(cast)
    assert (begun.case_id, begun.selection) == (ranked[5].pk, Selection.RANKED)
    Case.objects.filter(pk=left.case_id).update(free_slots=1)
    hand_in(cast, begun.case)
    first = begin(cast)
    assert first.case_id == left.case_id
    hand_in(cast, first.case)
    audit = begin(cast)
    assert (audit.selection, audit.propensity) == (Selection.CONTROL, pytest.approx(1 / 4))


def test_a_case_that_comes_back_keeps_the_ranking_and_the_reason_that_it_came_with(cast, ranked):
    left = leave(cast)
    other = factories.make_project(cast.manager, "Other").pk
    publish_ranking(
        project=cast.project,
        ranked=[Ranked(case.pk, other, "now", priority=0.5) for case in ranked],
    )
    for again in (leave(cast), claiming.claim_case(reader=cast.annotator, case=left.case)):
        assert (again.case_id, again.reason) == (left.case_id, "why")
        assert (again.ranking_id, again.priority) == (cast.project.pk, 1.0)
