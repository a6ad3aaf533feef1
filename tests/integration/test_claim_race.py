"""Many readers at once: no case twice to more readers than asked for."""

import contextlib
import threading
import time
from collections import Counter
from datetime import timedelta
from uuid import UUID

import numpy as np
import pytest
from django.db import connection, transaction
from django.utils import timezone

from annotation.core.errors import Conflict
from annotation.labeling.models import Annotation, Assignment, Case, MarkKind, Project
from annotation.labeling.services import claiming, handovers, marks, reading
from annotation.labeling.services.deletion import hold_cases
from annotation.labeling.services.projects import change_settings
from annotation.labeling.services.ranking import Ranked, publish_ranking, replace_ranking
from tests import factories, servers

READERS = 20


def at_once(work, count):
    """Run `work(number)` in that many threads, each with a connection of its own."""
    barrier = threading.Barrier(count)
    failures = []

    def run(number):
        try:
            barrier.wait()
            work(number)
        except Exception as error:  # noqa: BLE001  reported by the main thread
            failures.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(n,)) for n in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []


@pytest.mark.parametrize("readers_per_case", [1, 3])
def test_twenty_threads_never_share_a_slot(live_cast, readers_per_case):
    project = factories.make_project(live_cast.manager, "Race", readers_per_case=readers_per_case)
    factories.make_empty_cases(project, 60)
    people = [factories.make_user(f"reader{n}") for n in range(READERS)]

    def read_all(number):
        rng = np.random.default_rng(number)
        mine = Project.objects.get(pk=project.pk)
        while assignment := claiming.claim_next(reader=people[number], project=mine, rng=rng):
            annotation = reading.open_annotation(reader=people[number], case=assignment.case)
            reading.submit(
                actor=people[number], annotation=annotation,
                content={"answers": {"nodule": "no"}}, version=annotation.draft_version,
            )  # fmt: skip

    at_once(read_all, READERS)
    per_case = Counter(Assignment.objects.values_list("case_id", flat=True))
    assert set(per_case.values()) == {readers_per_case}
    assert len(per_case) == 60
    assert not Case.objects.filter(project=project).exclude(free_slots=0, state="done").exists()


def test_second_opinions_and_claims_never_lose_or_invent_a_slot(live_cast):
    cases = factories.make_empty_cases(live_cast.project, 3)
    people = [factories.make_user(f"reader{n}") for n in range(READERS)]

    def ask_or_claim(number):
        person, case = people[number], cases[number % len(cases)]
        if number % 2:
            factories.claim(person, live_cast.project, number)
            return
        mark = marks.mark_case(reader=person, case=case, kind=MarkKind.SECOND_OPINION, reason="")
        with contextlib.suppress(Conflict):
            marks.remove_mark(actor=person, mark=mark)

    at_once(ask_or_claim, READERS)
    for case in Case.objects.all():
        assert case.extra_readers == case.marks.count()
        assert case.free_slots + case.assignments.count() == 1 + case.extra_readers


def test_one_reader_in_many_tabs_holds_one_case(live_cast):
    factories.make_empty_cases(live_cast.project, 30)
    held = []

    def claim(number):
        held.append(factories.claim(live_cast.annotator, live_cast.project, number).pk)

    at_once(claim, 10)
    assert len(set(held)) == 1
    assert sum(Case.objects.values_list("free_slots", flat=True)) == 29


def test_fifty_saves_of_one_version_have_one_winner(live_cast):
    from annotation.core.errors import StaleVersion

    factories.make_empty_cases(live_cast.project, 1)
    assignment = factories.claim(live_cast.annotator, live_cast.project)
    annotation = reading.open_annotation(reader=live_cast.annotator, case=assignment.case)
    outcomes = []

    def save(number):
        mine = Annotation.objects.select_related("schema").get(pk=annotation.pk)
        try:
            content = {"answers": {"nodule": ["no", "yes"][number % 2]}}
            reading.save_draft(annotation=mine, content=content, version=1)
            outcomes.append("saved")
        except StaleVersion:
            outcomes.append("stale")

    at_once(save, 50)
    assert Counter(outcomes) == {"saved": 1, "stale": 49}


def test_fifty_stores_of_one_uid_with_two_contents_have_one_winner(live_cast):
    from annotation.archive.models import Instance
    from annotation.archive.services.ingest import ingest
    from annotation.core.errors import InstanceConflict

    first = factories.make_dicom("same")
    contents = [first, first[:-1] + b"\x01"]
    outcomes = []

    def store(number):
        try:
            made = ingest(collection=live_cast.project.collection, chunks=[contents[number % 2]])
            outcomes.append("new" if made.is_new else "repeat")
        except InstanceConflict:
            outcomes.append("conflict")

    at_once(store, 24)
    count = Counter(outcomes)
    assert (count["new"], count["repeat"], count["conflict"]) == (1, 11, 12)
    assert Instance.objects.get().path.exists()


def test_a_claim_waits_for_a_ranking_instead_of_finding_the_worklist_empty(live_cast):
    cases = factories.make_empty_cases(live_cast.project, 5)
    published = threading.Event()
    found = []

    def work(number):
        if number == 0:
            with transaction.atomic():
                ranking = live_cast.project.pk
                ranked = [Ranked(c.pk, ranking, "", priority=0.5) for c in cases]
                publish_ranking(project=live_cast.project, ranked=ranked)
                published.set()
                time.sleep(1)
        else:
            published.wait()
            found.append(factories.claim(live_cast.annotator, live_cast.project))

    at_once(work, 2)
    assert found[0] is not None


