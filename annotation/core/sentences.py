"""What any part of the server tells people of failed work, for other languages (see `wording`)."""

SENTENCES = {
    "disk_full_paused": "The disk of the worker is full: make room, and resume. Nothing is lost.",
    "disk_full": "The disk of the worker is full: make room, and start it again.",
    "worker_died": "The worker died {times} times while it ran this job, and got nowhere.",
    "not_found": "Not found.",
    "no_key": "Set CREDENTIALS_KEY or SECRET_KEY (at least 32 characters) first.",
    "secret_unreadable": "The stored credentials cannot be decrypted: CREDENTIALS_KEY (or SECRET_KEY) is "
    "not the one they were stored with. An operator must enter them again.",
}
