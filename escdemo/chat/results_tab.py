"""Results: win, tie and lose per pair of models and criterion, as table and bars, straight from the store."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import gradio as gr
import pandas as pd

from annotation.statistics.figure_texts import figure as estimate_text
from annotation.talks.open_talks import Summary, Tally, summarise
from escdemo import texts
from escdemo.look import figures, render
from escdemo.look.figures import Outcome
from escdemo.net_texts import title_of


@dataclass(frozen=True)
class ResultsTab:
    """Components of the tab; `outputs` are in the order of `fill`."""

    tab: gr.Tab
    pair: gr.Dropdown
    refresh: gr.Button
    link: gr.Textbox
    """in a study: a link that allows seeing the results"""
    outputs: tuple[Any, ...]


def build(study: bool) -> ResultsTab:
    """Draw the tab, in a study with a field for the lead's link."""
    with gr.Tab(texts.RESULTS_TAB, id="results", elem_id="results-tab") as tab:
        with gr.Row(equal_height=True):
            gr.HTML(f'<h2 class="esc-h2">{texts.RESULTS_TITLE}</h2>')
            pair = gr.Dropdown([], label=texts.RESULTS_PAIR, visible=False, elem_id="results-pair", interactive=True)
            refresh = gr.Button(texts.REFRESH_BUTTON, elem_id="results-refresh", scale=0, min_width=120)
        link = gr.Textbox(label=texts.RESULTS_LINK, type="password", visible=study, elem_id="results-link", max_lines=1)
        note = gr.HTML(elem_id="results-note")
        plot = gr.Plot(show_label=False, visible=False, elem_id="results-plot", elem_classes="esc-fig")
        table = gr.HTML(elem_id="results-table")
    return ResultsTab(tab, pair, refresh, link, (pair, note, plot, table))


def fill(tallies: Sequence[Tally], allowed: bool, pair: str | None) -> list[Any]:
    """Values for `ResultsTab.outputs`. Shows `pair`, or the first pair when that one has no judgments."""
    if not allowed or not tallies:
        note = render.notice(texts.RESULTS_EMPTY if allowed else texts.RESULTS_HIDDEN)
        return [gr.update(choices=[], value=None, visible=False), note, gr.update(value=None, visible=False), ""]
    named = [replace(one, system_1=title_of(one.system_1), system_2=title_of(one.system_2)) for one in tallies]
    pairs = list(dict.fromkeys(pair_name(tally) for tally in named))
    chosen = pair if pair in pairs else pairs[0]
    found = [one for one in summarise(named) if pair_name(one.tally) == chosen]
    rows = [one.tally for one in found]
    outcomes = [Outcome(tally.criterion, tally.win, tally.tie, tally.lose) for tally in rows]
    title = f"{chosen} (n = {max(tally.total() for tally in rows)})"
    figure = figures.outcome_figure(rows[0].system_1, rows[0].system_2, outcomes, title)
    return [
        gr.update(choices=pairs, value=chosen, visible=len(pairs) > 1),
        "",
        gr.update(value=figures.plot_value(figure, "results"), visible=True),
        render.save_bar("results-plot", "results", results_csv(tallies)) + results_table(found),
    ]


def pair_name(tally: Tally) -> str:
    """The name of a pair in the list."""
    return f"{tally.system_1} and {tally.system_2}"


def results_table(found: Sequence[Summary]) -> str:
    """Counts, shares with intervals, and a sentence on each."""
    first, second = found[0].tally.system_1, found[0].tally.system_2
    head = [
        "Criterion",
        f"{first} better",
        "About the same",
        f"{second} better",
        "Judgments",
        f"{first} wins, % (95 %)",
    ]
    lines, sentences = [], []
    for summary in found:
        tally, won = summary.tally, summary.win
        share = estimate_text(won, 0) if won.value is not None else "none yet"
        counts = [str(tally.win), str(tally.tie), str(tally.lose), str(tally.total())]
        lines.append([tally.criterion, *counts, share])
        sentences.append(
            f"<li><strong>{render.escape(tally.criterion)}</strong>: {render.escape(summary.sentence)}</li>"
        )
    caption = f"{first} compared with {second}"
    return render.table(head, lines, caption) + f'<ul class="esc-findings">{"".join(sentences)}</ul>'


def results_csv(tallies: Sequence[Tally]) -> str:
    """The counts of all pairs and criteria as CSV."""
    return str(pd.DataFrame([asdict(tally) for tally in tallies]).to_csv(index=False))
