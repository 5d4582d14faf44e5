"""Before a talk: choosing whom to play (a role card or one's own situation), and consent before anything is stored.

`build` and `build_consent` draw the two steps. The other functions draw nothing, except `_choices` and `_story`.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import gradio as gr

from escdemo import intake, sent_away, texts
from escdemo.chat.talks import Start
from escdemo.intake import Refusal
from escdemo.look import render
from escdemo.net_texts import choices_of
from escdemo.role_cards import RoleCard
from escdemo.settings import Settings
from models.data.esconv_labels import EMOTION_TYPES_BY_COUNT, PROBLEM_TYPES


@dataclass(frozen=True)
class ConsentPanel:
    """The second step, for visitors who have not talked here before."""

    box: gr.Column
    agreed: gr.Checkbox
    go: gr.Button


@dataclass(frozen=True)
class SetupPanel:
    """The first step."""

    box: gr.Column
    shown: gr.HTML
    """the person to play, as chosen now"""
    note: gr.HTML
    example_button: gr.Button
    example: gr.HTML
    problem_filter: gr.Dropdown
    card: gr.Dropdown
    draw: gr.Button
    situation: gr.Textbox
    emotion: gr.Dropdown
    problem: gr.Dropdown
    intensity: gr.Radio
    systems: gr.Dropdown
    blind: gr.Checkbox
    start: gr.Button

    def fields(self) -> list[Any]:
        """The inputs of `read_start`, in its order."""
        return [self.card, *self.story(), self.systems, self.blind]

    def story(self) -> list[Any]:
        """The fields of the person to play, in the order of `story_of`."""
        return [self.situation, self.emotion, self.problem, self.intensity]


def build_consent(hosts: Sequence[str]) -> ConsentPanel:
    """Draw the hidden consent step. `hosts`: the servers that talks are sent to."""
    with gr.Column(visible=False, elem_id="consent") as box:
        gr.HTML(f'<div class="esc-text">{texts.CONSENT_HTML}</div>{sent_away.notice(hosts)}')
        agreed = gr.Checkbox(label=texts.CONSENT_BOX, elem_id="consent-box", container=False)
        go = gr.Button(texts.CONSENT_BUTTON, variant="primary", elem_id="consent-go")
    return ConsentPanel(box, agreed, go)


def build(cards: Sequence[RoleCard], settings: Settings, hosts: Sequence[str]) -> SetupPanel:
    """Draw the first step, hidden until the page knows the visitor. It names the `hosts` that talks are sent to, for
    visitors who consented in an earlier run, when these may have been others."""
    demo = settings.mode == "demo"
    with gr.Column(visible=False, elem_id="setup") as box:
        gr.HTML(f'<h2 class="esc-h2">{texts.SETUP_TITLE}</h2><p class="esc-hint">{texts.SETUP_HINT}</p>')
        gr.HTML(sent_away.notice(hosts), visible=bool(hosts))
        shown = gr.HTML(elem_id="card")
        with gr.Row(elem_id="setup-buttons"):
            start = gr.Button(texts.START_BUTTON, variant="primary", elem_id="start", min_width=160)
            draw = gr.Button(texts.DRAW_BUTTON, elem_id="card-draw", min_width=160)
            example_button = gr.Button(texts.EXAMPLE_BUTTON, elem_id="example-open", min_width=160)
        blind = gr.Checkbox(label=texts.BLIND, visible=demo, elem_id="blind", container=False)
        note = gr.HTML(elem_id="setup-note")
        with gr.Accordion(texts.OWN_TITLE, open=False, elem_id="own-story"):
            gr.HTML(f'<p class="esc-hint">{texts.SETUP_READ}</p>')
            with gr.Row(equal_height=False):
                problem_filter, card, systems = _choices(cards, settings.nets if demo else ())
                story = _story()
        example = gr.HTML(elem_id="example")
    return SetupPanel(
        box, shown, note, example_button, example, problem_filter, card, draw, *story, systems, blind, start
    )


def _choices(cards: Sequence[RoleCard], nets: Sequence[str]) -> tuple[gr.Dropdown, gr.Dropdown, gr.Dropdown]:
    """The lists of problems, cards and pairs of `nets`; the last one shows only with several pairs."""
    pairs = pair_choices(nets)
    with gr.Column(scale=2, min_width=280):
        problem = gr.Dropdown(
            [texts.ANY_PROBLEM, *_problems()], value=texts.ANY_PROBLEM, label=texts.CARD_FILTER, elem_id="card-filter"
        )
        card = gr.Dropdown(card_choices(cards), value="", label=texts.CARD_CHOICE, elem_id="card-choice")
        systems = gr.Dropdown(
            [*pairs, (texts.ANY_PAIR, texts.ANY_PAIR)] if pairs else [],
            value=pairs[0][1] if pairs else None,
            label=texts.PAIR,
            visible=len(pairs) > 1,
            elem_id="systems",
        )
    return problem, card, systems


def _story() -> tuple[gr.Textbox, gr.Dropdown, gr.Dropdown, gr.Radio]:
    with gr.Column(scale=3, min_width=300):
        situation = gr.Textbox(
            label=texts.SITUATION,
            placeholder=texts.SITUATION_PLACEHOLDER,
            lines=3,
            max_lines=8,
            elem_id="situation",
        )
        with gr.Row():
            emotion = gr.Dropdown(
                list(EMOTION_TYPES_BY_COUNT), value=None, label=texts.EMOTION, elem_id="emotion", min_width=140
            )
            problem = gr.Dropdown(_problems(), value=None, label=texts.PROBLEM, elem_id="problem", min_width=140)
        intensity = gr.Radio(
            list(zip(texts.INTENSITY_LABELS, range(1, 6), strict=True)),
            label=texts.INTENSITY_BEFORE,
            elem_id="intensity-before",
        )
    return situation, emotion, problem, intensity


def _problems() -> list[tuple[str, str]]:
    return [(render.problem_name(label), label) for label in PROBLEM_TYPES]


def story_of(card: RoleCard | None) -> tuple[str, str | None, str | None, int | None]:
    """Situation, emotion, problem and intensity of a card; None gives an empty form."""
    if card is None:
        return "", None, None, None
    return card.situation, card.emotion_type, card.problem_type, card.intensity


def story_html(situation: str | None, emotion: str | None, problem: str | None, intensity: Any) -> str:
    """The person to play, as HTML."""
    if not (situation or "").strip():
        return f'<p class="esc-situation esc-story">{texts.CARD_EMPTY}</p>'
    strength = texts.CARD_STRENGTH.format(intensity=intensity) if intensity in range(1, 6) else ""
    line = render.situation_line(situation or "", emotion or "", problem or "", strength)
    return line.replace("esc-situation", "esc-situation esc-story", 1)


def card_choices(cards: Sequence[RoleCard], problem: str = texts.ANY_PROBLEM) -> list[tuple[str, str]]:
    """(label, id) of the cards of one problem type, or of all, after an empty entry for one's own situation."""
    fitting = [card for card in cards if problem in (texts.ANY_PROBLEM, card.problem_type)]
    return [
        (texts.OWN_SITUATION, ""),
        *((f"{card.emotion_type}: {_begin(card.situation)}", card.id) for card in fitting),
    ]


