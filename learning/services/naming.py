"""What people call targets and model versions: by the labels of the schema, in no language of ours."""

from annotation.labeling.models import LabelSchema
from annotation.labeling.services.projects import current_schema
from learning.kinds import Wish, labels_of
from learning.models import ModelVersion, Target


def labels_of_target(target: Target) -> list[str]:
    """The question's label; of a time to an event also event and answer; the labels of what is drawn."""
    return labels_in(target, current_schema(target.project))


def labels_in(target: Target, version: LabelSchema | None) -> list[str]:
    """The same in this version of the schema."""
    wish = Wish(target.kind, target.question, target.options)
    return list(labels_of(wish, version.schema if version else None))


def origin_of(target: Target) -> str:
    """Who suggests and asks, over all versions of the target's model."""
    return f"target {target.pk}"


def name_of_version(version: ModelVersion) -> str:
    """As suggestions and records name it: "Nodule? #3"."""
    target = version.target
    return f"{', '.join(labels_of_target(target)) or target.name} #{version.number}"
