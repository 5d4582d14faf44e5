"""A study's results: the analysis of what was handed in, as figures and tables, and links to files."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import gradio as gr

from annotation.files.study_files import save_rows, study_rows
from annotation.files.study_values import KINDS
from annotation.statistics.report_tables import BY_ITEMS, MEANS, RELATIONS, STRENGTHS, report_tables
from annotation.statistics.study_data import StudyData
from annotation.statistics.study_report import Report, analyse
from escdemo.look import figures, render, study_figures
from escdemo.look.render import escape
from escdemo.study import texts
from models.reading.table import STYLES, Table

_MEDIA = {"csv": "text/csv", "jsonl": "application/jsonl", "parquet": "application/vnd.apache.parquet"}
_OPEN_TABLES = 4
"""how many tables, the papers' own first, are not folded"""


def fill(data: StudyData, pair: str | None) -> list[Any]:
    """Values for `ResultsTab.outputs`. Shows `pair`, or the first pair when that one has no votes."""
    if not data.ballots and not data.ratings:
        return [
            gr.update(choices=[], value=None, visible=False),
            render.notice(texts.RESULTS_EMPTY),
            *_no_plot() * 3,
            "",
        ]
    report = analyse(data)
    pairs = list(dict.fromkeys(one.pair() for one in report.pairs))
    chosen = pair if pair in pairs else pairs[0] if pairs else None
    tables = report_tables(report)
    return [
        gr.update(choices=pairs, value=chosen, visible=len(pairs) > 1),
        "",
        *_outcomes(report, chosen, tables),
        *_strengths(report, tables),
        *_relations(report, tables),
        _all_tables(tables),
    ]


def _outcomes(report: Report, chosen: str | None, tables: Sequence[Table]) -> tuple[Any, str]:
    """Win, tie and lose of one pair, in a live study also of its preferred replies; for scores, the means."""
    name = "study-outcomes"
    if chosen is None:
        if not report.means:
            return _no_plot(texts.ALL_DISCARDED)
        return _plot(study_figures.mean_figure(report.means), name, tables, MEANS)
    by_talks = [replace(one, criterion=texts.PREFERRED_TURNS) for one in report.live.preferences]
    drawn = [one for one in (*report.pairs, *by_talks) if one.pair() == chosen]
    return _plot(study_figures.pair_figure(drawn), name, tables, BY_ITEMS)


def _strengths(report: Report, tables: Sequence[Table]) -> tuple[Any, str]:
    """Bradley-Terry strengths, or why no criterion has any."""
    if all(ranking.reason for ranking in report.rankings):
        return _no_plot(*dict.fromkeys(f"{STRENGTHS}: {ranking.reason}" for ranking in report.rankings))
    return _plot(study_figures.ranking_figure(report.rankings), "study-strengths", tables, STRENGTHS)


def _relations(report: Report, tables: Sequence[Table]) -> tuple[Any, str]:
    """Correlations of the traces with the votes, one line per feature and criterion; needs replies with traces."""
    if report.pairs and not report.relations:
        return _no_plot(texts.NO_TRACES)
    if all(one.correlation.value is None for one in report.relations):
        return _no_plot(*dict.fromkeys(f"{RELATIONS} {one.correlation.reason}" for one in report.relations))
    return _plot(study_figures.relation_figure(report.relations), "study-relations", tables, RELATIONS)


def _no_plot(*reasons: str) -> tuple[Any, str]:
    return gr.update(value=None, visible=False), "".join(map(render.notice, reasons))


def _plot(figure: Any, name: str, tables: Sequence[Table], title: str) -> tuple[Any, str]:
    """A figure, and links that save it and the table with the same title."""
    table = next(one for one in tables if one.title == title)
    value = gr.update(value=figures.plot_value(figure, name), visible=True)
    return value, render.save_bar(name, name, render.csv_text(table.head, table.rows))


def _all_tables(tables: Sequence[Table]) -> str:
    shown = [render.study_table(table) for table in tables]
    folded = [
        f'<details class="esc-guide"><summary>{escape(table.title)}</summary>{html}</details>'
        for table, html in zip(tables[_OPEN_TABLES:], shown[_OPEN_TABLES:], strict=True)
    ]
    return "".join([f'<h2 class="esc-h2">{texts.ALL_TABLES}</h2>', *shown[:_OPEN_TABLES], *folded])


def files(data: StudyData, study: str, form: str) -> str:
    """Links to every file of the export. The links contain the files, so none is left on the server.

    Raises ValueError for an unknown format.
    """
    rows = {kind: study_rows(data, kind) for kind in KINDS}
    links = [
        _link(
            f"{study}-{kind}.{form}",
            _file(found, form),
            _MEDIA[form],
            texts.EXPORT_ROWS.format(kind=kind, count=len(found)),
        )
        for kind, found in rows.items()
        if found
    ]
    if not links:
        return render.notice(texts.RESULTS_EMPTY)
    tables = report_tables(analyse(data))
    for ending, style, label in (("md", "markdown", "Markdown"), ("tex", "latex", "LaTeX")):
        text = "\n\n".join(STYLES[style](table) for table in tables)
        links.append(_link(f"{study}-tables.{ending}", text.encode(), "text/plain", f"{texts.EXPORT_TABLES}, {label}"))
    return f'<ul class="esc-links">{"".join(links)}</ul>'


def _file(rows: list[dict[str, Any]], form: str) -> bytes:
    with TemporaryDirectory() as folder:
        path = Path(folder) / f"rows.{form}"
        save_rows(rows, path, form)
        return path.read_bytes()


def _link(name: str, content: bytes, media: str, label: str) -> str:
    encoded = base64.b64encode(content).decode()
    return (
        f'<li><a class="esc-save" download="{escape(name)}" href="data:{media};base64,{encoded}">{escape(name)}</a> '
        f"{escape(label)}</li>"
    )
