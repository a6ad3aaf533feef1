"""What accounts tell people, for other languages (see `core.wording`)."""

SENTENCES = {
    "actions_at_most": "There are at most {most} actions.",
}
