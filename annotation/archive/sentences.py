"""What the archive tells people of other servers and of itself, for other languages (see `wording`)."""

SENTENCES = {
    "archive_full": "The archive has no space left.",
    "remote_credentials": "{name}: {what} failed: it does not accept the credentials (HTTP {status}).",
    "remote_status": "{name}: {what} failed: it answered HTTP {status}.",
    "remote_malformed": "{name}: {what} failed: the answer is malformed.",
    "remote_other": "{name}: {what} failed: {reason}.",
    "remote_too_many": "{name}: a study has over {most} instances.",
    "remote_too_large": "{name}: an object is larger than {most} MiB.",
    "remote_away": "it cannot be reached",
    "remote_untrusted": "its TLS certificate is not trusted",
    "remote_late": "it did not answer in time",
    "remote_broke_off": "it broke off in the middle of an answer",
    "remote_elsewhere": "it redirects to another address, which is not followed",
    "remote_answer_large": "the answer is too large; narrow the search",
    "remote_listing_series": "Listing the series",
    "remote_listing": "Listing the instances",
    "remote_retrieving": "Retrieving an instance",
    "remote_drawing": "Drawing a preview",
    "remote_searching": "The search",
    "remote_storing": "Storing",
    "other_study": "The instance belongs to another study than the URL.",
}
