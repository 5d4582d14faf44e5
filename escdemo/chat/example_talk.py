"""An example talk, shown before the visitor's first one. Written by hand for this page, as its notice says."""

from __future__ import annotations

import json
from pathlib import Path

from escdemo.look import render
from escdemo.look.render import Exchange, ReplyShown

PATH = Path(__file__).with_name("example_talk.json")
NOTE = (
    "Written by hand, to show how a talk looks; the models' own replies are often plainer. The label below a reply is"
    " its support strategy. In a talk a click on a reply shows why it came about."
)
NAMES = ("Supporter A", "Supporter B")


def example_html() -> str:
    """The situation and both panels, with the strategy of each reply."""
    talk = json.loads(PATH.read_text(encoding="utf-8"))
    exchanges = [Exchange(one["post"], (_reply(one["a"]), _reply(one["b"]))) for one in talk["exchanges"]]
    line = render.situation_line(talk["situation"], talk["emotion_type"], talk["problem_type"])
    panels = "".join(render.panel(side, name, exchanges) for side, name in enumerate(NAMES))
    return f'{render.notice(NOTE)}{line}<div class="esc-example">{panels}</div>'


def _reply(made: dict[str, str]) -> ReplyShown:
    return ReplyShown("done", made["text"], made["strategy"])