def test_two_rankings_of_one_project_wait_for_each_other_in_order(live_cast):
    """Each names the cases the other way round, and one takes places away besides."""
    cases = factories.make_empty_cases(live_cast.project, 40)

    def work(number):
        ordered = cases[::-1] if number % 2 else cases
        publish = replace_ranking if number % 3 else publish_ranking
        for turn in range(5):
            some = ordered[: 25 + turn]
            publish(
                project=live_cast.project,
                ranked=[Ranked(case.pk, UUID(int=number), "", priority=0.5) for case in some],
            )  # fmt: skip

    at_once(work, 6)


def test_reading_goes_on_while_a_dataset_is_frozen(live_cast):
    from annotation.datasets.services import freeze

    factories.make_labeled_cases(live_cast.project, live_cast.reviewer, 2)
    factories.make_empty_cases(live_cast.project, 3)
    frozen, done = threading.Event(), threading.Event()

    def work(number):
        if number == 0:
            with transaction.atomic():
                freeze(project=live_cast.project, name="", actor=None)
                frozen.set()
                assert done.wait(20), "the reader was blocked by the freeze"
        else:
            frozen.wait()
            factories.submit_next(live_cast.annotator, live_cast.project)
            done.set()

    at_once(work, 2)


def test_reading_goes_on_while_a_round_holds_the_cases_that_it_publishes(live_cast):
    project = live_cast.project
    change_settings(actor=live_cast.manager, project=project, requires_review=True)
    cases = factories.make_empty_cases(project, 4)
    held, done = threading.Event(), threading.Event()

    def work(number):
        if number == 0:
            with transaction.atomic():
                hold_cases([case.pk for case in cases])
                held.set()
                done.wait(20)
            return
        held.wait(20)
        with connection.cursor() as cursor:
            cursor.execute("SET lock_timeout = '200ms'")
        try:
            do_what_readers_do(live_cast, cases)
        finally:
            done.set()

    at_once(work, 2)


def do_what_readers_do(people, cases):
    """Everything that locks a case: claims, reads, reviews, marks, handovers, imports."""
    project, reader = Project.objects.get(pk=people.project.pk), people.annotator
    read = factories.submit_next(reader, project)
    read.refresh_from_db()
    reading.review(
        reviewer=people.reviewer, annotation=read, version=read.draft_version, verdict="approve",
        comment="",
    )  # fmt: skip
    held = factories.claim(reader, project).case
    mark = marks.mark_case(reader=reader, case=held, kind=MarkKind.SECOND_OPINION, reason="")
    marks.remove_mark(actor=reader, mark=mark)
    free = next(case for case in cases if case not in (read.case, held))
    given = handovers.give_case(actor=people.manager, case=free, reader_id=people.annotator2.pk)
    handovers.withdraw_case(actor=people.manager, handover=given)
    factories.import_answer(people.annotator2, free, "no")


@pytest.mark.parametrize(
    "end",
    [
        pytest.param(lambda _: claiming.expire_assignments(), id="sweep"),
        pytest.param(lambda lease: claiming.release(assignment=lease), id="release"),
        pytest.param(lambda lease: marks.skip(assignment=lease, reason="Motion"), id="skip"),
    ],
)
def test_who_ends_a_lease_and_waits_for_its_case_does_not_hold_the_lease(live_cast, end):
    factories.make_empty_cases(live_cast.project, 1)
    lease = factories.claim(live_cast.annotator, live_cast.project)
    Assignment.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    meet(
        holds=Case.objects.filter(pk=lease.case_id), wants=Assignment.objects.filter(pk=lease.pk),
        beside=lambda: end(lease),
    )  # fmt: skip
    assert not Assignment.objects.filter(state="active").exists()


def test_an_import_locks_the_read_before_its_case_as_handing_in_does(live_cast):
    [case] = factories.make_empty_cases(live_cast.project, 1)
    lease = factories.claim(live_cast.annotator, live_cast.project)
    read = reading.open_annotation(reader=live_cast.annotator, case=lease.case)
    meet(
        holds=Annotation.objects.filter(pk=read.pk), wants=Case.objects.filter(pk=case.pk),
        beside=lambda: factories.import_answer(live_cast.annotator, case, "no"),
    )  # fmt: skip
    read.refresh_from_db()
    assert read.state == "accepted"


def test_who_takes_a_read_back_locks_cases_as_rankings_do(live_cast):
    small, great = sorted(factories.make_empty_cases(live_cast.project, 2), key=lambda c: c.pk)
    Case.objects.filter(pk=small.pk).update(priority=1)
    read = factories.submit_next(live_cast.annotator, live_cast.project)
    held = factories.claim(live_cast.annotator, live_cast.project)
    assert (read.case_id, held.case_id) == (small.pk, great.pk)
    meet(
        holds=Case.objects.filter(pk=small.pk), wants=Case.objects.filter(pk=great.pk),
        beside=lambda: reading.reopen(actor=live_cast.annotator, annotation=read),
    )  # fmt: skip
    assert Assignment.objects.get(state="active").case_id == small.pk


def meet(*, holds, wants, beside):
    """Lock one row, wait until `beside` has come as far as it can, and lock the other: nobody may hold it."""
    held = threading.Event()

    def work(number):
        if number == 0:
            with transaction.atomic():
                holds.select_for_update(no_key=True).get()
                held.set()
                servers.eventually(somebody_waits, "the other has come as far as the row")
                wants.select_for_update(no_key=True, nowait=True).get()
        else:
            held.wait(20)
            beside()

    at_once(work, 2)


def somebody_waits():
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted")
        return cursor.fetchone()[0] > 0
