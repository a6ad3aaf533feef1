"""What the estimates say to people: a sentence in English, and words of no language for the screens."""

from typing import Any

SENTENCES = {
    "stable_soon": "{count} more rounds show whether the answers are stable",
    "stable": "Agreement of successive models: {kappa:.3f} at least in the last {rounds} rounds"
    " ({wanted:.2f} wanted)",
    "forecast_soon": "Too few rounds for a forecast",
    "forecast": "{more} more labels: {low:+.1f} to {high:+.1f} points",
    "forecast_r2": "{more} more labels: {low:+.1f} to {high:+.1f} points of R²",
    "forecast_quadratic_kappa": "{more} more labels: {low:+.1f} to {high:+.1f} points of κ",
    "goal_soon": "Nothing is measured yet ({wanted:.3f} wanted)",
    "goal_few": "Measured on too few test patients to be sure: {patients} of at least {least}"
    " ({wanted:.3f} wanted)",
    "goal_rare": "Measured on too few test patients with the rarest answer, structure or event to be sure:"
    " {patients} of at least {least} ({wanted:.3f} wanted)",
    "goal": "95 % sure of {end:.3f} on the locked test ({wanted:.3f} wanted)",
    "goal_of_error": "95 % sure of an error of at most {end:.3g} {unit} on the locked test"
    " ({wanted:.3g} {unit} wanted)",
    "audit_soon": "Too few audited labels yet",
    "audit": "Error of suggestions at most {upper:.1f} % by {count} audited labels"
    " ({tolerated:.1f} % tolerated)",
    "audit_of_number": "Error of suggestions at most {upper:.3g} {unit} by {count} audited labels"
    " ({tolerated:.3g} {unit} tolerated)",
    "classes_soon": "No classes counted yet",
    "classes": "Every answer has {minimum} labels or more",
    "classes_scarce": "Too few labels ({minimum} wanted): {scarce}",
    "audit_of_the_rest": "Audit and locked test are no longer compared: ranking has drawn {share:.0f} % of"
    " the pool ({most:.0f} % at most), and the audit tells the error of the cases still unlabeled",
    "agrees": "Audit and locked test agree: audit error {audit:.1f} %, locked test {test:.1f} %",
    "agrees_of_number": "Audit and locked test agree: audit error {audit:.3g} {unit},"
    " locked test {test:.3g} {unit}",
    "differs": "Audit and locked test differ, look for drift: audit error {audit:.1f} %,"
    " locked test {test:.1f} %",
    "differs_of_number": "Audit and locked test differ, look for drift: audit error"
    " {audit:.3g} {unit}, locked test {test:.3g} {unit}",
}


class Sentence(str):
    """The sentence in English; `words` say the same in no language: {"code": ..., and its values}.

    Shares are in percent or points. `scarce` is {name: labels}.
    """

    words: dict[str, Any]

    def __new__(cls, code: str, **values: Any) -> "Sentence":
        text = SENTENCES[code].format(**{name: _said(value) for name, value in values.items()})
        made = super().__new__(cls, " ".join(text.split()))
        made.words = {"code": code, **values}
        return made


def _said(value: Any) -> Any:
    if isinstance(value, dict):
        return ", ".join(f"{name} {count}" for name, count in value.items())
    return value