def pair_choices(nets: Sequence[str]) -> list[tuple[str, str]]:
    """(label, value) of all pairs of the loaded nets, in the order of `_pairs`."""
    shown = {net: label for label, net in choices_of(tuple(nets))}
    return [(f"{shown[a]} and {shown[b]}", f"{a} and {b}") for a, b in _pairs(nets)]


def _pairs(nets: Sequence[str]) -> list[tuple[str, str]]:
    return [(first, second) for at, first in enumerate(nets) for second in nets[at + 1 :]]


def draw_card(cards: Sequence[RoleCard], problem: str, current: str) -> str:
    """The id of a random card of this problem type, different from the current one if possible."""
    ids = [card_id for _, card_id in card_choices(cards, problem) if card_id] or [card.id for card in cards]
    others = [card_id for card_id in ids if card_id != current]
    return random.choice(others or ids)


def find_card(cards: Sequence[RoleCard], card_id: str | None) -> RoleCard | None:
    """The card with this id, None for one's own situation."""
    return next((card for card in cards if card.id == card_id), None)


def read_start(cards: Sequence[RoleCard], settings: Settings, *fields: Any) -> Start:
    """The checked choices. `fields` are the values of `SetupPanel.fields`. Raises Refusal saying what is missing."""
    card_id, situation, emotion, problem, intensity, systems, blind = fields
    situation = intake.check_length(situation or "", settings.max_situation_chars, texts.SITUATION_NAME)
    if emotion not in EMOTION_TYPES_BY_COUNT or problem not in PROBLEM_TYPES or intensity not in range(1, 6):
        raise Refusal(texts.SETUP_MISSING)
    card = find_card(cards, card_id)
    # A card with a changed situation counts as one's own situation.
    role_card = card.id if card is not None and card.situation == situation else None
    return Start(situation, emotion, problem, int(intensity), role_card, pair_of(settings, systems), bool(blind))


def pair_of(settings: Settings, chosen: Any) -> tuple[str, str]:
    """The two nets of this talk: the chosen ones in demo mode, random ones in a study or for ANY_PAIR."""
    pairs = _pairs(settings.nets)
    if settings.mode == "study" or chosen == texts.ANY_PAIR:
        return random.choice(pairs)
    names = [value for _, value in pair_choices(settings.nets)]
    return pairs[names.index(chosen)] if chosen in names else pairs[0]


def _begin(text: str, length: int = 64) -> str:
    return text if len(text) <= length else text[: length - 1].rsplit(" ", 1)[0] + " …"
