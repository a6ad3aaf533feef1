"""The tables of the learning engine."""

from learning.models.exchange import BundleExport, BundleImport, CrossValidation
from learning.models.explanations import Explanation, Method
from learning.models.heads import (
    EMBEDDING_SIZE,
    Embedding,
    EncoderKind,
    EncoderVersion,
    HeadPick,
    HeadVersion,
    Outcome,
)
from learning.models.rounds import Promotion, Round, Target, TargetKind, Trigger
from learning.models.scorings import Scoring
from learning.models.seen import SeenStudies
from learning.models.shards import Shard
from learning.models.versions import ModelVersion, ModelVersionState, Prediction, TestResult

__all__ = [
    "EMBEDDING_SIZE",
    "BundleExport",
    "BundleImport",
    "CrossValidation",
    "Embedding",
    "EncoderKind",
    "EncoderVersion",
    "Explanation",
    "HeadPick",
    "HeadVersion",
    "Method",
    "ModelVersion",
    "ModelVersionState",
    "Outcome",
    "Prediction",
    "Promotion",
    "Round",
    "Scoring",
    "SeenStudies",
    "Shard",
    "Target",
    "TargetKind",
    "TestResult",
    "Trigger",
]
