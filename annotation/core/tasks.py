"""The one way to declare a background task: the message carries ids, the row is the truth."""

from collections.abc import Callable
from typing import Any, TypeVar

from celery import shared_task  # noqa: TID251  this module is the wrapper
from django.db import transaction

F = TypeVar("F", bound=Callable[..., Any])


def task(function: F) -> Any:
    """A short task: acknowledged late, so that a killed worker's message is delivered again."""
    return shared_task(
        ignore_result=True,
        acks_late=True,
        reject_on_worker_lost=True,
        soft_time_limit=540,
        time_limit=600,
    )(function)


def job_task(function: F) -> Any:
    """A long job: acknowledged at once; its row's lease, not the broker, brings it back."""
    return shared_task(ignore_result=True, acks_late=False)(function)


def ring(celery_task: Any, *ids: str) -> None:
    """Publish once the transaction has committed; a lost message is found by the sweeper."""
    transaction.on_commit(lambda: celery_task.apply_async(args=ids, retry=False), robust=True)
