"""HTML of the page: pure functions from values to text. Everything typed or generated is escaped.

The panels are plain HTML, not gr.Chatbot, because each message needs its own writing direction and state, and each
panel its own name for screen readers.
"""

from __future__ import annotations

import base64
import csv
import html
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from annotation.files.study_files import spreadsheet_safe
from escdemo import crisis_texts, texts
from escdemo.net_texts import text_of, title_of
from escdemo.screening.answer_screen import Held
from models.reading.table import Table

ReplyState = Literal["waiting", "thinking", "writing", "held", "done", "stopped", "failed", "replaced"]
OPEN_STATES: frozenset[ReplyState] = frozenset({"waiting", "thinking", "writing", "held"})


@dataclass(frozen=True)
class ReplyShown:
    """What one panel shows below one message of the seeker."""

    state: ReplyState
    text: str = ""
    strategy: str | None = None
    """name of the strategy; None if it must not show yet"""
    ahead: int = 0
    """replies ahead of this one in the queue, for state "waiting" """
    expected_s: float | None = None
    """expected seconds until it is begun, for state "waiting"; None: not known"""
    turn: int | None = None
    """the message whose reasons this reply opens; None if they must not be seen"""
    went_on: bool = False
    """both sides continue from this reply"""

    @property
    def open(self) -> bool:
        """Whether the reply may still change by itself."""
        return self.state in OPEN_STATES


@dataclass(frozen=True)
class Exchange:
    """One message of the seeker and what sides A and B say to it."""

    post: str
    replies: tuple[ReplyShown, ReplyShown]


def escape(text: str) -> str:
    """The text escaped for HTML: no tag, attribute or entity in it takes effect."""
    return html.escape(text, quote=True)


# In a control's `info`, Gradio 6.31 escapes HTML but reads these characters as Markdown (bold, italic, code, links) and
# has no escape for them. So lookalike characters replace them.
_LOOKALIKES = str.maketrans({"*": "\u2217", "_": "\u02cd", "`": "\u02cb", "[": "\u2772", "]": "\u2773"})


def plain_info(text: str) -> str:
    """A text for the `info` of a control, shown as written, on one line."""
    return " ".join(text.split()).translate(_LOOKALIKES)


def net_head(name: str) -> str:
    """A net's name as a heading; pointing at it or pressing it shows what the net does."""
    text = text_of(name)
    if text is None:
        return f"<h3>{escape(name)}</h3>"
    told = escape(f"{text.title}: {text.what}")
    return f'<h3><button type="button" class="esc-who" title="{told}">{escape(text.title)}</button></h3>'


def panel(side: int, name: str, exchanges: Sequence[Exchange]) -> str:
    """The whole talk with one side (0 = A, 1 = B), titled with the readable name of the net `name`."""
    letter, name = "AB"[side], title_of(name)
    messages = "".join(_exchange(exchange.post, exchange.replies[side], name) for exchange in exchanges)
    body = messages or f'<p class="esc-empty">{texts.EMPTY_PANEL}</p>'
    return (
        f'<section class="esc-panel esc-side-{letter.lower()}" aria-label="Talk with {escape(name)}">'
        f'<header class="esc-panel-head"><span class="esc-badge" aria-hidden="true">{letter}</span>'
        f"{net_head(name)}</header>"
        # Not aria-live: hearing a reply token by token is painful. The status line says when a reply is complete.
        f'<div class="esc-log" role="log" aria-live="off" aria-label="Messages with {escape(name)}" tabindex="0">'
        f"{body}</div></section>"
    )


def _exchange(post: str, reply: ReplyShown, name: str) -> str:
    opens = "" if reply.turn is None else f' data-turn="{reply.turn}"'
    return (
        f'<div class="esc-msg esc-seeker"><span class="esc-sr">You: </span><bdi dir="auto">{escape(post)}</bdi></div>'
        f'<div class="esc-msg esc-supporter esc-{reply.state}"{opens}><span class="esc-sr">{escape(name)}: </span>'
        f"{_reply(reply)}{_why(reply, name)}</div>"
    )


def _why(reply: ReplyShown, name: str) -> str:
    """The button for keyboards and screen readers; a click anywhere on the bubble does the same."""
    if reply.turn is None:
        return ""
    label = escape(texts.WHY_BUTTON_LABEL.format(name=name, number=reply.turn + 1))
    return f'<button type="button" class="esc-why" aria-label="{label}">{texts.WHY_BUTTON}</button>'


