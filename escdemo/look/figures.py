"""Figures of attention and results: pure functions from plain values to plotly figures.

Every figure has a fixed height (an automatic one collapses in a hidden tab), colours that colour-blind readers can tell
apart (Okabe and Ito; Cividis for ramps) and a second cue beside colour: a pattern, a shape or the value itself.
"""

from __future__ import annotations

import html
import json
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Any

import plotly.graph_objects as go
import plotly.io
from gradio.components.plot import PlotData

from escdemo.look.relation_words import words_for
from escdemo.screening.message_screen import Danger
from models.serving.trace import CometBlock, Trace

SOURCE_COLOURS = {"situation": "#0B4F7A", "post": "#7FBBE3"}
OUTCOME_COLOURS = ("#0072B2", "#BBBBBB", "#D55E00", "#F4F1E6")
OUTCOME_PATTERNS = ("", ".", "/", "x")
OUTCOME_LINES = ("#FFFFFF", "#FFFFFF", "#A34700", "#C9BFA0")
"""colours of the pattern lines; the counts written on them stay readable"""
ROW_CHARS, ROW_HEIGHT = 24, 28
"""for the label of a piece of commonsense: characters per line, and pixels for two lines"""
INK = "#1F2933"
_PALE = "#EBF0F8"
_AXIS = {
    "gridcolor": _PALE,
    "linecolor": _PALE,
    "zerolinecolor": _PALE,
    "zerolinewidth": 2,
    "ticks": "",
    "title": {"standoff": 15},
}
# Lines over the bar's colour. By default Plotly draws the lines alone, and white lines would be invisible.
_PATTERN = {"fillmode": "overlay", "size": 10, "solidity": 0.2}
# Plotly's own template is seven times as large as a figure for a message, and is sent with each one.
plotly.io.templates["escdemo"] = go.layout.Template(
    layout={
        "autotypenumbers": "strict",
        "hovermode": "closest",
        # By default the background has the point's colour, on which text is often hard to read.
        "hoverlabel": {"align": "left", "bgcolor": "#FFFFFF", "font": {"color": INK}},
        "xaxis": _AXIS,
        "yaxis": _AXIS,
    },
    data={
        "bar": [{"marker": {"line": {"color": "#FFFFFF", "width": 0.5}, "pattern": _PATTERN}}],
        "heatmap": [{"colorbar": {"outlinewidth": 0}}],
    },
)
plotly.io.templates.default = "escdemo"
_TEMPLATE = plotly.io.templates["escdemo"].to_plotly_json()
Drawn = dict[str, Any]
"""a figure, or a part of one, as plotly.js reads it"""
_STYLE: Drawn = {
    "paper_bgcolor": "#FFFFFF",
    "plot_bgcolor": "#FFFFFF",
    "font": {"color": INK, "size": 13},
    "margin": {"l": 8, "r": 24, "t": 44, "b": 8},
    "legend": {"orientation": "h", "x": 0, "y": 1.0, "xanchor": "left", "yanchor": "bottom", "traceorder": "normal"},
}
_EACH_AXIS: Drawn = {"automargin": True, "fixedrange": True, "title": {"font": {"size": 13}}}
_UPRIGHT = {"ticklabelstandoff": 6}
"""distance of labels from the axis; unlike a suffix, it also works for labels of two lines"""
MAX_BLOCKS = 10
"""most blocks of one source in a figure, heaviest first; the CSV has all"""


@dataclass(frozen=True)
class Sided:
    """A trace and the displayed name of its side."""

    label: str
    trace: Trace
    danger: Danger | None = None
    """the danger that the talk showed a sign of; drafts that must not answer it are not shown"""


@dataclass(frozen=True)
class Outcome:
    """Counts of one criterion: how often the first system won, lost, or was about the same."""

    criterion: str
    win: int
    tie: int
    lose: int
    none: int = 0
    """items without a majority, if the counts are of items"""


