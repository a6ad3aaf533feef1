"""From predictions to the order in which cases are labeled."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from annotation.labeling.services.ranking import Ranked
from learning.acquisition import reasons
from learning.acquisition.pool import Labeled, normalized
from learning.acquisition.strategies import STRATEGIES, rank
from learning.models import EMBEDDING_SIZE, Round
from learning.pipeline.base import Foreseen, Kind
from learning.services import embeddings


@dataclass(frozen=True)
class Place:
    """Where a case stands, and why; without a score where the split holds it out."""

    ranked: Ranked
    score: float | None = None
    propensity: float | None = None
    components: dict[str, Any] = field(default_factory=dict)


def ranked(
    round_: Round, kind: Kind, found: Sequence[tuple[Foreseen, bool]], labeled: Labeled
) -> list[Place]:
    """Scores of the training pool; held-out cases are spread evenly, at random, between them.

    Test and validation cases must be labeled too, at their natural rate, and the model's opinion
    of them must not decide which. In the order of `found`.
    """
    rng = np.random.default_rng(round_.seed)
    places: list[Place | None] = [None] * len(found)
    rows = [row for row, (_, is_held_out) in enumerate(found) if not is_held_out]
    scores = np.zeros(0)
    if rows:
        pool = kind.pool([found[row][0] for row in rows])
        vectors = _vectors(round_, [found[row][0].case_id for row in rows])
        ranking = rank(STRATEGIES[round_.strategy], replace(pool, embeddings=vectors), rng, labeled)
        scores = ranking.scores
        for pick in ranking.picks:
            row = rows[pick.row]
            words = reasons.words_of(pick.reason, round_.target.question)
            one = Ranked(found[row][0].case_id, pick.score, pick.reason, words)
            places[row] = Place(one, pick.score, pick.propensity, dict(pick.components))
    for row, (one_case, is_held_out) in enumerate(found):
        if is_held_out:
            chance = float(rng.random())
            spread = float(np.quantile(scores, chance)) if len(scores) else chance
            places[row] = Place(
                Ranked(one_case.case_id, spread, reasons.HELD_OUT, reasons.HELD_OUT.words)
            )
    return [place for place in places if place is not None]


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
