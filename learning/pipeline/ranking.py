"""From predictions to the order in which cases are labeled."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from learning.acquisition import reasons
from learning.acquisition.pool import Labeled, normalized, of_classes
from learning.acquisition.strategies import STRATEGIES, rank
from learning.models import EMBEDDING_SIZE, Round
from learning.pipeline.base import Foreseen, Kind
from learning.services import embeddings


@dataclass(frozen=True)
class Place:
    """Where a case stands, and why; without a score where the split holds it out."""

    reason: str
    score: float | None = None
    propensity: float | None = None
    components: dict[str, Any] = field(default_factory=dict)


def ranked(
    round_: Round, kind: Kind, found: Sequence[tuple[Foreseen, bool]], labeled: Labeled,
    learned: Collection[str],
) -> list[Place]:  # fmt: skip
    """Scores of the training pool, in the order of `found`; of held-out cases no model has an opinion.

    Independent labels that are not `learned` decide nothing: the network is not unsure of them, it
    knows nothing.
    """
    rng = np.random.default_rng(round_.seed)
    places = [Place(reasons.HELD_OUT)] * len(found)
    rows = [row for row, (_, is_held_out) in enumerate(found) if not is_held_out]
    if rows:
        pool, labeled = of_classes(kind.pool([found[row][0] for row in rows]), labeled, learned)
        vectors = _vectors(round_, [found[row][0].case_id for row in rows])
        ranking = rank(STRATEGIES[round_.strategy], replace(pool, embeddings=vectors), rng, labeled)
        for pick in ranking.picks:
            places[rows[pick.row]] = Place(
                pick.reason, pick.score, pick.propensity, dict(pick.components)
            )
    return places


def _vectors(round_: Round, cases: Sequence[UUID]) -> NDArray[np.float32] | None:
    """(n, EMBEDDING_SIZE) stored vectors of length 1, by which near copies are kept apart.

    None where the project has no encoder. A case that has no vector points in a direction of its
    own and so resembles no other.
    """
    encoder = embeddings.ready_encoder(round_.target.project)
    if encoder is None:
        return None
    space = embeddings.load_part(encoder, cases)
    rng = np.random.default_rng(round_.seed)
    vectors = normalized(rng.normal(size=(len(cases), EMBEDDING_SIZE)))
    row_of = {case: row for row, case in enumerate(cases)}
    vectors[[row_of[case] for case in space.cases]] = space.vectors
    return vectors
