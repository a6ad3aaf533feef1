"""Which cases of a project a reader may be served now, and in which order.

Claims and the look ahead share these conditions, so that what is prefetched is what is served.
"""

from typing import Any
from uuid import UUID

from annotation.accounts.models import User
from annotation.archive.selectors import IS_ARRIVING, quiet_time
from annotation.core.rows import fetch_all
from annotation.labeling.models import Case, Project

# What was returned once and approved since is settled, whatever comes of the read later.
IS_RETURNED = """
    coalesce((SELECT v.verdict = 'return' FROM labeling_revision r
              LEFT JOIN labeling_review v ON v.revision_id = r.id
              WHERE r.annotation_id = a.id ORDER BY r.number DESC LIMIT 1), false)
"""
# Slots are kept for readers whose read was returned and for those whom a manager gave the case,
# unless they hold it, have read it, have skipped it or can read no more.
KEPT_SLOTS = f"""
    SELECT count(*) FROM (
        SELECT a.reader_id FROM labeling_annotation a
        WHERE a.case_id = c.id AND a.state = 'draft' AND {IS_RETURNED}
        UNION SELECT h.reader_id FROM labeling_handover h WHERE h.case_id = c.id
    ) kept
    WHERE kept.reader_id IS DISTINCT FROM %(reader)s
      AND EXISTS (SELECT 1 FROM labeling_membership b JOIN accounts_user u ON u.id = b.user_id
                  WHERE b.project_id = c.project_id AND b.user_id = kept.reader_id AND u.is_active)
      AND NOT EXISTS (SELECT 1 FROM labeling_assignment s WHERE s.case_id = c.id
                      AND s.reader_id = kept.reader_id AND s.state IN ('active', 'submitted'))
      AND NOT EXISTS (SELECT 1 FROM labeling_mark m WHERE m.case_id = c.id
                      AND m.reader_id = kept.reader_id AND m.kind = 'skip')
"""  # noqa: S608  constants
SERVABLE = """
    c.project_id = %(project)s AND c.state = 'open' AND c.free_slots > 0
    AND NOT EXISTS (
        SELECT 1 FROM labeling_annotation a
        WHERE a.case_id = c.id AND a.reader_id = %(reader)s AND a.state <> 'draft')
    AND NOT EXISTS (
        SELECT 1 FROM labeling_mark m
        WHERE m.case_id = c.id AND m.reader_id = %(reader)s AND m.kind = 'skip')
"""
ARRIVING = IS_ARRIVING.format(study="c.study_id")
# Of a study that is still arriving a reader would see a part and answer for the whole.
CLAIMABLE = f"{SERVABLE} AND NOT {ARRIVING}"
# No draft has been handed in, which the index of a reader's reads can tell.
MY_DRAFTS = """
    SELECT a.case_id FROM labeling_annotation a
    WHERE a.reader_id = %(reader)s AND a.state = 'draft' AND a.submitted_at IS NULL
"""
GIVEN_TO_ME = "AND c.id IN (SELECT case_id FROM labeling_handover WHERE reader_id = %(reader)s)"
BEGUN_BY_ME = f"AND c.id IN ({MY_DRAFTS})"
NEW_TO_ME = f"AND c.id NOT IN ({MY_DRAFTS})"
# Whoever got it another way may have seen what a model suggests; the label is what all its readers agree on.
NEVER_SERVED_BUT_AS_AUDIT = """
    AND NOT EXISTS (SELECT 1 FROM labeling_assignment s
                    WHERE s.case_id = c.id AND s.selection <> 'control')
"""
DRAWABLE = NEW_TO_ME + NEVER_SERVED_BUT_AS_AUDIT
NOT_HELD_BY_ME = """
    AND c.id NOT IN (SELECT s.case_id FROM labeling_assignment s WHERE s.project_id = %(project)s
                     AND s.reader_id = %(reader)s AND s.state = 'active')
"""
BY_RANK = "c.front DESC, c.priority DESC, c.shuffle_key"
# What a reviewer has returned, then what was begun first.
BY_BEGINNING = f"""
    (SELECT row(NOT {IS_RETURNED}, a.created_at)
     FROM labeling_annotation a WHERE a.case_id = c.id AND a.reader_id = %(reader)s)
"""  # noqa: S608  constants
COMING = """
SELECT c.id FROM labeling_case c
WHERE {claimable} {among} {not_held} AND c.free_slots > ({kept})
ORDER BY {order} LIMIT %(count)s
"""


def _coming(*, among: str, order: str) -> str:
    return COMING.format(
        claimable=CLAIMABLE, among=among, not_held=NOT_HELD_BY_ME, kept=KEPT_SLOTS, order=order
    )


IN_TURN = (
    _coming(among=GIVEN_TO_ME, order=BY_RANK),
    _coming(among=BEGUN_BY_ME, order=BY_BEGINNING),
    _coming(among="", order=BY_RANK),
)


COUNT_ARRIVING = "SELECT count(*) FROM labeling_case c WHERE {servable} AND {arriving}"


def values_of(*, reader: User, project: Project) -> dict[str, Any]:
    """What the conditions ask for."""
    return {"project": project.pk, "reader": reader.pk, "quiet": quiet_time()}


def count_arriving(*, reader: User, project: Project) -> int:
    """The cases that wait for this reader until nothing more of their studies comes."""
    statement = COUNT_ARRIVING.format(servable=SERVABLE, arriving=ARRIVING)
    [[count]] = fetch_all(statement, values_of(reader=reader, project=project))
    return int(count)


def find_upcoming(*, reader: User, project: Project, count: int) -> list[Case]:
    """What the reader would be served next, but for audits, without claiming it: for prefetching."""
    values = values_of(reader=reader, project=project) | {"count": count}
    found: dict[UUID, None] = {}  # in order, each once
    for statement in IN_TURN:
        found |= dict.fromkeys(pk for (pk,) in fetch_all(statement, values))
        if len(found) >= count:
            break
    first = list(found)[:count]
    cases = Case.objects.select_related("study", "project").in_bulk(first)
    return [cases[pk] for pk in first]
