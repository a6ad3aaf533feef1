"""Every real file we have goes through store, query, metadata, frames, rendered and back."""

import csv
import logging
from collections import Counter
from functools import partial

import pytest
from rest_framework.test import APIClient

from annotation.accounts.services import create_token
from tests import factories
from tests.dicomweb import wire
from tests.dicomweb.journey import travel_safely
from tests.dicomweb.wire import Root

STEPS = ("store", "query", "metadata", "bulkdata", "frame", "frame as stored", "frame as HTJ2K",
         "rendered jpeg", "rendered png", "file", "file converted", "reason")  # fmt: skip
ALIKE_FOLDERS = {"series", "dicomdir-fileset"}
ALIKE, MANY = (
    2,
    6,
)  # of the slices of one series the first go through every step, some more through most


@pytest.fixture
def roots(cast):
    """Empty roots one after the other: files with a UID or study in common must not meet.

    As programs do they send a token, of which one statement says who sends it and what they may see.
    """
    client, made = APIClient(), []
    _, secret = create_token(user=cast.manager, lifetime_days=1)
    client.credentials(HTTP_AUTHORIZATION=f"Token {secret}")

    def in_turn():
        yield from made
        while True:
            project = factories.make_project(cast.manager, f"Files {len(made)}")
            made.append(Root(f"/dicomweb/projects/{project.pk}", client))
            yield made[-1]

    return in_turn


def chosen(files):
    """Which files travel, and whether through every step: slices of one series stand for each other."""
    seen = Counter()
    for path in files:
        is_alike = bool(ALIKE_FOLDERS & set(path.parts))
        seen[path.parent] += 1
        if not is_alike or seen[path.parent] <= MANY:
            yield path, not is_alike or seen[path.parent] <= ALIKE


def name_of(path):
    return str(path.relative_to(wire.SHARED)) if path.is_relative_to(wire.SHARED) else path.name


@pytest.mark.timeout(600)
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_every_file_goes_through_or_says_why_not(roots, tmp_path, record_property, capsys, caplog):
    caplog.set_level(logging.CRITICAL)
    own = tmp_path / "own.dcm"
    own.write_bytes(factories.make_dicom("own"))
    journeys = [
        travel_safely(name_of(path), path, roots(), is_thorough=is_thorough)
        for path, is_thorough in chosen([own, *wire.real_files()])
    ]
    report(journeys, tmp_path / "files.csv", partial(record_property, "files"), capsys)
    assert [f"{j.name}: {wrong}" for j in journeys for wrong in j.wrong] == []


def report(journeys, path, record, capsys):
    """One line per file in a CSV, the counts at the end of the run."""
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["path", *STEPS, "wrong"])
        writer.writerows(
            [j.name, *(j.outcome.get(s, "") for s in STEPS), " | ".join(j.wrong)] for j in journeys
        )
    counts = {s: Counter(j.outcome[s] for j in journeys if s in j.outcome) for s in STEPS[:-1]}
    lines = [f"{step:16} {dict(counts[step])}" for step in counts]
    record("\n".join(lines))
    with capsys.disabled():
        print(f"\n{len(journeys)} files, one by one in {path}", *lines, sep="\n")
