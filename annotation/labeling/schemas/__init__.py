"""PURE. What a label schema asks, and whether an annotation's content satisfies it."""

from annotation.labeling.schemas.answers import Visibility
from annotation.labeling.schemas.content import (
    Places,
    fitting_answers,
    fitting_answers_on_series,
    fitting_proposal,
    missing_in_impression,
    places_in,
    problems_of,
)
from annotation.labeling.schemas.definition import (
    HOTKEYS,
    PALETTE,
    REGION_KINDS,
    RESERVED_HOTKEYS,
    Option,
    Options,
    Question,
    RegionLabel,
    Schema,
    Segment,
)
from annotation.labeling.schemas.hanging import check_presets
from annotation.labeling.schemas.parsing import parse_schema
from annotation.labeling.schemas.raw import InvalidSchema
from annotation.labeling.schemas.units import check_units

__all__ = [
    "HOTKEYS",
    "PALETTE",
    "REGION_KINDS",
    "RESERVED_HOTKEYS",
    "InvalidSchema",
    "Option",
    "Options",
    "Places",
    "Question",
    "RegionLabel",
    "Schema",
    "Segment",
    "Visibility",
    "check_presets",
    "check_units",
    "fitting_answers",
    "fitting_answers_on_series",
    "fitting_proposal",
    "missing_in_impression",
    "parse_schema",
    "places_in",
    "problems_of",
]
