"""What accounts tell people, for other languages (see `core.wording`)."""

SENTENCES = {
    "actions_at_most": "There are at most {most} actions.",
    "password_other": "This is not your present password.",
    "password_short": "A password has at least {least} characters.",
    "password_common": "This password is one that many people use.",
}
