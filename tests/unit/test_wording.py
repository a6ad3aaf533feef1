"""Sentences of the server in no language: told by their form, and every form is really written somewhere."""

import ast
import json
import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from rest_framework.exceptions import APIException

from annotation.core import wording
from annotation.core.errors import Conflict, InvalidInput
from annotation.core.problems import problem

ROOT = Path(__file__).parents[2]
# Where the catalogues are checked against these (frontend/tests/problemText.test.ts)
WRITTEN = ROOT / "frontend/tests/serverSentences.json"


def modules() -> list[Path]:
    return [p for package in ("annotation", "learning") for p in (ROOT / package).rglob("*.py")]


def codes_in(path: Path) -> Iterator[str]:
    """The codes of problems in a module: of its classes of errors, and where one is answered by hand."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ClassDef):
            yield from (code_of(line.value) for line in node.body if sets_code(line))
        elif isinstance(node, ast.Call) and getattr(node.func, "id", "") in ("problem", "_answer"):
            yield from (code_of(argument) for argument in node.args[1:2])


def sets_code(line: ast.stmt) -> bool:
    return isinstance(line, ast.Assign) and getattr(line.targets[0], "id", "") == "code"


def code_of(value: ast.expr) -> str:
    return str(value.value) if isinstance(value, ast.Constant) else ""


def all_codes() -> list[str]:
    ours = {code for path in modules() for code in codes_in(path)} - {""}
    framework = {str(kind.default_code) for kind in APIException.__subclasses__()}
    return sorted(ours | framework)


def sentences_in(path: Path) -> Iterator[str]:
    """Every text of a module, with {} for what is filled in."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.JoinedStr):
            yield "".join(
                str(p.value) if isinstance(p, ast.Constant) else "{}" for p in node.values
            )
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield re.sub(r"\{[^{}]*\}", "{}", node.value)


def test_every_form_is_a_sentence_that_some_module_writes() -> None:
    written = {s for p in modules() if p.name != "sentences.py" for s in sentences_in(p)}
    known = {
        code: re.sub(r"\{\w+\}", "{}", sentence)
        for code, sentence in wording.known_sentences().items()
    }
    assert {code: sentence for code, sentence in known.items() if sentence not in written} == {}


def test_the_catalogues_are_checked_against_what_the_server_knows() -> None:
    wanted = {"codes": all_codes(), "sentences": dict(sorted(wording.known_sentences().items()))}
    assert json.loads(WRITTEN.read_text()) == wanted, "bring serverSentences.json up to date"


@pytest.mark.parametrize(
    ("sentence", "words"),
    [
        ("needs an answer", {"code": "answer_needed"}),
        ("must be at least 0.5", {"code": "answer_least", "least": "0.5"}),
        ("Line 3, crp: more than 64 characters.",
         {"code": "table_long", "line": "3", "column": "crp", "most": "64"}),
        ("PACS: Storing failed: it cannot be reached.",
         {"code": "remote_other", "name": "PACS", "what": {"code": "remote_storing"},
          "reason": {"code": "remote_away"}}),
        ("The model cannot look at this case: crp is missing.",
         {"code": "cannot_look", "reason": {"code": "left_out.value_missing", "name": "crp"}}),
        ("The model cannot look at this case: pet: shows 4% of what ct shows of the patient.",
         {"code": "cannot_look",
          "reason": {"code": "left_out.little_overlap", "name": "pet", "share": "4%", "first": "ct"}}),
        ("Something else.", {}),
        (["needs an answer"], {}),
    ],
)  # fmt: skip
def test_a_sentence_is_told_by_its_form(sentence: str, words: wording.Words) -> None:
    assert wording.words_of(sentence) == words


def test_a_job_records_our_sentences_without_their_class_and_others_with_it() -> None:
    assert wording.error_of(Conflict("The read is open already.")) == "The read is open already."
    assert wording.error_of(KeyError("hidden")) == "KeyError: 'hidden'"
    assert wording.words_of_error("KeyError: 'hidden'") == {"code": "unexpected"}
    assert wording.words_of_error("Conflict: The read is open already.") == {"code": "read_open"}
    assert wording.words_of_error("PACS: a sentence that nobody knows") == {}
    assert wording.words_of_error("torch.cuda.OutOfMemoryError: much") == {"code": "unexpected"}
    assert wording.words_of_error("") == {}


@pytest.mark.parametrize(
    "piece", [": ", " failed: ", " is missing", "Line 1, a: ", "x: 1 axes where "]
)
def test_a_long_error_costs_little_and_is_told_from_its_beginning(piece: str) -> None:
    started = time.perf_counter()
    wording.words_of_error(piece * 20_000 + "!")
    assert time.perf_counter() - started < 2
    long = wording.words_of(f"Part 3 of the pool cannot be predicted: {'odd ' * 1000}")
    assert (long["code"], long["number"], long["reason"][-1]) == ("part_failed", "3", "…")


def test_a_problem_says_itself_and_its_fields_in_no_language() -> None:
    error = InvalidInput(
        "The annotation does not fit its questions.", fields={"a": "needs an answer", "b": "odd"}
    )
    body = problem(error.status, error.code, error.detail, **error.extra)
    assert body["words"] == {"code": "read_does_not_fit"}
    assert body["field_words"] == {"a": {"code": "answer_needed"}}
    assert "words" not in problem(409, "conflict", "Something else.")