def comet_figure(side: Sided) -> Drawn:
    """Attended commonsense blocks, heaviest first; two shades for situation and last post (MISC, figure 4)."""
    bars: list[Drawn] = []
    drawn = 0
    for source, name, pattern in (("situation", "from the situation", ""), ("post", "from the last message", ".")):
        blocks = heaviest(side.trace.blocks, source)
        bar = {
            "type": "bar",
            "name": name,
            "y": list(range(drawn, drawn + len(blocks))),
            "x": [block.weight for block in blocks],
            "orientation": "h",
            "marker": {"color": SOURCE_COLOURS[source], "pattern": {"shape": pattern, "fgcolor": "#0B4F7A"}},
            "text": [f"{block.weight:.2f}" for block in blocks],
            "textposition": "outside",
            "cliponaxis": False,
            "customdata": [_block_label(block) for block in blocks],
            "hovertemplate": "%{customdata}: %{x:.3f}<extra>%{fullData.name}</extra>",
        }
        bars.append(bar)
        drawn += len(blocks)
    shown = drawn_blocks(side.trace)
    top = max((block.weight for block in shown), default=1.0)
    over = f"mean attention<br>(n = {len(side.trace.tokens)} tokens,<br>sum 1 per source)"
    return made(
        bars,
        f"Knowledge of {side.label}",
        height=145 + ROW_HEIGHT * max(1, len(shown)),
        barmode="relative",
        bargap=0.25,
        # Few ticks and a narrow title: on a phone the labels leave little room.
        xaxis={"range": [0, top * 1.25], "nticks": 4, "title": {"text": over}},
        yaxis=_rows_of(shown),
    )


def heat_figure(side: Sided) -> Drawn:
    """Attention from every reply token (columns) to every drawn block (rows)."""
    blocks = drawn_blocks(side.trace)
    tokens = [escaped(token.text.strip() or "␣") for token in side.trace.tokens]
    heat = {
        "type": "heatmap",
        "z": [list(block.token_weights) for block in blocks],
        "colorscale": "Cividis",
        "zmin": 0,
        "colorbar": {"title": {"text": "attention", "font": {"size": 12}}, "thickness": 12},
        "customdata": [[f"{_block_label(block)}<br>token: {token}" for token in tokens] for block in blocks],
        "hovertemplate": "%{customdata}<br>attention: %{z:.3f}<extra></extra>",
    }
    # The axes use positions, not names, as the same token or inference may occur twice.
    columns = {"tickvals": list(range(len(tokens))), "ticktext": tokens, "tickangle": -90}
    return made(
        [heat],
        f"Attention of {side.label}",
        height=145 + ROW_HEIGHT * max(1, len(blocks)),
        xaxis={**columns, "title": {"text": f"token of the reply (n = {len(tokens)})"}},
        yaxis=_rows_of(blocks),
    )


def outcome_figure(first: str, second: str, outcomes: Sequence[Outcome], title: str) -> go.Figure:
    """Win, tie and lose shares per criterion, from the view of the `first` system, with the counts in the bars.

    Items without a majority form a fourth part, if there are any.
    """
    figure = go.Figure()
    names = [f"{first} better", "about the same", f"{second} better"]
    names += ["no majority"] if any(one.none for one in outcomes) else []
    parts = [(one.win, one.tie, one.lose, one.none) for one in outcomes]
    for place, name in enumerate(names):
        counts = [part[place] for part in parts]
        figure.add_bar(
            name=escaped(name),
            y=[escaped(one.criterion) for one in outcomes],
            x=[100 * count / (sum(part) or 1) for count, part in zip(counts, parts, strict=True)],
            orientation="h",
            marker={
                "color": OUTCOME_COLOURS[place],
                "pattern": {
                    "shape": OUTCOME_PATTERNS[place],
                    "fgcolor": OUTCOME_LINES[place],
                    "solidity": 0.25,
                },
            },
            text=[str(count) if count else "" for count in counts],
            textposition="inside",
            insidetextanchor="middle",
            textangle=0,
            textfont={"color": INK if place in (1, 3) else "#FFFFFF", "size": 14},
            hovertemplate="%{y}: %{x:.0f} % (%{text})<extra>%{fullData.name}</extra>",
        )
    figure.update_xaxes(range=[0, 100], ticksuffix=" %", title="share of the judgments<br>(counts in the bars)")
    figure.update_yaxes(autorange="reversed")
    return titled(styled(figure, height=168 + 44 * max(1, len(outcomes)), barmode="stack", bargap=0.35), title)


