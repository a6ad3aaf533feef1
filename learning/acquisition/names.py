"""The strategies by name and title: what the web needs to know without loading modAL."""

STRATEGY_TITLES = {
    "margin": "Smallest margin",
    "entropy": "Highest entropy",
    "least_confident": "Least confident",
    "power_margin": "Smallest margin, drawn with known chances",
    "stratified_margin": "Smallest margin, rare answers first",
    "random": "Random (control)",
}
"""What can rank from the probabilities of a network alone; a target may choose these today."""

EMBEDDING_STRATEGY_TITLES = {
    "herding": "Stands for many unclear cases",
    "adaptive": "Typical cases first, then smallest margin",
    "typicality": "Typical of what is not labeled yet",
    "rare": "Rare finding",
    "badge": "Uncertain and diverse (BADGE)",
    "core_set": "Unlike anything labeled (core-set)",
}
"""These need embeddings of the cases as well."""

EVIDENCE_STRATEGY_TITLES = {
    "bald": "Members disagree (BALD)",
    "variance": "Widest spread of the predicted number",
    "class_entropy": "Entropy of the mask, class by class",
    "foreground_random": "Random, most slices where a structure shows",
    "boxes": "Uncertain boxes",
}
"""These need members, or components that a network writes for each case."""

# With a network on radiographs it needs half of random's labels, the plain margin no fewer (docs).
_USUAL = "stratified_margin"
_OF_PROBABILITIES = (_USUAL, *(name for name in STRATEGY_TITLES if name != _USUAL), "bald")
STRATEGIES_OF_KIND = {
    "one": _OF_PROBABILITIES,
    "ordinal": (*_OF_PROBABILITIES, "variance"),
    "many": _OF_PROBABILITIES,
    "number": ("variance", "random"),
    "time_to_event": ("variance", "random"),
    # On the hippocampus class by class did not pay (docs).
    "segmentation": ("random", "class_entropy", "foreground_random"),
    "boxes": ("boxes", "random"),
}
"""What a round may rank by, for each kind of target; the first is the default."""

BY_CHANCE = "random"
"""The control, which prefers no case."""

COLD_STARTERS = ("herding", "adaptive", "typicality")
"""These choose without predictions as well."""

NEED_MEMBERS = ("bald", "variance")
"""These compare passes of a network with random dropout."""


ALL_TITLES = STRATEGY_TITLES | EMBEDDING_STRATEGY_TITLES | EVIDENCE_STRATEGY_TITLES

_HEADS_OF_PROBABILITIES = (
    "herding", "adaptive", "stratified_margin", "rare", "typicality", "badge", "core_set", "margin",
    "power_margin", "entropy", "least_confident", "random",
)  # fmt: skip
HEAD_STRATEGIES_OF_KIND = {
    "one": _HEADS_OF_PROBABILITIES,
    "ordinal": _HEADS_OF_PROBABILITIES,
    "many": _HEADS_OF_PROBABILITIES,
    "number": ("herding", "variance", "typicality", "core_set", "random"),
}
"""What a light head on embeddings may rank by, for each kind that has one; the first is the default."""

ALL_CHOICES = list(ALL_TITLES)
HEAD_CHOICES = [*_HEADS_OF_PROBABILITIES, "variance"]


def strategy_with(dropout: float, strategy: str, kind: str) -> str:
    """What a network with so much dropout can rank by.

    Passes without any are all alike, and comparing them orders nothing: then it is the first strategy of
    the kind that compares none.
    """
    if dropout or strategy not in NEED_MEMBERS:
        return strategy
    return next(name for name in STRATEGIES_OF_KIND[kind] if name not in NEED_MEMBERS)
