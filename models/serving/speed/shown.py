"""The figures of a benchmark as a table and as a plot."""

from __future__ import annotations

from typing import Any

from models.serving.speed.measure import Figure, Figures

COLUMNS = {
    "first_s": "first word, s",
    "p50_s": "p50, s",
    "p95_s": "p95, s",
    "tokens_s": "tokens/s",
    "decode_tokens_s": "of one reply",
    "memory_mib": "MiB",
}


def table(found: dict[int, dict[str, Figures]], ceiling: float) -> str:
    """Medians with their spread; `ceiling`: the tokens/s of one reply that the memory's bandwidth allows."""
    head = f"{'talks':>5} {'':14}" + "".join(f"{title:>24}" for title in COLUMNS.values()) + f"{'of the ceiling':>16}"
    lines = [head]
    for talks, by in found.items():
        for name, figures in by.items():
            cells = "".join(f"{_cell(figures.get(column)):>24}" for column in COLUMNS)
            alone = figures.get("decode_tokens_s")
            share = f"{alone.median / ceiling:.0%}" if alone and talks == 1 else ""
            lines.append(f"{talks:>5} {name:14}{cells}{share:>16}")
    return "\n".join(lines)


def _cell(figure: Figure | None) -> str:
    if figure is None:
        return "-"
    return f"{figure.median:.4g} ({figure.least:.4g}-{figure.greatest:.4g})"


def plot(found: dict[int, dict[str, Figures]]) -> dict[str, Any]:
    """Tokens/s by number of talks, one line per contender, as a Plotly figure (`plotly.io.from_json`)."""
    names = list(dict.fromkeys(name for by in found.values() for name in by))
    lines = []
    for name in names:
        points = [(talks, by[name]["tokens_s"]) for talks, by in found.items() if name in by]
        medians = [figure.median for _, figure in points]
        lines.append(
            {
                "type": "scatter",
                "name": name,
                "x": [talks for talks, _ in points],
                "y": medians,
                "error_y": {
                    "type": "data",
                    "symmetric": False,
                    "array": [figure.greatest - figure.median for _, figure in points],
                    "arrayminus": [figure.median - figure.least for _, figure in points],
                },
            }
        )
    axes = {"xaxis": {"title": {"text": "talks at once"}, "type": "log"}, "yaxis": {"title": {"text": "tokens/s"}}}
    return {"data": lines, "layout": {"title": {"text": "Tokens of all replies a second"}, **axes}}
