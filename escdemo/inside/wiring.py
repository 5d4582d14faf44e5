"""Which control of the tab calls which handler. No logic.

A message is chosen in plain HTML, in the list or in the chat; page.js remembers the choice and presses a hidden button.
"""

from __future__ import annotations

from typing import Any

import gradio as gr
from gradio.events import Dependency

from escdemo.inside.looking import Looking
from escdemo.look.theme import go_to

ASKED = "(...values) => [...values.slice(0, -1), window.escAsked()]"

DRAWN = "() => window.escDrawn().finally(() => window.escBusy(false))"


def wire(looking: Looking, token: gr.BrowserState, talk: gr.State, erased: Dependency) -> None:
    """Connect all events of the tab; `erased` is the one that deletes everything."""
    tab = looking.tab
    place = [token, talk, tab.unseen.at, tab.unseen.asked]
    quick: dict[str, Any] = {"queue": False, "show_progress": "hidden", "trigger_mode": "always_last"}
    # Gradio reads everything inside an event's outputs when it begins and ends, and the tabs contain the whole page.
    shown: dict[str, Any] = {**quick, "outputs": tab.of_message()}
    anywhere = [looking.tabs, *tab.of_message()]
    jumped = tab.unseen.jump.click(looking.show, place, anywhere, js=ASKED, api_name="look", **quick)
    opened = tab.unseen.open.click(looking.show, place, js=ASKED, api_name="look_at_message", **shown)
    asked = tab.unseen.ask.click(looking.show, place, js=ASKED, api_name="look_at_pasted", **shown)
    for event in (jumped, opened, asked):
        event.then(None, js=go_to("#inside-messages [aria-current]"))
    selected = tab.tab.select(looking.show, place, api_name="look_again", **shown)
    chosen = tab.talk.input(looking.choose, [*place[:3], tab.talk], api_name="look_at_talk", **shown)
    told = [tab.unseen.at, tab.paste, tab.situation, tab.pair]
    everything = [tab.paste_note, *tab.of_message()]
    pasted = tab.paste_go.click(looking.paste, told, everything, api_name="paste", **quick)
    for event in (jumped, opened, selected, chosen):
        event.then(None, js=DRAWN)
    for number, event in enumerate((asked, selected, pasted)):
        event.then(
            looking.answer,
            [tab.unseen.at],
            tab.of_message(),
            api_name=f"answer_{number}",
            show_progress="hidden",
            trigger_mode="multiple",
            concurrency_limit=None,
        ).then(None, js=DRAWN)
    erased.then(looking.erased, [tab.unseen.at], api_name="look_at_nothing", **shown)
    unfolded = [tab.unseen.at, *tab.of_attention()]
    tab.attention.expand(looking.unfold, place[:3], unfolded, api_name="attention", **quick)
    tab.attention.collapse(looking.fold, [tab.unseen.at], [tab.unseen.at], queue=False, api_name="attention_closed")
    tab.unseen.run.click(
        looking.change,
        place,
        [side.result for side in tab.sides],
        js=ASKED,
        api_name="what_if",
        show_progress="hidden",
        trigger_mode="once",
        concurrency_limit=None,
    )
