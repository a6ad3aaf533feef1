"""PURE. A model card as Markdown."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

Card = Mapping[str, Any]


def as_markdown(card: Card) -> str:
    """The card of `model_cards.model_card` as a document that reads without the product."""
    model, learns = card["model"], card["learns"]
    parts = [
        f"# Model {model['number']} of {_said(learns['question'])}",
        f"Project {_said(card['project'])}, {model['state']}, trained {model['created_at'][:10]}, "
        f"answers: {_said(', '.join(learns['classes']) or learns['kind'])}.",
        f"It sees {_said(', '.join(['the image', *learns['columns']]))}.",
        _said(card["use"]),
        "## Limits\n\n" + "\n".join(f"- {_said(limit)}" for limit in card["limits"]),
        "## Figures\n\n" + _figures(card["figures"]),
        "## Subgroups\n\n" + _subgroups(card["subgroups"]),
        "## Against the model in production when it was trained\n\n"
        + _evidence(card["against_production"]),
        "## What it learned from\n\n" + _dataset(card["learned_from"]),
        "## How it was trained\n\n" + _training(model, card["training"], card["origin"]),
    ]
    if card["unlabeled"]:
        parts.append("## Images without labels\n\n" + _unlabeled(card["unlabeled"]))
    return "\n\n".join(parts) + "\n"


def _figures(figures: Card) -> str:
    rows = [
        (name, _number(value["value"]), _interval(value))
        for name, value in figures.items()
        if _is_estimate(value)
    ]
    counts = f"{figures.get('n', 0)} test cases of {figures.get('patients', 0)} patients."
    decides = figures.get("metric", {}).get("name", "")
    text = f"{counts} {decides} decides between models." if decides else counts
    if (called_from := figures.get("threshold")) is not None:
        text += f" The second answer is called from {_number(called_from)} on, as validation chose."
    tables = [_table(("figure", "value", "95 % interval"), rows)] if rows else []
    labels = _labels(figures.get("labels", []), figures.get("thresholds", []))
    return "\n\n".join([text, *tables, *labels])


def _labels(labels: Sequence[Card], thresholds: Sequence[float]) -> Iterable[str]:
    """Where each is called from is told if every one has a threshold."""
    if not labels:
        return
    names = [name for name, value in labels[0].items() if _is_estimate(value)]
    called = [[_number(one)] for one in thresholds] if len(thresholds) == len(labels) else []
    head = ("finding or structure", "cases with it", *(["called from"] if called else []), *names)
    rows = [
        (one["name"], one["positives"], *own, *(_with_interval(one[name]) for name in names))
        for one, own in zip(labels, called or [[]] * len(labels), strict=True)
    ]
    yield _table(head, rows)


def _subgroups(report: Card | None) -> str:
    if not report or not report["groups"]:
        return "None is large enough to be told."
    rows = [
        (
            row["group"]["attribute"], row["group"]["value"], row["patients"],
            _with_interval(row["group"]["estimate"]), _with_interval(row["group"]["gap"]),
            _told_of_gap(row),
        )
        for row in report["groups"]
    ]  # fmt: skip
    head = ("by", "group", "patients", report["figure"], "gap to the others", "")
    return (
        _table(head, rows)
        + "\n\nA gap is called worse where it is more than chance (Holm, 5 %). Too few: not enough "
        "patients have the rarer answer, in the group or beside it, to tell."
    )


def _told_of_gap(row: Card) -> str:
    if row["is_worse"]:
        return "**worse**"
    group = row["group"]
    return "too few" if group["p"] is None and group["gap"]["value"] is not None else ""


def _evidence(evidence: Card) -> str:
    if not evidence:
        return "Not compared."
    if evidence["against"] is None:
        return f"Verdict: {evidence['verdict']}."
    return (
        f"Verdict: {evidence['verdict']}, against model {evidence['against']}: "
        f"{evidence['metric']} better by {_with_interval(evidence['difference'])} on the "
        f"{evidence['n']} cases of {evidence['patients']} patients that both were tested on."
    )


def _dataset(dataset: Card | None) -> str:
    if dataset is None:
        return "Not known."
    splits = [(s["split"], s["cases"], s["patients"]) for s in dataset["splits"]]
    facts = [
        ("dataset", f"{dataset['number']}, frozen {dataset['frozen_at'][:10]}"),
        ("its SHA-256", f"`{dataset['sha256']}`"),
        ("version of the questions", dataset["schema_version"]),
        ("reads", f"{dataset['reads']}, SHA-256 `{dataset['reads_sha256']}`"),
        ("instances", f"{dataset['instances']}, SHA-256 `{dataset['instances_sha256']}`"),
    ]
    return _table(("split", "cases", "patients"), splits) + "\n\n" + _table(("", ""), facts)


def _training(model: Card, training: Card | None, origin: str) -> str:
    if training is None:
        weights = f"SHA-256 of the weights `{model['weights_sha256']}`"
        return f"Not here: it was imported from {_said(origin)}; {weights}."
    facts = [
        ("round", f"{training['number']}, {training['trigger']}"),
        ("labels", training["training_labels"]),
        ("began with", _start(training["started_from"])),
        ("strategy", training["strategy"]),
        ("seed", training["seed"]),
        ("code", f"`{training['code_revision']}`"),
        ("device", training["device"]),
        ("SHA-256 of the weights", f"`{model['weights_sha256']}`"),
        *((f"config: {name}", value) for name, value in sorted(training["config"].items())),
    ]
    return _table(("", ""), facts)


def _start(found: Card | None) -> str:
    return f"{found['name']}, SHA-256 `{found['sha256']}`" if found else "random weights"


NOT_TRIED = {
    "few_patients": "too few validation patients to tell whether they help",
    "few_of_rarest": "too few validation patients with the rarest answer to tell whether they help",
    "one_answer": "the validation cases cannot tell whether they help",
    "no_images": "no open case of a training patient could be used",
}


def _unlabeled(found: Card) -> str:
    """What the round's ablation said."""
    method = str(found["method"]).replace("_", " ")
    if found["decision"] in NOT_TRIED:
        return f"Asked for by {method}, not tried: {NOT_TRIED[found['decision']]}."
    tried = f"Tried by {method} with {found['images']} images of {found['patients']} patients."
    if "trouble" in found:
        return f"{tried} Training with them failed ({_said(found['trouble'])}); left off."
    verdict = "They helped" if found["decision"] == "kept" else "They did not help"
    follows = "this model has learned from them" if found["decision"] == "kept" else "left off"
    return (
        f"{tried} {verdict}: {found['figure']} better by {_with_interval(found['difference'])} on the "
        f"{found['n']} validation cases of {found['validation_patients']} patients "
        f"({_number(found['with_images']['value'])} with them, "
        f"{_number(found['without_images']['value'])} in the same training without them); {follows}."
    )


def _table(head: Sequence[Any], rows: Iterable[Sequence[Any]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(_said(cell) for cell in line) + " |" for line in lines)


def _is_estimate(value: Any) -> bool:
    return isinstance(value, dict) and {"value", "low", "high"} <= value.keys()


def _with_interval(estimate: Card) -> str:
    interval = _interval(estimate)
    return _number(estimate["value"]) + (f" ({interval})" if interval else "")


def _interval(estimate: Card) -> str:
    if estimate["low"] is None:
        return ""
    return f"{_number(estimate['low'])} to {_number(estimate['high'])}"


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


def _said(value: Any) -> str:
    """Text that can break neither a table nor the page it is shown on."""
    text = str(value).replace("\n", " ").replace("|", "\\|")
    return text.replace("<", "&lt;")