def heaviest(blocks: Sequence[CometBlock], source: str) -> list[CometBlock]:
    """The blocks of one source that a figure draws, heaviest first."""
    return sorted((block for block in blocks if block.source == source), key=lambda block: -block.weight)[:MAX_BLOCKS]


def drawn_blocks(trace: Trace) -> list[CometBlock]:
    """The blocks in the order of the figures: those of the situation, then those of the last message."""
    return [block for source in SOURCE_COLOURS for block in heaviest(trace.blocks, source)]


def plot_value(figure: go.Figure | Drawn, filename: str, buttons: Sequence[str] = ("toImage",)) -> PlotData:
    """The figure for gr.Plot, without logo, with these mode bar `buttons`; "toImage" saves a PNG named `filename`."""
    # A go.Figure cannot hold a config, but its JSON can.
    data = json.loads(figure.to_json()) if isinstance(figure, go.Figure) else figure
    config = {
        "displaylogo": False,
        "displayModeBar": True,
        "modeBarButtons": [list(buttons)],
        "toImageButtonOptions": {"format": "png", "filename": filename, "scale": 3},
    }
    return PlotData(type="plotly", plot=json.dumps(data | {"config": config}))


def escaped(text: str) -> str:
    """The text with HTML escaped, as Plotly would interpret some tags in labels."""
    return html.escape(text, quote=False)


def _rows_of(blocks: Sequence[CometBlock]) -> Drawn:
    """An axis with one row per block, by position, as both sources may have the same inference."""
    labels = ["<br>".join(_lines(block)) for block in blocks]
    return {"tickvals": list(range(len(blocks))), "ticktext": labels, "autorange": "reversed", "tickfont": {"size": 11}}


def _lines(block: CometBlock) -> list[str]:
    """The label of a block; a long one takes two lines, because on a phone the figure needs the width."""
    label = f"{words_for(block.relation).short} · {_short(block.text)}"
    return [escaped(line) for line in textwrap.wrap(label, ROW_CHARS, max_lines=2, placeholder=" …")]


def _short(text: str) -> str:
    return text if len(text) <= 34 else text[:33] + "…"


def _block_label(block: CometBlock) -> str:
    return f"{escaped(words_for(block.relation).short)} · {escaped(_short(block.text))}"


def styled(figure: go.Figure, *, height: int, **layout: object) -> go.Figure:
    """Give the figure the page's font, margins and legend, and a `height` in pixels; returns it for chaining."""
    more = {"height": height, "showlegend": len(figure.data) > 1, **layout}
    return figure.update_layout(_STYLE, **more).update_xaxes(_EACH_AXIS).update_yaxes(_EACH_AXIS | _UPRIGHT)


def titled(figure: go.Figure, title: str) -> go.Figure:
    """Give the figure a title, which saved images show too. The legend moves below the plot."""
    return figure.update_layout(_title(title))


def made(traces: Sequence[Drawn], title: str, *, height: int, **layout: Any) -> Drawn:
    """A figure with the look of `styled` and `titled`, as plain values, because a go.Figure takes 5 ms per change."""
    axes = {"xaxis": _EACH_AXIS, "yaxis": _EACH_AXIS | _UPRIGHT}
    own = {"height": height, "showlegend": len(traces) > 1, "template": _TEMPLATE, **layout}
    return {"data": list(traces), "layout": reduce(_over, (_STYLE, axes, _title(title), own))}


def _title(title: str) -> Drawn:
    text = f"<b>{escaped(title)}</b>"
    return {
        "title": {"text": text, "font": {"size": 15}, "x": 0, "xref": "container", "pad": {"l": 8}},
        "legend": {"y": 0, "yref": "container", "yanchor": "bottom"},
        "margin": {"t": 44, "b": 60},
    }


def _over(below: Drawn, above: Drawn) -> Drawn:
    """Both merged, nested dicts too; where they differ, `above` wins."""
    both = {key for key in below.keys() & above.keys() if isinstance(below[key], dict)}
    return below | above | {key: _over(below[key], above[key]) for key in both}
