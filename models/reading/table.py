"""A table of texts and its three formats: aligned for a terminal, Markdown, LaTeX (needs the booktabs package)."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

_LATEX = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    **{sign: f"\\{sign}" for sign in "&%$#_{}"},
}


@dataclass(frozen=True)
class Table:
    """Rows of formatted texts; the first column names the row."""

    title: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...] = ()
    """sentences below the table, e.g. why a figure is missing"""

    def __post_init__(self) -> None:
        for row in self.rows:
            if len(row) != len(self.head):
                raise ValueError(f"{self.title}: a row has {len(row)} cells, the head {len(self.head)}")


def as_text(table: Table) -> str:
    """Columns aligned with blanks; all but the first are right-aligned."""
    lines = [table.head, *table.rows]
    widths = _widths(lines)
    head, *rows = aligned(lines, left={0})
    rule = "-" * (sum(widths) + 2 * (len(widths) - 1))
    return "\n".join([table.title, head, rule, *rows, *table.notes])


def aligned(rows: Sequence[Sequence[str]], left: set[int]) -> list[str]:
    """Rows with aligned columns, those in `left` to the left, the others to the right; short rows end early."""
    widths = _widths(rows)
    put: list[Callable[[str, int], str]] = [str.ljust if at in left else str.rjust for at in range(len(widths))]
    return ["  ".join(put[at](cell, widths[at]) for at, cell in enumerate(row)).rstrip() for row in rows]


def _widths(rows: Sequence[Sequence[str]]) -> list[int]:
    count = max(map(len, rows))
    return [max(len(row[at]) for row in rows if at < len(row)) for at in range(count)]


def as_markdown(table: Table) -> str:
    """A pipe table under a bold title."""

    def line(cells: tuple[str, ...]) -> str:
        return "| " + " | ".join(re.sub(r"([\\|*_`<])", r"\\\1", cell).replace("\n", " ") for cell in cells) + " |"

    rule = "|" + "|".join(["---"] + ["---:"] * (len(table.head) - 1)) + "|"
    notes = ["", *(f"{note}  " for note in table.notes)] if table.notes else []
    return "\n".join([f"**{table.title}**", "", line(table.head), rule, *map(line, table.rows), *notes])


def as_latex(table: Table) -> str:
    """A floating table with booktabs rules; all special characters of LaTeX are escaped."""
    columns = "l" + "r" * (len(table.head) - 1)
    body = [" & ".join(map(latex_text, row)) + r" \\" for row in table.rows]
    notes = [rf"\par\smallskip{{\footnotesize {latex_text(note)}}}" for note in table.notes]
    return "\n".join(
        [
            r"\begin{table}[t]",
            r"\centering",
            rf"\caption{{{latex_text(table.title)}}}",
            rf"\begin{{tabular}}{{{columns}}}",
            r"\toprule",
            " & ".join(map(latex_text, table.head)) + r" \\",
            r"\midrule",
            *body,
            r"\bottomrule",
            r"\end{tabular}",
            *notes,
            r"\end{table}",
        ]
    )


def latex_text(text: str) -> str:
    """`text` escaped so that LaTeX prints it unchanged."""
    return "".join(_LATEX.get(sign, sign) for sign in text.replace("\n", " "))


STYLES: dict[str, Callable[[Table], str]] = {"text": as_text, "markdown": as_markdown, "latex": as_latex}