def _reply(reply: ReplyShown) -> str:
    said = f'<bdi dir="auto">{escape(reply.text)}</bdi>' if reply.text else ""
    chip = f'<span class="esc-chip">{escape(reply.strategy)}</span>' if reply.strategy else ""
    chip += f'<span class="esc-chip">{texts.WENT_ON}</span>' if reply.went_on else ""
    note = {
        "waiting": waiting(reply.ahead, reply.expected_s),
        "thinking": texts.THINKING,
        "held": texts.HELD,
        "stopped": texts.STOPPED,
        "failed": texts.FAILED,
        "replaced": texts.REPLACED,
    }.get(reply.state, "")
    dots = '<span class="esc-dots" aria-hidden="true"><i></i><i></i><i></i></span>' if reply.open else ""
    return said + chip + (f'<span class="esc-note">{dots}{note}</span>' if note or dots else "")


def waiting(ahead: int, expected_s: float | None) -> str:
    """How many replies come first and how long that takes, in whole seconds, or in minutes from 90 s."""
    if expected_s is None:
        return texts.WAITING.format(ahead=ahead)
    long = expected_s >= 90
    number = max(1, round(expected_s / 60 if long else expected_s))
    unit = ("minute" if long else "second") + "s" * (number != 1)
    return texts.WAITING_ABOUT.format(ahead=ahead, wait=f"{number} {unit}")


def header(mode: str, study: str | None) -> str:
    """The banner of the first page."""
    return banner(texts.TITLE, f"study {study}" if study else mode, texts.SUBTITLE)


def banner(title: str, badge: str, subtitle: str) -> str:
    """Title, badge, and the help card that is always one click (or Enter) away."""
    mark = f' <span class="esc-mode">{escape(badge)}</span>' if badge else ""
    below = f"<p>{escape(subtitle)}</p>" if subtitle else ""
    return (
        f'<div class="esc-header"><div><h1>{escape(title)}{mark}</h1>{below}</div>'
        f'<details class="esc-help"><summary>{crisis_texts.HELP_BUTTON}</summary><div class="esc-card">'
        f"<p><strong>{crisis_texts.CRISIS_LEAD}</strong></p>{crisis_texts.CRISIS_LINES_HTML}<p>{crisis_texts.HELP_NOTE}</p></div></details></div>"
    )


def crisis_card(danger: tuple[Held, int] | None) -> str:
    """The card that appears above the talk; "" when there is no sign of danger.

    It can be folded. The HTML includes the index of the message, so that a new sign unfolds it again.
    """
    if danger is None:
        return ""
    kind, place = danger
    return (
        f'<details open class="esc-card esc-crisis" role="alert" data-place="{place}">'
        f"<summary>{crisis_texts.CRISIS_TITLES[kind]}</summary>"
        f"<p><strong>{crisis_texts.CRISIS_LEAD}</strong></p>{crisis_texts.CRISIS_LINES_HTML}"
        f"<p>{crisis_texts.HELP_NOTE} {crisis_texts.CRISIS_CHAT_GOES_ON}</p></details>"
    )


def side_switch(names: tuple[str, str]) -> str:
    """Buttons that choose which panel shows on a phone; the style sheet hides them on wide screens."""
    buttons = "".join(
        f'<button type="button" data-side="{letter.lower()}">{_with_letter(letter, title_of(name))}</button>'
        for letter, name in zip("AB", names, strict=True)
    )
    return f'<div class="esc-switch" role="group" aria-label="Supporter shown">{buttons}</div>'


def _with_letter(letter: str, name: str) -> str:
    return escape(name) if name.endswith(f" {letter}") else f"{letter} · {escape(name)}"


def status(text: str, saved_at: datetime | None = None) -> str:
    """The status, read aloud when it changes, and when the last change was stored."""
    saved = "" if saved_at is None or not text else f' <span class="esc-saved">Saved {clock(saved_at)}.</span>'
    return f'<p class="esc-status"><span role="status" aria-live="polite">{escape(text)}</span>{saved}</p>'


def clock(at: datetime) -> str:
    """A time of day, which the script shows in the reader's own time zone."""
    utc = at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    return f'<time class="esc-time" datetime="{utc:%Y-%m-%dT%H:%M:%SZ}">{utc:%H:%M:%S} UTC</time>'


def steps(current: int, names: Sequence[str] = texts.STEPS, back: Mapping[int, str] | None = None) -> str:
    """The steps called `names`, with the current one marked. `back`: step -> where a click on it leads."""
    goes = back or {}
    items = "".join(
        f'<li class="{"esc-now" if at == current else "esc-past" if at < current else ""}"'
        f"{' aria-current=step' if at == current else ''}>"
        + (f'<button type="button" data-go="{goes[at]}">{name}</button>' if at in goes else name)
        + "</li>"
        for at, name in enumerate(names)
    )
    return f'<ol class="esc-steps" aria-label="Steps">{items}</ol>'


