"""Which cases a round left out and why, for its record: how many, by reason, with some of each.

A reason is the English sentence of whoever refused the case, in some places another worker or a child
process. Here it is told by its form what it says in no language, as decision 0056 has it of rankings.
"""

from collections import defaultdict
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from annotation.core.wording import Forms

Json = dict[str, Any]
SAMPLE = 50  # cases that are named at all
CASES_PER_REASON = 10
MOST_REASONS = 30  # some name numbers; the others are summed up
SENTENCES = {
    "no_image": "no image that can be rendered",
    "file_missing": "a stored file is not on this machine",
    "disagree": "the readers do not agree",
    "no_answer": "the question has no answer",
    "unassessed": "the readers say that it cannot be assessed",
    "old_answer": "the answer is no longer one of the question's",
    "no_time": "the time is not above 0",
    "no_event": "whether the event happened has no answer",
    "no_series": "{name}: no series fits",
    "empty": "{name}: the image is empty",
    "axes": "{name}: {have} axes where {need} are needed",
    "spacing": "{name}: the spacing {spacing} mm cannot be right",
    "pixel_size": "{name}: how large its pixels are is not known",
    "not_numbers": "{name}: the image holds values that are not numbers",
    "constant": "{name}: every pixel has the same value",
    "few_slices": "{name}: {have} slices are too few, {need} are needed",
    "resampled": "resampling would make {sides} voxels; the spacing cannot be right",
    "cropped": "{name}: nothing is left inside the crop and the percentiles",
    "other_frame": "{name}: lies in another frame of reference than {first}",
    "little_overlap": "{name}: shows {share} of what {first} shows of the patient",
    "no_volume": "{name}: the series is no volume: {why}",
    "no_frames": "the series has no images",
    "too_large": "the series has {have} million voxels; at most {most} million can be looked at",
    "in_colour": "the images are in colour",
    "misfit": "the pixels are not as many as the header of their file says",
    "value_missing": "{name} is missing",
    "value_unknown": "{name} is none of its categories",
    "value_no_number": "{name} is no number",
    "mask_elsewhere": "the mask {mask} does not lie on the image {image}",
    "nothing_drawn": "nothing is drawn on what the network sees of the series",
    "mask_size": "the mask has another size than the images",
    "mask_unseen": "masks lie only on images that the network does not see",
    "several_images": "boxes are learned from studies with one image",
    "no_size": "the image does not say how large it is",
    "box_outside": "a box lies outside of what the network sees of the series",
    "box_unseen": "a box lies on an image that the network does not see",
    "label_later": "{name}: could not be drawn yet when the case was read",
    "outgrown": "more images have come since the case was read",
    "others": "other reasons",
}


_forms = Forms(SENTENCES)
words_of = _forms.words_of  # the sentence in no language; {} where it is only a sentence


def summary_of(excluded: Mapping[UUID, str]) -> Json:
    """The entries of a round's metrics that tell of its exclusions; counts are of all of them."""
    cases_of: dict[str, list[str]] = defaultdict(list)
    for case, reason in excluded.items():
        cases_of[reason].append(str(case))
    ordered = sorted(cases_of.items(), key=lambda one: (-len(one[1]), one[0]))
    shown, rest = (
        ordered[:MOST_REASONS],
        [case for _, cases in ordered[MOST_REASONS:] for case in cases],
    )
    if rest:
        shown.append((SENTENCES["others"], rest))
    return {
        "excluded": [
            {"case": str(case), "reason": why} for case, why in list(excluded.items())[:SAMPLE]
        ],
        "excluded_count": len(excluded),
        "excluded_reasons": [
            {
                "reason": reason, "words": words_of(reason), "count": len(cases),
                "cases": cases[:CASES_PER_REASON],
            }
            for reason, cases in shown
        ],
    }  # fmt: skip
