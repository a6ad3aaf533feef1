"""What a model learns: how answers become arrays, outputs become predictions, and the loss."""

from typing import Any

from learning.training.tasks.base import (
    InvalidLabel,
    InvalidTask,
    Labels,
    Metric,
    Task,
    Unlearnable,
    Weighting,
)
from learning.training.tasks.classification import ManyAnswers, OneAnswer, OrdinalGrade
from learning.training.tasks.numbers import Number, TimeToEvent
from learning.training.tasks.segmentation import Segmentation

__all__ = [
    "TASKS", "InvalidLabel", "InvalidTask", "Labels", "ManyAnswers", "Metric", "Number",
    "OneAnswer", "OrdinalGrade", "Segmentation", "Task", "TimeToEvent", "Unlearnable",
    "Weighting", "task_from_json",
]  # fmt: skip

# A further kind (boxes) is one more class with the methods of Task, named here.
TASKS: dict[str, type[Task]] = {
    task.kind: task
    for task in (OneAnswer, ManyAnswers, OrdinalGrade, Number, TimeToEvent, Segmentation)
}


def task_from_json(value: dict[str, Any]) -> Task:
    """The task of `Task.as_json`. Raises InvalidTask naming the field."""
    kind = value.get("kind") if isinstance(value, dict) else None
    if not isinstance(kind, str) or kind not in TASKS:
        raise InvalidTask(f"kind: {kind!r} is none of {', '.join(TASKS)}")
    return TASKS[kind].from_json({k: v for k, v in value.items() if k != "kind"})
