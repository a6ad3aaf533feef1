"""The table: both servers' medians, how many times better ours is, and whether that suffices."""

import csv
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

HEAD = ("section", "measured", "unit", "ours", "Orthanc", "ratio", "target", "")


@dataclass(frozen=True)
class Row:
    """One figure of each server, once per pair; `bound` is what ours may be at most."""

    section: str
    name: str
    unit: str
    ours: list[float]
    theirs: list[float] = field(default_factory=list)
    is_less_better: bool = False
    target: float | None = None
    bound: float | None = None

    @property
    def ratio(self) -> float | None:
        """The median over the pairs of how many times better ours is; above 1 is better."""
        if not self.theirs:
            return None
        pairs = zip(self.ours, self.theirs, strict=True)
        return median((t / o if self.is_less_better else o / t) for o, t in pairs if o and t)

    @property
    def is_met(self) -> bool | None:
        """None where nothing was asked or nothing can be said."""
        if self.bound is not None:
            return median(self.ours) <= self.bound
        if self.target is None or self.ratio is None:
            return None
        return self.ratio >= self.target

    def cells(self) -> tuple[str, ...]:
        wanted = "" if self.target is None else f">= {self.target:g}x"
        if self.bound is not None:
            wanted = f"<= {_number(self.bound)} {self.unit}"
        return (
            self.section, self.name, self.unit, _number(median(self.ours)),
            _number(median(self.theirs)) if self.theirs else "-",
            f"{self.ratio:.2f}" if self.ratio is not None else "-",
            wanted, {True: "pass", False: "FAIL", None: ""}[self.is_met],
        )  # fmt: skip


class Report:
    """Rows in the order in which they were measured; each is shown as soon as it is known."""

    def __init__(self) -> None:
        self.rows: list[Row] = []

    def add(self, row: Row) -> None:
        self.rows.append(row)
        print("  " + "  ".join(cell for cell in row.cells()[1:] if cell), flush=True)

    def print_table(self) -> None:
        table = [HEAD, *(row.cells() for row in self.rows)]
        widths = [max(len(line[n]) for line in table) for n in range(len(HEAD))]
        print("\nratio: how many times better ours is (median over the pairs)\n")
        for line in table:
            aligned = (
                cell.rjust(width) if 3 <= n <= 5 else cell.ljust(width)
                for n, (cell, width) in enumerate(zip(line, widths, strict=True))
            )  # fmt: skip
            print("  ".join(aligned).rstrip())
        missed = [row for row in self.rows if row.is_met is False]
        met = sum(row.is_met is True for row in self.rows)
        print(f"\n{met} targets met, {len(missed)} missed")

    def write_csv(self, path: Path) -> None:
        """The table, with every single figure in the last two columns."""
        with path.open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow([*HEAD[:-1], "verdict", "all of ours", "all of Orthanc"])
            for row in self.rows:
                every = (" ".join(f"{v:.6g}" for v in values) for values in (row.ours, row.theirs))
                writer.writerow([*row.cells(), *every])


def _number(value: float) -> str:
    return f"{value:.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"
