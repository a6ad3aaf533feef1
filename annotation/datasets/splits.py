"""PURE. Decides by a keyed hash of the patient which split a case belongs to.

The same patient always lands in the same split, in every dataset of the project and for studies
that arrive later; without the key nobody can predict or steer it.
"""

import hashlib
import hmac

TRAIN, VALIDATION, TEST = "train", "validation", "test"


def patient_key(key: bytes, patient_id: str) -> str:
    """A pseudonym of 16 hex digits that cannot be reversed without the key."""
    return hmac.new(key, b"patient\0" + patient_id.encode(), hashlib.sha256).hexdigest()[:16]


def split_by_hash(key: bytes, pseudonym: str, *, test_share: float, validation_share: float) -> str:
    """The split of a patient: a uniform number in 0..1 from the hash, cut at the shares."""
    digest = hmac.new(key, b"split\0" + pseudonym.encode(), hashlib.sha256).digest()
    place = int.from_bytes(digest[:8], "big") / 2**64
    if place < test_share:
        return TEST
    return VALIDATION if place < test_share + validation_share else TRAIN
