"""Many at once, and processes killed at every step: one truth, no row without its file."""

import signal
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from django.utils import timezone

from annotation.accounts.services import create_token
from annotation.archive.models import Instance, PreparedFrames, Series, SeriesPreparation, Study
from annotation.archive.services import preparation
from annotation.archive.services.garbage import collect_garbage
from annotation.archive.services.ingest import ingest
from annotation.core.jobs import JobState
from annotation.dicomweb.dicomjson import join_for_preparation
from annotation.labeling.models import Case
from tests import factories, servers
from tests.dicomweb import crash, wire
from tests.dicomweb.wire import Root, changed, place_of, read, reasons


def at_once(root, bodies, session_of, user):
    """Every body on a connection of its own, all at the same time."""
    roots = [Root(root.url, session_of(user)) for _ in bodies]
    with ThreadPoolExecutor(len(bodies)) as pool:
        return list(pool.map(lambda pair: pair[0].store(*pair[1]), zip(roots, bodies, strict=True)))


def test_of_two_contents_under_one_uid_one_wins_and_the_rest_are_told(root, live_cast, session_of):
    first = factories.make_dicom("a")
    second = changed(first, lambda dataset: setattr(dataset, "StudyDescription", "another"))
    bodies = [[first] if n % 2 else [second] for n in range(50)]
    answers = at_once(root, bodies, session_of, live_cast.manager)
    assert Counter(a.status_code for a in answers) == {200: 25, 409: 25}
    refused = {reason for a in answers if a.status_code == 409 for reason in reasons(a)}
    assert refused == {"Another content is stored under this SOP Instance UID."}
    stored = Instance.objects.get()
    winners = {body[0] for body, a in zip(bodies, answers, strict=True) if a.status_code == 200}
    assert winners == {stored.path.read_bytes()}
    study = Study.objects.get()
    assert (study.number_of_instances, study.number_of_series) == (1, 1)
    assert Case.objects.count() == 1


def one_study(connections, files_each):
    """Files of one new study for every connection: a series and a modality of its own."""
    ct = [read(data) for data in factories.make_ct("shared", slices=files_each)]
    bodies = []
    for connection in range(connections):
        body = []
        for number, dataset in enumerate(ct):
            dataset.SeriesInstanceUID = f"1.2.{connection + 1}"
            dataset.SOPInstanceUID = f"1.2.{connection + 1}.{number + 1}"
            dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
            dataset.Modality = ("CT", "MR", "PT")[connection % 3]
            body.append(written(dataset))
        bodies.append(body)
    return bodies


def written(dataset):
    import io

    out = io.BytesIO()
    dataset.save_as(out)
    return out.getvalue()


def test_eight_connections_into_one_new_study_count_right(root, live_cast, session_of):
    bodies = one_study(8, 6)
    rng = np.random.default_rng(0)
    mixed = [[*bodies[n], *bodies[(n + 1) % 8]] for n in range(8)]  # each file comes twice
    for body in mixed:
        rng.shuffle(body)
    answers = at_once(root, mixed, session_of, live_cast.manager)
    assert [a.status_code for a in answers] == [200] * 8
    study = Study.objects.get()
    assert (study.number_of_series, study.number_of_instances) == (8, 48)
    assert study.modalities == ["CT", "MR", "PT"]
    assert set(Series.objects.values_list("number_of_instances", flat=True)) == {6}
    assert Instance.objects.count() == 48
    assert Case.objects.count() == 1


@pytest.fixture
def token(live_cast):
    return create_token(user=live_cast.manager, lifetime_days=1)[1]


def dies(step, *arguments):
    command = [sys.executable, "-m", "tests.dicomweb.crash", step, *arguments]
    with servers.running(command) as process:
        assert process.wait(60) == -signal.SIGKILL, f"not killed after: {step}"


def blobs(settings):
    return {p.name for p in Path(settings.BLOB_ROOT).rglob("*") if p.is_file()}


STORE_STEPS = [step for step in crash.STEPS if not step.startswith("prepared")]


