"""The tab: its components, and what they show for one message. `build` and `build_unseen` draw; `fill` is pure.

Words and figures arrive together; the page's script (plots.js) draws the figures once the words are on the screen.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import gradio as gr

from escdemo import sent_away, texts
from escdemo.chat.setup_panel import pair_choices
from escdemo.inside import cards, explain, figures
from escdemo.inside.reasons import differences
from escdemo.look import figures as shared
from escdemo.look import render
from escdemo.look.figures import Sided
from escdemo.settings import Settings


@dataclass(frozen=True)
class SideParts:
    """Components of one side."""

    card: gr.HTML
    mixture: gr.Plot
    mixture_bar: gr.HTML
    form: gr.HTML
    result: gr.HTML
    bars: gr.Plot
    heat: gr.Plot
    attention_bar: gr.HTML


@dataclass(frozen=True)
class Unseen:
    """Hidden components. They are outside the tab, because Gradio does not draw a tab until it is first opened."""

    open: gr.Button
    """pressed by the page's script when a message is chosen in the list"""
    ask: gr.Button
    """the same for the list of a pasted dialogue, where the nets must answer first"""
    jump: gr.Button
    """the same when a visitor comes from the chat or by a link"""
    run: gr.Button
    """the same for "what if" """
    asked: gr.Textbox
    """what the script sends, as JSON"""
    at: gr.State
    """a `Place` of `looking`: which talk, which message"""


@dataclass(frozen=True)
class InsideTab:
    """Components of the tab."""

    tab: gr.Tab
    talk: gr.Dropdown
    paste: gr.Textbox
    situation: gr.Textbox
    pair: gr.Dropdown
    paste_go: gr.Button
    paste_note: gr.HTML
    messages: gr.HTML
    note: gr.HTML
    post: gr.HTML
    switch: gr.HTML
    sides: tuple[SideParts, SideParts]
    differences: gr.HTML
    emotions: gr.Plot
    emotions_bar: gr.HTML
    attention: gr.Accordion
    settings: gr.Accordion
    settings_table: gr.HTML
    unseen: Unseen

    def of_message(self) -> list[Any]:
        """All components of one message: words, figures and save buttons."""
        sides = [
            part for side in self.sides for part in (side.card, side.form, side.result, side.mixture, side.mixture_bar)
        ]
        own = [self.talk, self.messages, self.note, self.post, self.switch, self.differences, self.emotions]
        below = [self.emotions_bar, self.attention, self.settings, self.settings_table, self.unseen.at]
        return [*own, *below, *sides, *self.of_attention()]

    def of_attention(self) -> list[Any]:
        """The components behind the fold."""
        return [part for side in self.sides for part in (side.bars, side.heat, side.attention_bar)]

    def of_talk(self) -> tuple[Any, ...]:
        """What stays the same for all messages of a talk, except the mark in the list."""
        return self.talk, self.messages, self.note, self.switch


def build_unseen(start: Any) -> Unseen:
    """Draw the hidden components; `start` is the first place. The style sheet hides the buttons: with visible=False the
    script could not press them."""
    names = ("inside-open", "inside-ask", "inside-jump", "inside-run")
    open_, ask, jump, run = (gr.Button(name, elem_id=name) for name in names)
    return Unseen(open_, ask, jump, run, gr.Textbox("", visible=False), gr.State(start))


def build(settings: Settings, unseen: Unseen, hosts: Sequence[str]) -> InsideTab:
    """Draw the tab. `hosts`: the servers that a pasted dialogue is sent to."""
    with gr.Tab(texts.INSIDE_TAB, id="inside", elem_id="inside-tab") as tab:
        gr.HTML(f'<h2 class="esc-h2">{texts.INSIDE_TITLE}</h2><p class="esc-hint">{texts.INSIDE_HINT}</p>')
        talk = gr.Dropdown([], label=texts.INSIDE_TALK, elem_id="inside-talk", interactive=True, visible=False)
        with gr.Accordion(texts.PASTE_TITLE, open=False, elem_id="inside-paste", visible=settings.mode == "demo"):
            gr.HTML(sent_away.notice(hosts), visible=bool(hosts))
            paste = gr.Textbox(
                label=texts.PASTE_LABEL,
                info=texts.PASTE_INFO,
                placeholder=texts.PASTE_PLACEHOLDER,
                lines=4,
                max_lines=12,
            )
            situation = gr.Textbox(label=texts.PASTE_SITUATION, max_lines=3)
            with gr.Row(equal_height=True):
                pairs = pair_choices(settings.nets) if settings.mode == "demo" else []
                pair = gr.Dropdown(pairs, value=pairs[0][1] if pairs else None, label=texts.PAIR, elem_id="inside-pair")
                paste_go = gr.Button(texts.PASTE_BUTTON, variant="primary", elem_id="inside-paste-go", min_width=160)
            paste_note = gr.HTML(elem_id="inside-paste-note")
        note = gr.HTML(render.notice(texts.WHY_EMPTY), elem_id="inside-note")
        with gr.Row(elem_id="inside"):
            with gr.Column(scale=1, min_width=240):
                messages = gr.HTML(elem_id="inside-messages")
            with gr.Column(scale=4, min_width=320):
                post = gr.HTML(elem_id="inside-post")
                switch = gr.HTML(elem_id="inside-switch")
                with gr.Row():
                    sides = tuple(_side(letter) for letter in "ab")
                differing = gr.HTML(elem_id="inside-differences")
                emotions = gr.Plot(show_label=False, visible=False, elem_id="why-emotion", elem_classes="esc-fig")
                emotions_bar = gr.HTML()
        with gr.Accordion(texts.INSIDE_ATTENTION, open=False, visible=False, elem_id="inside-attention") as attention:
            figured = [_attention(letter) for letter in "ab"]
        with gr.Accordion(texts.INSIDE_SETTINGS, open=False, visible=False, elem_id="inside-settings") as more:
            table = gr.HTML(elem_id="why-settings")
    both = [SideParts(*one, *drawn) for one, drawn in zip(sides, figured, strict=True)]
    own = (tab, talk, paste, situation, pair, paste_go, paste_note, messages, note, post, switch)
    rest = (differing, emotions, emotions_bar, attention, more, table)
    return InsideTab(*own, (both[0], both[1]), *rest, unseen)


