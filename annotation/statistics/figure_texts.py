"""One way to write a figure and its interval, in tables, figures and sentences: "52.0 (41.2 to 62.6)"."""

from __future__ import annotations

from annotation.statistics.intervals import Estimate


def number(value: float, digits: int) -> str:
    """The rounded value; a value that rounds to zero has no sign.

    >>> number(-0.001, 2)
    '0.00'
    """
    return f"{value:z.{digits}f}"


def with_interval(value: float, low: float | None, high: float | None, digits: int) -> str:
    """The value and, if known, its interval."""
    if low is None or high is None:
        return number(value, digits)
    return f"{number(value, digits)} ({number(low, digits)} to {number(high, digits)})"


def figure(estimate: Estimate, digits: int = 1) -> str:
    """A figure with its interval; "none" if there is no figure."""
    return "none" if estimate.value is None else with_interval(estimate.value, estimate.low, estimate.high, digits)
