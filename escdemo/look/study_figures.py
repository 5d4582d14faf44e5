"""Figures of a study's results: pure functions from `annotation.statistics.study_report` to plotly figures.

As in figures.py, each has a fixed height, colours that colour-blind readers can tell apart, and shapes beside colours.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import plotly.graph_objects as go

from annotation.statistics.explanations import Relation
from annotation.statistics.figure_texts import figure as figure_text
from annotation.statistics.intervals import Estimate
from annotation.statistics.pairwise import PairResult
from annotation.statistics.pointwise import Mean
from annotation.statistics.report_tables import BY_ITEMS, MEANS, RELATIONS, STRENGTHS
from annotation.statistics.strength import Ranking
from escdemo.look.figures import INK, Outcome, escaped, outcome_figure, styled, titled

GROUP_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#7F8C8D")
GROUP_SHAPES = ("circle", "square", "diamond", "triangle-up", "x", "star")


@dataclass(frozen=True)
class ForestRow:
    """One row of a forest plot; the rows of a group (such as a criterion) share colour and shape."""

    label: str
    group: str
    estimate: Estimate


def pair_figure(results: Sequence[PairResult]) -> go.Figure:
    """Win, tie and lose per criterion for one pair, counted in items; items without a majority form their own part.

    Raises ValueError unless the results are of exactly one pair.
    """
    pairs = {(one.system_a, one.system_b) for one in results}
    if len(pairs) != 1:
        raise ValueError(f"a figure is of one pair, got {sorted(pairs)}; draw one figure for each")
    counts = [Outcome(one.criterion, one.items.win, one.items.tie, one.items.lose, one.items.none) for one in results]
    first, second = results[0].system_a, results[0].system_b
    figure = outcome_figure(first, second, counts, BY_ITEMS)
    figure.update_xaxes(title_text="share of the items by majority<br>(counts in the bars)")
    return figure


def ranking_figure(rankings: Iterable[Ranking]) -> go.Figure:
    """Bradley-Terry strengths with intervals; within a criterion in the order of the table."""
    rows = [ForestRow(one.system, ranking.criterion, one.estimate) for ranking in rankings for one in ranking.strengths]
    return forest_figure(rows, STRENGTHS, "strength (log-odds;<br>0 is the mean of all systems)", reference=0.0)


def mean_figure(means: Iterable[Mean]) -> go.Figure:
    """Mean scores with intervals."""
    return forest_figure([ForestRow(one.system, one.criterion, one.estimate) for one in means], MEANS, "mean score")


def relation_figure(relations: Iterable[Relation]) -> go.Figure:
    """Rank correlations of each feature of a reply with the vote, with intervals."""
    rows = [ForestRow(one.feature, one.criterion, one.correlation) for one in relations]
    return forest_figure(rows, RELATIONS, "rank correlation with the vote<br>(right: more of it wins)", reference=0.0)


def forest_figure(rows: Sequence[ForestRow], title: str, axis: str, *, reference: float | None = None) -> go.Figure:
    """Estimates with their intervals, one per line from the top, and a dashed line at `reference`.

    A row without an estimate keeps its line and says so; an estimate without an interval is drawn as a point.
    """
    figure = go.Figure()
    for place, group in enumerate(dict.fromkeys(row.group for row in rows)):
        _add_group(figure, place, group, [(at, row) for at, row in enumerate(rows) if row.group == group])
    for at, row in enumerate(rows):
        if row.estimate.value is None:
            figure.add_annotation(x=0.5, xref="x domain", y=at, text="no figure", showarrow=False)
    if reference is not None:
        figure.add_vline(x=reference, line={"color": INK, "width": 1, "dash": "dash"})
    figure.update_xaxes(title=axis)
    # The axis uses positions, not names, as criteria share systems. The range keeps rows without an estimate.
    figure.update_yaxes(
        tickvals=list(range(len(rows))),
        ticktext=[escaped(row.label) for row in rows],
        range=[max(1, len(rows)) - 0.5, -0.5],
        zeroline=False,
    )
    return titled(styled(figure, height=160 + 30 * max(1, len(rows))), title)


def _add_group(figure: go.Figure, place: int, group: str, rows: Sequence[tuple[int, ForestRow]]) -> None:
    """Add one trace: the rows of a group that have an estimate, each at its position from the top."""
    drawn = [(at, row.label, row.estimate, row.estimate.value) for at, row in rows if row.estimate.value is not None]
    values = [value for *_, value in drawn]
    above = [0.0 if one.high is None else one.high - value for _, _, one, value in drawn]
    below = [0.0 if one.low is None else value - one.low for _, _, one, value in drawn]
    figure.add_scatter(
        name=escaped(group),
        x=values,
        y=[at for at, *_ in drawn],
        mode="markers",
        marker={
            "color": GROUP_COLOURS[place % len(GROUP_COLOURS)],
            "symbol": GROUP_SHAPES[place % len(GROUP_SHAPES)],
            "size": 11,
        },
        error_x={
            "type": "data",
            "symmetric": False,
            "array": above,
            "arrayminus": below,
            "thickness": 2,
            "width": 5,
        },
        customdata=[f"{escaped(label)}: {figure_text(one, 2)}" for _, label, one, _ in drawn],
        hovertemplate="%{customdata}<extra>%{fullData.name}</extra>",
    )