def fill(tab: InsideTab, sides: Sequence[Sided | str], forms: Sequence[str], *, attention: bool) -> dict[Any, Any]:
    """Values for both sides with their forms and figures; a side without reasons is given as HTML.

    `attention`: whether its fold is open. Only then are its figures made, as they take longest.
    """
    told = [side if isinstance(side, Sided) else None for side in sides]
    values = _common(tab, [side for side in told if side is not None], attention=attention)
    for letter, part, side, form in zip("ab", tab.sides, sides, forms, strict=True):
        values[part.card] = side if isinstance(side, str) else cards.side_card(letter, side)
        values |= {part.form: "" if isinstance(side, str) else form, part.result: ""}
        values |= _mixture_values(part, letter, None if isinstance(side, str) else side)
    return values | draw_attention(tab, told if attention else (None, None))


def _common(tab: InsideTab, told: Sequence[Sided], *, attention: bool) -> dict[Any, Any]:
    """Values for what both sides share."""
    read = next((side.trace for side in told if side.trace.emotions), None)
    return {
        tab.differences: _differing(told),
        tab.attention: gr.update(visible=any(side.trace.blocks for side in told), open=attention),
        tab.settings: gr.update(visible=bool(told)),
        tab.emotions: _plot(figures.emotion_line(read), "emotions") if read else _hidden(),
        tab.emotions_bar: render.save_bar("why-emotion", "emotions", explain.emotion_csv(read)) if read else "",
        tab.settings_table: _settings(told) if told else "",
    }


def draw_attention(tab: InsideTab, sides: Sequence[Sided | None]) -> dict[Any, Any]:
    """Values for the figures behind the fold."""
    values: dict[Any, Any] = {}
    for letter, part, side in zip("ab", tab.sides, sides, strict=True):
        values |= _attention_values(part, letter, side)
    return values


def _side(letter: str) -> tuple[Any, ...]:
    with gr.Column(min_width=320, elem_classes=f"esc-only-{letter}"):
        card = gr.HTML(elem_id=f"inside-{letter}")
        mixture = gr.Plot(show_label=False, visible=False, elem_id=f"why-mixture-{letter}", elem_classes="esc-fig")
        return (
            card,
            mixture,
            gr.HTML(),
            gr.HTML(elem_id=f"what-if-{letter}"),
            gr.HTML(elem_id=f"what-if-result-{letter}"),
        )


def _attention(letter: str) -> tuple[Any, ...]:
    with gr.Row(elem_classes=f"esc-only-{letter}"):
        bars, heat = (
            gr.Plot(show_label=False, visible=False, elem_id=f"why-{kind}-{letter}", elem_classes="esc-fig")
            for kind in ("comet", "heat")
        )
    return bars, heat, gr.HTML(elem_classes=f"esc-only-{letter}")


def _mixture_values(part: SideParts, letter: str, side: Sided | None) -> dict[Any, Any]:
    if side is None or not side.trace.strategy():
        return {part.mixture: _hidden(), part.mixture_bar: ""}
    bar = render.save_bar(f"why-mixture-{letter}", f"strategies-{letter}", explain.strategy_csv([side]))
    return {part.mixture: _plot(figures.mixture_figure(side), f"strategies-{letter}"), part.mixture_bar: bar}


def _attention_values(part: SideParts, letter: str, side: Sided | None) -> dict[Any, Any]:
    if side is None or not side.trace.blocks:
        return {part.bars: _hidden(), part.heat: _hidden(), part.attention_bar: ""}
    bars = (f"why-comet-{letter}", f"knowledge-{letter}", explain.blocks_csv(side.trace))
    heat = (f"why-heat-{letter}", f"attention-{letter}", explain.heat_csv(side.trace))
    return {
        part.bars: _plot(shared.comet_figure(side), bars[1]),
        part.heat: _plot(shared.heat_figure(side), heat[1]),
        part.attention_bar: render.save_bar(*bars, "knowledge") + render.save_bar(*heat, "attention"),
    }


def _differing(told: Sequence[Sided]) -> str:
    if len(told) < 2:
        return ""
    names, traces = (told[0].label, told[1].label), (told[0].trace, told[1].trace)
    lines = "".join(f"<li>{render.escape(sentence)}</li>" for sentence in differences(names, traces))
    return f'<section class="esc-text"><h3>{texts.INSIDE_DIFFERENCES}</h3><ul>{lines}</ul></section>'


def _settings(told: Sequence[Sided]) -> str:
    parts = "".join(explain.token_strip(side) for side in told) + explain.settings_table(told)
    parts += "".join(explain.extras(side) for side in told)
    return parts + render.save_bar("", "settings", explain.settings_csv(told))


def _plot(figure: Any, name: str) -> Any:
    return gr.update(value=shared.plot_value(figure, name), visible=True)


def _hidden() -> Any:
    return gr.update(value=None, visible=False)
