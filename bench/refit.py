"""Seconds from an accepted read to the worklist in the light head's new order, with all that lies between.

python -m config.embedded exec -- python -m bench.refit [--cases 10000,100000] [--labels 500]
    [--kinds one,many,ordinal,number] [--refits 7]

A web server, beat and the default worker run as the supervisor starts them. A reader takes cases and
hands reads in over HTTP. The clock starts when the submission is answered that makes a refit due, at any
moment between two ticks of beat, and ends when the API's worklist begins with what the new head chose;
then the next claim must be served from it. Cases, vectors and the reads before are written as rows.
"""

import argparse
import contextlib
import http.client
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import numpy as np

from bench.setup import fresh_database, make_embedded_cases

GOAL_S = 5.0
EVERY = 5  # reads between two refits
POLL_S, PATIENCE_S = 0.05, 300
GRADES = ("none", "mild", "moderate", "severe")
FINDINGS = ("effusion", "nodule", "pneumothorax", "cardiomegaly", "device")
OPTIONS = {"one": ("no", "yes"), "many": FINDINGS, "ordinal": GRADES, "number": ()}
WORKER = (
    "celery --quiet -A config worker --pool threads --concurrency 4 --queues default"
    " --without-mingle --without-gossip"
)
BEAT = "celery --quiet -A config beat --pidfile= --schedule"


@dataclass(frozen=True)
class Refit:
    """Seconds of the parts of one way from a read to the new order."""

    total: float
    waited: float  # for beat and for the worker to look
    refitted: float  # from the first query to the choice of the front


class Reader:
    """Reads cases over HTTP, as the browser does."""

    def __init__(self, address: str, token: str, answers: dict[str, Any]) -> None:
        self._server = urlsplit(address).netloc
        self._headers = {"Authorization": f"Token {token}", "Content-Type": "application/json"}
        self._answers = answers  # of each case

    def claim(self, project: Any) -> Any:
        return self._call("POST", f"projects/{project.pk}/claim")

    def hand_in(self, read: Any) -> None:
        """Answer a case that was claimed."""
        annotation = read["annotation"]
        body = {"content": {"answers": self._answers[read["case_id"]]}, "active_seconds": 1}
        version = {"If-Match": f'"{annotation["version"]}"'}
        self._call("POST", f"annotations/{annotation['id']}/submission", body, version)

    def worklist(self, project: Any) -> list[str]:
        """The next cases of the worklist."""
        return [one["case_id"] for one in self._call("GET", f"projects/{project.pk}/upcoming")]

    def _call(self, method: str, path: str, body: Any = None, headers: Any = None) -> Any:
        sent = None if body is None else json.dumps(body)
        # One connection a call: the server closes those that were idle for a refit.
        connection = http.client.HTTPConnection(self._server, timeout=PATIENCE_S)
        with contextlib.closing(connection):
            connection.request(
                method, f"/api/v1/{path}", sent, {**self._headers, **(headers or {})}
            )
            response = connection.getresponse()
            said = response.read()
        assert response.status in (200, 201), f"{method} {path}: {response.status} {said[:500]!r}"
        return json.loads(said)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.refit")
    parser.add_argument("--cases", default="10000,100000")
    parser.add_argument("--labels", type=int, default=500)
    parser.add_argument("--refits", type=int, default=7)
    parser.add_argument("--kinds", default=",".join(OPTIONS))
    arguments = parser.parse_args()
    fresh_database()

    from annotation.accounts.services import create_token
    from tests import factories, servers

    person = factories.make_user("reader")
    token = create_token(user=person, lifetime_days=1)[1]
    projects = {}
    for cases in (int(number) for number in arguments.cases.split(",")):
        projects[cases] = make_project(person, cases, arguments.labels)
        print(f"{cases} cases are there", flush=True)
    print("cases     kind       p50     waited  refitted  worst   goal")
    # No claim is an audit, so that each must follow the ranking.
    with services(LEAST_AUDIT_PERCENT="0") as address:
        servers.eventually(lambda: servers.answers(f"{address}/healthz"), "the server answers")
        for cases, (project, answers) in projects.items():
            reader = Reader(address, token, answers)
            for kind in arguments.kinds.split(","):
                found = refits(reader, project, kind, arguments.refits)
                print(f"{cases:<9} {kind:<8} {told(found)}", flush=True)


@contextlib.contextmanager
def services(**options: str) -> Iterator[str]:
    """A web server, whose address this yields, beat and a worker, as the supervisor starts them."""
    from tests import servers

    role = {"FIRSTREAD_PROCESS": "worker", "PYTHONWARNINGS": "ignore"}  # Celery's of being root
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
        address: str = stack.enter_context(servers.web_server(**options))
        for program in (WORKER, f"{BEAT} {folder}/schedule"):
            command = [sys.executable, "-m", *program.split(), "--loglevel", "warning"]
            stack.enter_context(servers.running(command, **role))
        yield address


