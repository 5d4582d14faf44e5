"""Which control of the tab calls which handler. No logic.

A message is chosen in HTML of our own, in the list or in the chat; page.js keeps what was asked for and presses a
button that nobody sees.
"""

from __future__ import annotations

from typing import Any

import gradio as gr

from escdemo.inside.looking import Looking
from escdemo.look.theme import go_to

ASKED = "(...values) => [...values.slice(0, -1), window.escAsked()]"


def wire(looking: Looking, token: gr.BrowserState, talk: gr.State) -> None:
    """All events of the tab."""
    tab = looking.tab
    place = [token, talk, tab.unseen.at, tab.unseen.asked]
    shown: dict[str, Any] = {
        "outputs": [looking.tabs, tab.paste_note, *tab.outputs()],
        "queue": False,
        "show_progress": "hidden",
        "trigger_mode": "always_last",
    }
    opened = tab.unseen.open.click(looking.show, place, js=ASKED, api_name="look", **shown)
    opened.then(None, js=go_to("#inside-messages [aria-current]"))
    selected = tab.tab.select(looking.show, place, api_name="look_again", **shown)
    chosen = tab.talk.input(looking.choose, [token, talk, tab.talk], api_name="look_at_talk", **shown)
    pasted = tab.paste_go.click(looking.paste, [tab.paste, tab.situation, tab.pair], api_name="paste", **shown)
    for number, event in enumerate((opened, selected, chosen, pasted)):
        event.then(
            looking.answer,
            [tab.unseen.at],
            tab.outputs(),
            api_name=f"answer_{number}",
            show_progress="hidden",
            trigger_mode="multiple",
            concurrency_limit=None,
        )
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
