"""Asks for maps of what a model looked at, notes who saw them, and clears away the old ones."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import Sum
from django.utils import timezone

from annotation.accounts.models import User
from annotation.core import audit, jobs
from annotation.core.errors import InvalidInput, NotFound
from annotation.core.jobs import UNFINISHED, JobState
from annotation.core.tasks import ring
from annotation.labeling.models import Case
from learning.access import ExplainedCase
from learning.explainable import OF_ANSWERS, methods_of
from learning.kinds import learned_classes
from learning.models import Explanation, ModelVersion, ModelVersionState, Prediction, TargetKind
from learning.services.suggestions import CHOICES, content_of, findings_of

MAX_RUNNING = 1  # with two transfers the default worker keeps a thread for everything short
KEPT_AFTER = timedelta(days=1)  # a map of a model that is no longer in production
YOUNG = timedelta(hours=1)  # a file may belong to a job that is about to name it


@dataclass(frozen=True)
class Explainable:
    """A model in production, what it can be asked, and what it answers of a case."""

    version: ModelVersion
    methods: tuple[str, ...]
    likely: str  # its own answer, as it is suggested; empty where it calls none of its classes


@transaction.atomic
def show_choices(*, user: User, explained: ExplainedCase) -> list[Explainable]:
    """What can be asked about the case; the models' answers in it are noted as shown to this person."""
    found = explainable_models(explained.case)
    answers = {str(one.version.pk): one.likely for one in found if one.likely}
    if answers:
        audit.record(
            actor=user, action="model_answers_shown", target=explained.read or explained.case,
            project_id=explained.case.project_id, answers=answers,
        )  # fmt: skip
    return found


def explainable_models(case: Case) -> list[Explainable]:
    """The production models of the case's project that can explain themselves."""
    versions = ModelVersion.objects.filter(
        target__project=case.project_id, state=ModelVersionState.PRODUCTION
    ).select_related("target")
    predictions = Prediction.objects.filter(case=case, model_version__in=versions)
    values = {one.model_version_id: one.values for one in predictions}
    found = [
        Explainable(
            version,
            methods_of(version.target.kind, version.architecture),
            _likely(version, values.get(version.pk, [])),
        )
        for version in versions.order_by("target__created_at", "pk")
    ]
    return [one for one in found if one.methods]


def _likely(version: ModelVersion, values: list[float]) -> str:
    """What is suggested of these values; of several findings the surest of those that are called."""
    kind, classes = version.target.kind, version.classes
    if not values or len(values) != len(classes):
        return ""
    if kind in CHOICES:
        content = content_of("it", classes, values, version.threshold)
        return str(content["answers"]["it"])
    if kind == TargetKind.MANY:
        learned = learned_classes(version.task, classes)
        called = findings_of("it", classes, values, version.thresholds, learned)["answers"]["it"]
        return max(called, key=lambda name: values[classes.index(name)], default="")
    return ""


@transaction.atomic
def request_explanation(
    *, case: Case, model_version: UUID, method: str, answer: str
) -> Explanation:
    """The map, queued where it is not there: asking twice makes one. Raises InvalidInput."""
    known = {one.version.pk: one for one in explainable_models(case)}
    model = known.get(model_version)
    if model is None:
        raise InvalidInput("Choose a model in production.", field="model_version")
    if method not in model.methods:
        raise InvalidInput(f"Choose one of {', '.join(model.methods)}.", field="method")
    classes = model.version.classes if method in OF_ANSWERS else []
    if answer not in (classes or [""]):
        named = f"one of {', '.join(classes)}" if classes else "no answer"
        raise InvalidInput(f"This needs {named}.", field="answer")
    wish: dict[str, Any] = {
        "model_version": model.version, "case": case, "method": method, "answer": answer,
    }  # fmt: skip
    found, _ = Explanation.objects.select_for_update().get_or_create(**wish)
    if _must_be_made_again(found):
        # A new row counts its own attempts, and a worker that still makes the old one owns nothing.
        found.delete()
        found = Explanation.objects.create(**wish)
    found.used_at = timezone.now()
    found.save(update_fields=["used_at"])
    if found.state in UNFINISHED:
        ring_explanation(found)
    return found


def ring_explanation(explanation: Explanation) -> None:
    from learning.tasks import explain_case

    ring(explain_case, str(explanation.pk))


def run_if_free(explanation_id: str, work: Callable[[Explanation], None]) -> None:
    """Make the map unless another is being made; then it stays pending and is rung later."""
    running = Explanation.objects.filter(
        state=JobState.RUNNING, lease_expires_at__gt=timezone.now()
    ).exclude(pk=explanation_id)
    if running.count() >= MAX_RUNNING:
        return
    jobs.execute(Explanation, explanation_id, work)
    # The newest first: whoever asked last is looking at the case now.
    waiting = Explanation.objects.filter(state=JobState.PENDING).order_by("-used_at").first()
    if waiting is not None:
        ring_explanation(waiting)


def map_path(sha256: str) -> Path:
    return Path(settings.EXPLANATION_ROOT) / sha256[:2] / sha256


def read_map(explanation: Explanation) -> bytes:
    """The bytes of a map that is made. Raises NotFound where it is not, or was cleared away."""
    if not explanation.sha256:
        raise NotFound
    try:
        return map_path(explanation.sha256).read_bytes()
    except FileNotFoundError:
        raise NotFound from None


@transaction.atomic
def note_shown(*, user: User, explained: ExplainedCase, explanation: Explanation) -> None:
    """Record that a person saw the map, on their read where it may have swayed one."""
    Explanation.objects.filter(pk=explanation.pk).update(used_at=timezone.now())
    audit.record(
        actor=user, action="explanation_shown", target=explained.read or explained.case,
        project_id=explained.case.project_id, method=explanation.method,
        answer=explanation.answer, model_version=str(explanation.model_version_id),
    )  # fmt: skip


def collect_explanations() -> int:
    """Delete what is used least, beyond the limit of the cache, and what no row names; returns how many."""
    now = timezone.now()
    ended = Explanation.objects.exclude(state__in=UNFINISHED)
    retired = ended.exclude(model_version__state=ModelVersionState.PRODUCTION)
    for old in retired.filter(used_at__lt=now - KEPT_AFTER).iterator():
        _forget(old)
    held = ended.aggregate(n=Sum("size_bytes"))["n"] or 0
    for old in ended.order_by("used_at").iterator():
        if held <= settings.EXPLANATION_CACHE_BYTES:
            break
        if _forget(old):
            held -= old.size_bytes
    return _remove_unnamed((now - YOUNG).timestamp())


def _forget(old: Explanation) -> bool:
    """Delete the row unless somebody has asked for it or looked at it since it was read."""
    unchanged = Explanation.objects.filter(pk=old.pk, used_at=old.used_at, state=old.state)
    deleted, _ = unchanged.delete()
    return deleted > 0


def _remove_unnamed(oldest: float) -> int:
    named = set(Explanation.objects.exclude(sha256="").values_list("sha256", flat=True))
    removed = 0
    for path in Path(settings.EXPLANATION_ROOT).rglob("*"):
        if path.is_file() and path.name not in named and path.stat().st_mtime < oldest:
            path.unlink(missing_ok=True)
            removed += 1
    return removed


def _must_be_made_again(found: Explanation) -> bool:
    if found.state in (JobState.FAILED, JobState.CANCELLED):
        return True
    return found.state == JobState.COMPLETED and not map_path(found.sha256).exists()
