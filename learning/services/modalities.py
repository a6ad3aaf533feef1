"""What a target's images are made by, for the recipe that recolours them in training."""

from collections import Counter

from django.db.models import Count

from annotation.archive.models import Series
from annotation.archive.selectors import NON_IMAGE_MODALITIES
from learning.models import Target

RECOLOURED_AS = {
    "CT": "ct", "MR": "mr", "US": "ultrasound", "IVUS": "ultrasound",
    "PT": "mr", "NM": "mr",  # uptake in units that differ by scan, uneven over the field
    "XC": "colour", "ES": "colour", "GM": "colour", "SM": "colour", "OP": "colour",
}  # fmt: skip
USUAL = "radiograph"  # CR, DX, MG, RF, XA, and what nothing is known of


def usual_recolouring(target: Target) -> str:
    """By the modality that the input asks for, else by the one that most series of the project have."""
    asked = [c.get("rule", {}).get("modality", "") for c in target.input.get("channels", [])]
    known = Counter(modality for modality in asked if modality)
    if not known and target.project_id:
        known = Counter(dict(_counts(target)))
    return RECOLOURED_AS.get(known.most_common(1)[0][0], USUAL) if known else USUAL


def _counts(target: Target) -> list[tuple[str, int]]:
    series = Series.objects.filter(study__cases__project=target.project_id)
    return list(
        series.exclude(modality__in=(*NON_IMAGE_MODALITIES, ""))
        .values_list("modality")
        .annotate(count=Count("pk"))
        .order_by("modality")
    )