def talk_tools() -> str:
    """Buttons to copy, save or leave a talk; the script takes the text from the panels."""
    return (
        '<div class="esc-tools">'
        f'<button type="button" class="esc-save" data-talk="copy">{texts.COPY_BUTTON}</button>'
        f'<button type="button" class="esc-save" data-talk="save">{texts.SAVE_BUTTON}</button>'
        f'<button type="button" class="esc-save" data-go="setup">{texts.LEAVE_BUTTON}</button></div>'
    )


def notice(text: str, kind: Literal["info", "problem", "good"] = "info") -> str:
    """A sentence to show beside its control; "" gives no HTML at all."""
    if not text:
        return ""
    role = "alert" if kind == "problem" else "status"
    return f'<p class="esc-notice esc-{kind}" role="{role}">{escape(text)}</p>'


def situation_line(situation: str, emotion: str, problem: str, more: str = "") -> str:
    """The situation that the seeker plays, shown above the talk; `more` is an extra chip."""
    named = [part for part in (emotion, problem_name(problem), more) if part]
    chips = "".join(f'<span class="esc-chip">{escape(part)}</span>' for part in named)
    return f'<div class="esc-situation">{chips} <bdi dir="auto">{escape(situation)}</bdi></div>'


def problem_name(label: str) -> str:
    """A problem type with only its first letter in upper case; ESConv mixes styles ("Sleep Problems", "job crisis")."""
    return label[:1].upper() + label[1:].lower()


def table(head: Sequence[str], rows: Sequence[Sequence[str]], caption: str) -> str:
    """A plain table; the first cell names the row. On a phone the other cells come below, with their column names."""
    top = "".join(f'<th scope="col">{escape(cell)}</th>' for cell in head)
    body = "".join(
        f'<tr><th scope="row">{escape(row[0])}</th>'
        + "".join(
            f'<td data-column="{escape(name)}">{escape(cell)}</td>'
            for name, cell in zip(head[1:], row[1:], strict=True)
        )
        + "</tr>"
        for row in rows
    )
    return (
        f'<div class="esc-scroll"><table class="esc-table"><caption>{escape(caption)}</caption>'
        f"<thead><tr>{top}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def named_values(rows: Sequence[tuple[str, Sequence[tuple[str, str]]]], caption: str) -> str:
    """Names, each with any number of (label, value) pairs, which wrap on a narrow screen."""
    lines = "".join(
        f"<dt>{escape(name)}</dt><dd>"
        + "".join(f"<span>{escape(label)} <b>{escape(value)}</b></span> " for label, value in pairs)
        + "</dd>"
        for name, pairs in rows
    )
    return f'<section class="esc-inside"><h3>{escape(caption)}</h3><dl>{lines}</dl></section>'


def study_table(shown: Table) -> str:
    """A table of a study's report (such as `report_tables.raters_table`), with its notes below."""
    notes = "".join(f"<li>{escape(note)}</li>" for note in shown.notes)
    return table(shown.head, shown.rows, shown.title) + (f'<ul class="esc-findings">{notes}</ul>' if notes else "")


def csv_text(head: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """A table as RFC 4180 text, safe to open in a spreadsheet."""
    text = io.StringIO()
    csv.writer(text).writerows([spreadsheet_safe(cell) for cell in row] for row in (head, *rows))
    return text.getvalue()


def save_bar(plot_id: str, name: str, data: str, what: str = "") -> str:
    """Buttons below a figure: PNG, SVG (made in the browser) and its data as CSV.

    The link contains the CSV, so no file with a seeker's words is left on the server. `plot_id` "" means that there is
    only data to save. `what` names the figure where several bars are together.
    """
    images = "".join(
        f'<button type="button" class="esc-save" data-plot="{escape(plot_id)}" data-format="{kind}" '
        f'data-name="{escape(name)}" aria-label="Save {escape(name)} as {kind.upper()}">{kind.upper()}</button>'
        for kind in ("png", "svg")
        if plot_id
    )
    encoded = base64.b64encode(data.encode()).decode()
    link = (
        f'<a class="esc-save" download="{escape(name)}.csv" href="data:text/csv;base64,{encoded}" '
        f'aria-label="Save the data of {escape(name)} as CSV">CSV</a>'
    )
    return f'<div class="esc-savebar"><span>{escape(f"Save {what}".strip())}</span>{images}{link}</div>'
