"""A live item: the role card, the talk with both supporters, and the questions during and after it.

`build` draws it; `update` (pure, except that its keys are components) gives the values for a stored item.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import gradio as gr

from annotation.choices import Preference, Side
from annotation.studies.live_views import TalkView
from annotation.studies.study_views import TaskView
from annotation.talks.views import EncounterView
from escdemo import texts as page_texts
from escdemo.chat import chat_panel, screen_state
from escdemo.chat.chat_panel import ChatPanel
from escdemo.look import render as page_render
from escdemo.look.render import Exchange
from escdemo.study import render, texts
from models.serving.job import Job

LOOK_EVERY_S = 0.7
"""pause between two looks at replies that are being made; both show together, so rare looks are enough"""
LEVELS = list(zip(page_texts.INTENSITY_LABELS, range(1, 6), strict=True))


@dataclass(frozen=True)
class TurnForm:
    """The questions about the replies during the talk."""

    box: gr.Column
    preference: gr.Radio
    row: gr.Row
    stars: tuple[gr.Radio, gr.Radio]


@dataclass(frozen=True)
class LivePanel:
    """Role card, talk, and the question after it."""

    before: gr.Column
    card: gr.HTML
    intensity: gr.Radio
    start: gr.Button
    box: gr.Column
    chat: ChatPanel
    turn: TurnForm
    seen: gr.Number
    """never shown: how many messages of the talk this page knows of"""
    watch: gr.Timer
    """runs while replies are being made"""
    after: gr.Radio

    def outputs(self) -> list[Any]:
        """All components that `update` changes."""
        turn = [self.turn.box, self.turn.preference, self.turn.row, *self.turn.stars]
        first = [self.before, self.card, self.intensity, self.box, self.seen, self.watch, self.after]
        return [*first, *turn, *self.chat.outputs()]


def build() -> LivePanel:
    """Draw the hidden role card and the hidden talk. `after` is rendered later, below the questions."""
    with gr.Column(visible=False, elem_id="live-before") as before:
        card = gr.HTML(elem_id="role-card")
        intensity = gr.Radio(LEVELS, label=page_texts.INTENSITY_BEFORE, elem_id="intensity-before")
        start = gr.Button(texts.TALK_BUTTON, variant="primary", elem_id="talk-start")
    forms: list[TurnForm] = []
    with gr.Column(visible=False, elem_id="live") as box:
        chat = chat_panel.build(lambda: forms.append(_build_turn()))
    return LivePanel(
        before,
        card,
        intensity,
        start,
        box,
        chat,
        forms[0],
        gr.Number(0, visible="hidden", precision=0, elem_id="seen"),
        gr.Timer(LOOK_EVERY_S, active=False),
        gr.Radio(LEVELS, label=texts.INTENSITY_AFTER, elem_id="intensity-after", visible=False, render=False),
    )


def _build_turn() -> TurnForm:
    with gr.Column(visible=False, elem_id="turn-form") as box:
        preference = gr.Radio(
            list(page_texts.VOTES), label=texts.PREFERENCE, elem_id="turn-preference", elem_classes="esc-vote"
        )
        with gr.Row() as row:
            stars = tuple(
                gr.Radio(
                    [(f"{number} ★", number) for number in range(1, 6)],
                    label=texts.STARS.format(letter=letter),
                    elem_id=f"stars-{letter.lower()}",
                    min_width=280,
                )
                for letter in "AB"
            )
    return TurnForm(box, preference, row, (stars[0], stars[1]))


def update(panel: LivePanel, task: TaskView | None, jobs: Mapping[str, Job]) -> dict[Any, Any]:
    """Values for the whole live item; nothing shows for None or for an item without a talk."""
    talk = None if task is None else task.talk
    encounter = None if talk is None or talk.ended() else talk.encounter
    begun = talk is not None and talk.encounter is not None
    values: dict[Any, Any] = {
        panel.before: gr.update(visible=talk is not None and not begun),
        panel.card: "",
        panel.intensity: None,
        panel.box: gr.update(visible=encounter is not None),
        panel.chat.box: gr.update(visible=encounter is not None),
        panel.seen: 0 if encounter is None else len(encounter.turns),
        panel.watch: gr.update(active=False),
        panel.after: gr.update(visible=talk is not None and talk.ended()),
    }
    if task is None or talk is None:
        return values
    if not begun:
        values[panel.card] = render.role_card(task.situation, talk)
    elif encounter is not None:
        values |= _talking(panel, talk, encounter, jobs)
    else:
        values[panel.after] = gr.update(value=talk.intensity_after, visible=True, interactive=task.can_change)
    return values


def _talking(panel: LivePanel, talk: TalkView, encounter: EncounterView, jobs: Mapping[str, Job]) -> dict[Any, Any]:
    """The talk as on the first page, and the questions about it."""
    chat, said = panel.chat, _marked(screen_state.exchanges(encounter, jobs), talk)
    busy, waits, left = screen_state.is_open(said), talk.must_prefer(), talk.left()
    values = chat_panel.update(chat, encounter, jobs)
    for place, side in enumerate(chat.sides):
        values[side] = page_render.panel(place, render.supporter("ab"[place]), said)
    if waits:
        values[chat.status] = page_render.status(texts.CHOOSE)
        values[chat.send] = gr.update(value=page_texts.SEND_BUTTON, interactive=False)
    ready = encounter.can_freeze() and not busy and not waits and not left
    label = texts.END_TALK_LEFT.format(left=left) if left else texts.END_TALK
    values[chat.finish] = gr.update(value=label, interactive=ready, variant="primary" if ready else "secondary")
    return values | _turn(panel.turn, talk) | {panel.watch: gr.update(active=busy)}


def _turn(form: TurnForm, talk: TalkView) -> dict[Any, Any]:
    prefer, star = talk.to_prefer(), talk.to_star()
    goes_on = texts.GOES_ON if talk.form is Preference.PREFERRED else texts.STAYS_APART
    values: dict[Any, Any] = {
        form.box: gr.update(visible=prefer is not None or star is not None),
        form.preference: gr.update(visible=prefer is not None, value=talk.picked(prefer), info=goes_on),
        form.row: gr.update(visible=star is not None),
    }
    for radio, side in zip(form.stars, Side, strict=True):
        values[radio] = gr.update(visible=star is not None, value=talk.stars_of(star, side))
    return values


def _marked(said: tuple[Exchange, ...], talk: TalkView) -> tuple[Exchange, ...]:
    """The talk, with a mark on each reply that both sides continued from."""
    marked = list(said)
    for turn, side in talk.continued:
        at = list(Side).index(side)
        replies = [replace(one, went_on=True) if place == at else one for place, one in enumerate(said[turn].replies)]
        marked[turn] = Exchange(said[turn].post, (replies[0], replies[1]))
    return tuple(marked)
