"""What a row of the bench gives, and how two things are measured beside each other."""

import statistics
from dataclasses import dataclass, field


class Spoiled(Exception):
    """A run measured something else than it should have: a wrong answer, a write that was not synced."""


@dataclass
class Check:
    """One figure that the issue wants reached."""

    what: str
    value: float
    sign: str  # "≥" or "≤"
    target: float
    unit: str = ""

    @property
    def passed(self):
        return self.value >= self.target if self.sign == "≥" else self.value <= self.target

    def text(self):
        return f"{self.what} {figure(self.value)}{self.unit} ({self.sign} {figure(self.target)}{self.unit})"


@dataclass
class Outcome:
    """Of one row. `ours` and `limit` are one figure a run, in the order in which they were measured."""

    unit: str
    ours: list
    limit: list
    checks: list
    details: dict = field(default_factory=dict)
    commands: list = field(default_factory=list)


@dataclass
class Row:
    """`measure(lab)` gives the Outcome. Rows that are `full` run only when named or with --full."""

    name: str
    work: str
    limit: str
    measure: object
    full: bool = False


@dataclass
class Growth:
    """How a cost grows. `measure(lab)` gives x and, by name, what was measured at each x."""

    name: str
    work: str
    x_title: str
    y_title: str
    measure: object
    full: bool = False
    log_x: bool = False
    log_y: bool = False


def figure(value):
    """Three digits that mean something, and no more zeros than needed."""
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}"


def alternate(runs, limit, ours):
    """limit, ours, limit, ours …: what else the machine does then meets both alike."""
    results = ([], [])
    for _ in range(runs):
        results[0].append(limit())
        results[1].append(ours())
    return results


def medians(runs, names):
    """Of some figures of each run."""
    return {name: statistics.median(run[name] for run in runs) for name in names}


def ratio(ours, limit):
    return statistics.median(ours) / statistics.median(limit)