def make_project(person: Any, cases: int, labels: int) -> tuple[Any, dict[str, Any]]:
    """A project with cases, vectors and some reads; and the answers of every case."""
    from annotation.labeling.models import Case
    from annotation.labeling.services.importing import import_read
    from annotation.labeling.services.projects import publish_schema
    from learning.services import targets
    from learning.services.embeddings import load_space
    from tests import factories

    project = factories.make_project(person, f"{cases} cases")
    _, encoder = make_embedded_cases(project, cases)
    questions = [
        {"key": kind, "label": kind, "kind": kind, "options": [{"key": key} for key in keys]}
        for kind, keys in OPTIONS.items()
    ]
    publish_schema(actor=person, project=project, definition={"questions": questions})
    for kind in OPTIONS:
        targets.create_target(
            actor=None, project=project, question=kind, refit_after=0, retrain_after=0
        )
    space = load_space(encoder)
    answers = dict(zip(map(str, space.cases), answers_of(space.vectors), strict=True))
    waiting = Case.objects.filter(project=project).select_related("project").order_by("shuffle_key")
    for case in waiting[:labels]:
        import_read(reader=person, case=case, content={"answers": answers[str(case.pk)]})
    return project, answers


def answers_of(vectors: np.ndarray) -> list[dict[str, Any]]:
    """Answers to all questions that the vectors (n, d) tell, but for some noise."""
    rng = np.random.default_rng(0)
    seen = vectors @ rng.normal(size=(vectors.shape[1], len(FINDINGS)))
    seen = (seen - seen.mean(axis=0)) / seen.std(axis=0)
    seen += rng.normal(0, 0.3, seen.shape)
    grade = np.digitize(seen[:, 0], [-0.5, 0.5, 1.5])
    return [
        {
            "one": OPTIONS["one"][int(row[0] > 0)],
            "many": [name for name, value in zip(FINDINGS, row, strict=True) if value > 1],
            "ordinal": GRADES[level],
            "number": round(50 + 20 * float(row[0]), 1),
        }
        for row, level in zip(seen, grade, strict=True)
    ]


def refits(reader: Reader, project: Any, kind: str, count: int) -> list[Refit]:
    """Times of some refits of the only target that is refitted meanwhile; the first head is not timed."""
    from django.conf import settings

    from learning.models import Target

    tick_s = settings.CELERY_BEAT_SCHEDULE["refit-due-heads"]["schedule"]
    target = Target.objects.get(project=project, question=kind)
    Target.objects.filter(pk=target.pk).update(refit_after=EVERY)
    until_served(reader, target, after=0)
    waits = np.random.default_rng(0).uniform(0, tick_s, count)
    found = [timed(reader, target, wait_s) for wait_s in waits]
    Target.objects.filter(pk=target.pk).update(refit_after=0)
    return found


def timed(reader: Reader, target: Any, wait_s: float) -> Refit:
    """As many reads as a refit waits for, and the time from the last one to the worklist."""
    last = target.heads.count()
    for _ in range(EVERY - 1):
        reader.hand_in(reader.claim(target.project))
    read = reader.claim(target.project)
    time.sleep(wait_s)
    reader.hand_in(read)
    began, clock = time.monotonic(), time.time()
    head = until_served(reader, target, after=last)
    total = time.monotonic() - began
    served = reader.claim(target.project)["case_id"]
    assert served == first_of(head)[0], "the claim is not served from the new order"
    waited = head.created_at.timestamp() - head.seconds - clock
    return Refit(total, waited, head.seconds)


def until_served(reader: Reader, target: Any, after: int) -> Any:
    """The head that follows number `after`, as soon as the worklist begins with its front."""
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        head = target.heads.filter(number__gt=after).order_by("-number").first()
        if head is not None and reader.worklist(target.project) == first_of(head):
            return head
        time.sleep(POLL_S)
    raise TimeoutError(f"no head followed number {after}, or the worklist is not in its order")


def first_of(head: Any) -> list[str]:
    return [
        str(case) for case in head.picks.order_by("place").values_list("case_id", flat=True)[:2]
    ]


def told(found: list[Refit]) -> str:
    """Medians and the worst, and whether the goal is met."""
    total, waited, refitted = (
        statistics.median(getattr(one, name) for one in found)
        for name in ("total", "waited", "refitted")
    )
    worst = max(one.total for one in found)
    verdict = "pass" if total < GOAL_S else "FAIL"
    return f"{total:6.2f} s  {waited:6.2f} s {refitted:6.2f} s  {worst:6.2f} s  {verdict}"


if __name__ == "__main__":
    main()
