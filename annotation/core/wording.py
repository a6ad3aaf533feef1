"""What a sentence of the server says in no language, told by its form (decision 0068).

Sentences for people stay English where they are raised, logged and stored; some come from another worker
or a child process as text. Each package registers the forms of those that screens say in another language.
"""

import re
from collections.abc import Mapping
from typing import Any

Words = dict[str, Any]
LONGEST = 500  # characters that are looked at: a form with several values tries all places of each
# The name of an exception before what it says: of rows written before jobs left it out
_PREFIX = re.compile(r"[A-Za-z_]\w*(?:\.\w+)*: ")
_CLASS = re.compile(r"[\w.]*(?:Error|Exception|Failure|Timeout|Interrupt): ")
_OURS = ("annotation.", "learning.", "config.")
VALUE = re.compile(r"\{(\w+)\}")
_NESTED = ("reason", "what")  # values that are sentences themselves


class Forms:
    """Sentences by code, and the forms by which they are known again: "at most {most} studies"."""

    def __init__(self, sentences: Mapping[str, str] | None = None) -> None:
        self.sentences: dict[str, str] = {}
        self._patterns: dict[str, re.Pattern[str]] = {}
        self.add(sentences or {})

    def add(self, sentences: Mapping[str, str]) -> None:
        self.sentences.update(sentences)
        ordered = sorted(self.sentences.items(), key=lambda one: _generality(one[1]))
        self._patterns = {code: _pattern(sentence) for code, sentence in ordered}

    def words_of(self, sentence: Any) -> Words:
        """{"code": …, and its values as they stand}; {} where the form is not known, or it is no text."""
        if not isinstance(sentence, str):
            return {}
        text = sentence if len(sentence) <= LONGEST else sentence[:LONGEST] + "…"
        for code, pattern in self._patterns.items():
            if found := pattern.fullmatch(text):
                return {"code": code, **found.groupdict()}
        return {}


_forms = Forms()


def register(sentences: Mapping[str, str]) -> None:
    """Make the forms known, each under its code."""
    _forms.add(sentences)


def known_sentences() -> Mapping[str, str]:
    return _forms.sentences


def words_of(sentence: Any) -> Words:
    """{"code": …, and its values}; {} where the form is not known. Some values are in words too."""
    return {name: _value(name, value) for name, value in _forms.words_of(sentence).items()}


def error_of(error: Exception) -> str:
    """What a job records of its failure: our own errors are sentences, others go by their class."""
    is_ours = type(error).__module__.startswith(_OURS)
    return str(error) if is_ours and str(error) else f"{type(error).__name__}: {error}"


def words_of_error(error: str) -> Words:
    """The same of what a job has recorded; what no person was meant to read has the code `unexpected`."""
    if found := words_of(error):
        return found
    named = _PREFIX.match(error)
    if named and (found := words_of(error[named.end() :])):
        return found
    return {"code": "unexpected"} if _CLASS.match(error) else {}


def _value(name: str, value: str) -> Any:
    return (words_of_error(value) or value) if name in _NESTED else value


def _generality(sentence: str) -> tuple[bool, int]:
    """The most particular form first: "Line {line}: {why}." would take much that has one of its own.

    What begins with a value comes last: it would take the sentence around another for the value.
    """
    return sentence.startswith("{"), -len(VALUE.sub("", sentence))


def _pattern(sentence: str) -> re.Pattern[str]:
    parts = VALUE.split(sentence)
    named = [re.escape(p) if n % 2 == 0 else f"(?P<{p}>.+)" for n, p in enumerate(parts)]
    return re.compile("".join(named) + r"\.?", re.DOTALL)  # some are given a full stop later
