"""The questions about one item. The page has a fixed number of radio groups and shows as many as the rubric needs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import gradio as gr

from annotation.choices import Pick
from annotation.studies.answers import Given
from annotation.studies.study_views import Brief
from annotation.studies.task_projection import PLACES
from escdemo.look.render import plain_info
from escdemo.study import render, texts

MAX_QUESTIONS = 24
"""radio groups on the page: 3 criteria on 8 replies, or 24 criteria on a pair"""

ANY_ANSWER = [*(pick.value for pick in Pick), *(str(score) for score in range(11))]
"""choices before an item is shown; they let our handlers, not Gradio, refuse a page whose server was restarted"""

Question = tuple[str, str | None]
"""(criterion, place); place is None in pairwise studies"""
Values = tuple[str | None, ...]
"""values of the radio groups, in the order of the page; None in hidden ones"""


@dataclass(frozen=True)
class Known:
    """The answers to one item that a page last received, in the order of the page."""

    item: int = 0
    values: Values = ()


@dataclass(frozen=True)
class QuestionForm:
    """The radio groups, in a box."""

    box: gr.Column
    radios: tuple[gr.Radio, ...]

    def outputs(self) -> list[Any]:
        """All components that `update` changes."""
        return [self.box, *self.radios]


def build() -> QuestionForm:
    """Draw the hidden form."""
    with gr.Column(visible=False, elem_id="questions") as box:
        radios = tuple(
            gr.Radio(ANY_ANSWER, label=name, elem_id=name, elem_classes="esc-vote", visible=False)
            for name in (f"question-{number}" for number in range(1, MAX_QUESTIONS + 1))
        )
    return QuestionForm(box, radios)


def questions_of(brief: Brief, replies: int) -> tuple[Question, ...]:
    """All questions about an item, in the order of the page: by criterion, or for scores by reply and criterion.

    Raises ValueError when there are more than the page can show.
    """
    if brief.pairwise:
        asked: list[Question] = [(one.name, None) for one in brief.criteria]
    else:
        asked = [(one.name, place) for place in PLACES[:replies] for one in brief.criteria]
    if len(asked) > MAX_QUESTIONS:
        raise ValueError(texts.TOO_MANY.format(count=len(asked), limit=MAX_QUESTIONS))
    return tuple(asked)


def values_of(asked: Sequence[Question], given: Mapping[Question, str]) -> Values:
    """The values of the radio groups for these answers."""
    held = [given.get(question) for question in asked]
    return tuple(held + [None] * (MAX_QUESTIONS - len(held)))


def update(
    form: QuestionForm, brief: Brief, asked: Sequence[Question], values: Values, *, open_: bool
) -> dict[Any, Any]:
    """Show these questions with these answers; with `open_` False they cannot be changed."""
    texts_of = {one.name: one.question for one in brief.criteria}
    choices = render.answer_labels(brief)
    shown: dict[Any, Any] = {form.box: gr.update(visible=True)}
    for at, radio in enumerate(form.radios):
        if at >= len(asked):
            shown[radio] = gr.update(visible=False, value=None)
            continue
        criterion, place = asked[at]
        shown[radio] = gr.update(
            choices=list(choices),
            value=values[at],
            label=render.question_label(criterion, place),
            info=plain_info(texts_of[criterion]),
            interactive=open_,
            visible=True,
        )
    return shown


def hide(form: QuestionForm) -> dict[Any, Any]:
    """Hide all questions."""
    return {form.box: gr.update(visible=False)}


def changed(
    asked: Sequence[Question], values: Sequence[str | None], item: int = 0, known: Known | None = None
) -> list[Given]:
    """The answers on the page that differ from what it received: only these were given on this page.

    So what another tab has saved in the meantime is not overwritten with what this page still shows.
    """
    told = list(known.values) if known is not None and known.item == item else []
    told += [None] * (len(asked) - len(told))
    return [
        Given(criterion, str(value), place)
        for (criterion, place), old, value in zip(asked, told, values, strict=False)
        if value is not None and value != old
    ]
