"""What a sentence of the server says in no language, told by its form (decision 0068).

Sentences for people stay English where they are raised, logged and stored; some come from another worker
or a child process as text. Each package registers the forms of those that screens say in another language.
"""

import re
from collections.abc import Mapping
from typing import Any

Words = dict[str, Any]
# The name of an exception before what it says: of rows written before jobs left it out
_CLASS = re.compile(r"[A-Za-z_]\w*(?:\.\w+)*: ")
_OURS = ("annotation.", "learning.", "config.")
_NESTED = ("reason", "what")  # values that are sentences themselves
_forms: dict[str, re.Pattern[str]] = {}
_sentences: dict[str, str] = {}


def register(sentences: Mapping[str, str]) -> None:
    """Make the forms known, each under its code: "at most {most} studies" has the value `most`."""
    _sentences.update(sentences)
    # The most particular first: "Line {line}: {why}." would take much that has a form of its own.
    ordered = sorted(_sentences.items(), key=lambda one: -len(re.sub(r"\{\w+\}", "", one[1])))
    _forms.clear()
    _forms.update({code: _form(sentence) for code, sentence in ordered})


def known_sentences() -> Mapping[str, str]:
    return _sentences


def words_of(sentence: str) -> Words:
    """{"code": …, and its values}; {} where the form is not known. Some values are in words too."""
    for code, form in _forms.items():
        if found := form.fullmatch(sentence):
            return {"code": code} | {name: _value(name, v) for name, v in found.groupdict().items()}
    return {}


def error_of(error: Exception) -> str:
    """What a job records of its failure: our own errors are sentences, others go by their class."""
    is_ours = type(error).__module__.startswith(_OURS)
    return str(error) if is_ours and str(error) else f"{type(error).__name__}: {error}"


def words_of_error(error: str) -> Words:
    """The same of what a job has recorded; what no person was meant to read has the code `unexpected`."""
    if found := words_of(error):
        return found
    named = _CLASS.match(error)
    if named is None:
        return {}
    return words_of(error[named.end() :]) or {"code": "unexpected"}


def _value(name: str, value: str) -> Any:
    return (words_of_error(value) or value) if name in _NESTED else value


def _form(sentence: str) -> re.Pattern[str]:
    parts = re.split(r"\{(\w+)\}", sentence)
    named = [re.escape(p) if n % 2 == 0 else f"(?P<{p}>.+)" for n, p in enumerate(parts)]
    return re.compile("".join(named) + r"\.?", re.DOTALL)  # some are given a full stop later