@pytest.mark.parametrize("step", STORE_STEPS)
def test_killed_at_any_step_of_a_store_no_row_lacks_its_file_and_a_retry_works(
    step, live_cast, token, tmp_path, settings, session_of, client_of
):
    data = factories.make_ct("crash", slices=3)
    body = tmp_path / "body"
    body.write_bytes(wire.body_of(*data))
    url = f"/dicomweb/projects/{live_cast.project.pk}/studies"
    dies(step, url, token, wire.STORE_TYPE, str(body))
    expected = 3 if step == "committed" else 0
    assert Instance.objects.count() == expected
    assert Study.objects.count() == Case.objects.count() == bool(expected)
    assert all(i.path.exists() for i in Instance.objects.all())
    collect_garbage(also_referenced=[], min_age_s=-1)
    assert blobs(settings) == set(Instance.objects.values_list("sha256", flat=True))
    assert list(Path(settings.INCOMING_ROOT).glob("*")) == []
    root = Root(url.removesuffix("/studies"), client_of(live_cast.manager))
    assert root.store(*data).status_code == 200
    assert Study.objects.get().number_of_instances == 3
    assert {i.path.read_bytes() for i in Instance.objects.all()} == set(data)


def prepare():
    return preparation.prepare_due(join_metadata=join_for_preparation, budget_s=60)


@pytest.fixture
def arriving(live_cast, monkeypatch):
    """A CT series of which four slices have come; the fifth is on its way."""
    monkeypatch.setattr(preparation, "QUIET_S", 0)
    files = factories.make_ct("arriving")
    for data in files[:4]:
        ingest(collection=live_cast.project.collection, chunks=[data])
    return files


def test_an_arrival_while_a_series_is_prepared_makes_it_due_again(arriving, live_cast):
    def join_while_one_arrives(series):
        joined = join_for_preparation(series)
        ingest(collection=live_cast.project.collection, chunks=[arriving[4]])
        return joined

    preparation.prepare_due(join_metadata=join_while_one_arrives, budget_s=60)
    job = SeriesPreparation.objects.get()
    assert job.state == JobState.PENDING
    assert job.revision != job.metadata_revision
    assert prepare() == 1
    job.refresh_from_db()
    assert (job.state, job.metadata_revision) == (JobState.COMPLETED, job.revision)
    assert PreparedFrames.objects.exclude(sha256="").count() == 5


def test_metadata_is_complete_whenever_it_is_asked_for(root, live_cast, monkeypatch):
    """Arrivals, preparation and reads at once: a read never misses what a store has answered."""
    monkeypatch.setattr(preparation, "QUIET_S", 0)
    files = factories.make_ct("mixed", slices=12)
    series = place_of(read(files[0])).rpartition("/instances")[0]
    with ThreadPoolExecutor(1) as pool:
        for number, data in enumerate(files, 1):
            assert root.store(data).status_code == 200
            preparing = pool.submit(prepare_and_hang_up)
            assert len(root.get(f"{series}/metadata").json()) == number
            preparing.result(60)
            assert len(root.get(f"{series}/metadata").json()) == number


def prepare_and_hang_up():
    from django.db import connection

    try:
        prepare()
    finally:
        connection.close()


@pytest.mark.parametrize("step", [s for s in crash.STEPS if s.startswith("prepared")])
def test_a_killed_preparation_is_taken_up_where_it_stopped(step, arriving, settings):
    dies(step)
    job = SeriesPreparation.objects.get()
    assert job.state == JobState.RUNNING
    done = PreparedFrames.objects.count()
    assert done == (1 if step == "prepared one instance" else 4)
    assert prepare() == 0, "its lease still holds"
    past = timezone.now() - timedelta(seconds=1)
    SeriesPreparation.objects.update(lease_expires_at=past)
    assert prepare() == 1
    job.refresh_from_db()
    assert job.state == JobState.COMPLETED
    assert PreparedFrames.objects.exclude(sha256="").count() == 4
    collect_garbage(also_referenced=[], min_age_s=-1)
    kept = {*Instance.objects.values_list("sha256", flat=True), job.metadata_sha256, job.thumbnail_sha256,
            *PreparedFrames.objects.values_list("sha256", flat=True)}  # fmt: skip
    assert blobs(settings) == kept
