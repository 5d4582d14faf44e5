"""The talk: two panels that answer the same message, and the controls below them.

`build` draws it. `update` (pure, except that its keys are components) gives each component's value for a stored talk.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import gradio as gr

from annotation.talks.views import EncounterView
from escdemo import texts
from escdemo.chat import screen_state
from escdemo.chat.talks import names_of
from escdemo.look import render
from models.serving.job import Job


@dataclass(frozen=True)
class ChatPanel:
    """Components of the talk."""

    box: gr.Column
    crisis: gr.HTML
    situation: gr.HTML
    switch: gr.HTML
    sides: tuple[gr.HTML, gr.HTML]
    status: gr.HTML
    writing: gr.Column
    post: gr.Textbox
    note: gr.HTML
    send: gr.Button
    stop: gr.Button
    retry: tuple[gr.Button, gr.Button]
    finish: gr.Button

    def live(self) -> list[Any]:
        """Components that change while replies come in."""
        return [self.crisis, *self.sides, self.status, self.send, self.stop, *self.retry, self.finish]

    def outputs(self) -> list[Any]:
        """All components that `update` may touch."""
        return [self.box, self.situation, self.switch, self.writing, self.note, self.post, *self.live()]


def build(draw_between: Callable[[], object] | None = None, tools: str = "") -> ChatPanel:
    """Draw the empty, hidden talk.

    `draw_between` draws extra parts between the replies and the message box. `tools` is HTML beside the status.
    """
    with gr.Column(visible=False, elem_id="chat") as box:
        crisis = gr.HTML(elem_id="crisis")
        situation = gr.HTML(elem_id="situation-line")
        switch = gr.HTML(elem_id="side-switch")
        with gr.Row(equal_height=True):
            sides = tuple(_side(letter) for letter in "ab")
        with gr.Row(elem_id="status-row"):
            status = gr.HTML(elem_id="status")
            if tools:
                gr.HTML(tools, elem_id="talk-tools")
        if draw_between is not None:
            draw_between()
        with gr.Column(elem_id="writing") as writing:
            note = gr.HTML(elem_id="post-note")
            with gr.Row(elem_id="post-row"):
                post = gr.Textbox(
                    label=texts.POST,
                    placeholder=texts.POST_PLACEHOLDER,
                    lines=1,
                    max_lines=4,
                    elem_id="post",
                    scale=5,
                    min_width=240,
                )
                send = gr.Button(texts.SEND_BUTTON, variant="primary", elem_id="send", min_width=90, scale=1)
                stop = gr.Button(texts.STOP_BUTTON, elem_id="stop", visible=False, min_width=90, scale=1)
            with gr.Row(elem_id="chat-buttons"):
                retry = tuple(
                    gr.Button(
                        texts.RETRY_BUTTON.format(side=letter),
                        elem_id=f"retry-{letter.lower()}",
                        elem_classes=f"esc-only-{letter.lower()}",  # on a phone only with its side
                        visible=False,
                        min_width=110,
                    )
                    for letter in "AB"
                )
                finish = gr.Button(texts.FINISH_BUTTON, elem_id="finish", interactive=False, min_width=160)
    return ChatPanel(
        box,
        crisis,
        situation,
        switch,
        (sides[0], sides[1]),
        status,
        writing,
        post,
        note,
        send,
        stop,
        (retry[0], retry[1]),
        finish,
    )


def _side(letter: str) -> gr.HTML:
    with gr.Column(min_width=320, elem_classes=f"esc-only-{letter}"):
        return gr.HTML(elem_id=f"side-{letter}")


def update(panel: ChatPanel, view: EncounterView, jobs: Mapping[str, Job]) -> dict[Any, Any]:
    """Values for the whole talk, except the text being typed."""
    line = render.situation_line(view.situation, view.emotion_type, view.problem_type)
    return {
        panel.box: gr.update(visible=True),
        panel.situation: line,
        panel.switch: render.side_switch(names_of(view)),
        panel.writing: gr.update(visible=screen_state.step_of(view) == "chat"),
        **live(panel, view, jobs),
    }


def live(panel: ChatPanel, view: EncounterView, jobs: Mapping[str, Job]) -> dict[Any, Any]:
    """Values of the components that change while replies come in."""
    talk = screen_state.exchanges(view, jobs)
    now = screen_state.controls(view, talk)
    names = names_of(view)
    return {
        panel.crisis: render.crisis_card(screen_state.danger_of(view)),
        panel.sides[0]: render.panel(0, names[0], talk),
        panel.sides[1]: render.panel(1, names[1], talk),
        panel.status: render.status(now.status, view.saved_at),
        # Gradio 6.31 loses the label of a button that is updated before it is first drawn, so each update repeats it.
        panel.send: gr.update(value=texts.SEND_BUTTON, interactive=now.can_send),
        panel.stop: gr.update(value=texts.STOP_BUTTON, visible=now.can_stop),
        panel.retry[0]: gr.update(value=texts.RETRY_BUTTON.format(side="A"), visible=now.can_retry[0]),
        panel.retry[1]: gr.update(value=texts.RETRY_BUTTON.format(side="B"), visible=now.can_retry[1]),
        panel.finish: gr.update(
            value=texts.FINISH_BUTTON,
            interactive=now.can_finish,
            variant="primary" if now.can_finish else "secondary",
        ),
    }
