"""Encrypts the few secrets that must be read back: AES-256-GCM under a key derived from settings.

A sealed secret is bound to its context (the row it belongs to): copied into another row it does
not open. A password of a user is never sealed; it is hashed.
"""

import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings

from annotation.core.errors import Conflict, SecretUnreadable

VERSION = b"\x01"
NONCE_BYTES = 12
MIN_KEY = 32
PURPOSE = b"firstread stored credentials v1"


def seal(secret: str, *, context: str) -> bytes:
    """The secret as it may be stored. Raises Conflict where there is no real key to seal it with."""
    if len(settings.CREDENTIALS_KEY) < MIN_KEY or settings.CREDENTIALS_KEY.startswith("insecure"):
        raise Conflict("Set CREDENTIALS_KEY or SECRET_KEY (at least 32 characters) first.")
    nonce = os.urandom(NONCE_BYTES)
    return VERSION + nonce + _cipher().encrypt(nonce, secret.encode(), context.encode())


def unseal(sealed: bytes, *, context: str) -> str:
    """Raises SecretUnreadable where the key or the context is not the one it was sealed with."""
    start = len(VERSION) + NONCE_BYTES
    version, nonce, body = sealed[: len(VERSION)], sealed[len(VERSION) : start], sealed[start:]
    try:
        if version != VERSION:
            raise InvalidTag
        return _cipher().decrypt(nonce, body, context.encode()).decode()
    except InvalidTag:
        raise SecretUnreadable(
            "The stored credentials cannot be decrypted: CREDENTIALS_KEY (or SECRET_KEY) is not "
            "the one they were stored with. An operator must enter them again."
        ) from None


def _cipher() -> AESGCM:
    key = HKDF(algorithm=SHA256(), length=32, salt=None, info=PURPOSE)
    return AESGCM(key.derive(settings.CREDENTIALS_KEY.encode()))
