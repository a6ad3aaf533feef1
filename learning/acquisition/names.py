"""The strategies by name and title: what the web needs to know without loading modAL."""

STRATEGY_TITLES = {
    "margin": "Smallest margin",
    "entropy": "Highest entropy",
    "least_confident": "Least confident",
    "random": "Random (control)",
}
