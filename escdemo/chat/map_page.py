"""The handlers of the Map tab, and which control calls which.

A study hides the names of models until the vote: before it, the tab shows nothing; after it, the two models of that
talk. The demo shows every model that runs.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np
from sqlalchemy.exc import SQLAlchemyError

from annotation.choices import Side
from annotation.talks.encounters import is_token, visitor_of
from annotation.talks.views import EncounterView
from escdemo import texts
from escdemo.chat import map_tab
from escdemo.chat.map_files import MapFiles
from escdemo.chat.map_tab import Choices, MapTab, NetMap
from escdemo.chat.map_work import DIALOGUES, SEED, Making
from escdemo.chat.own_replies import OwnReply, replies_in, replies_on
from escdemo.chat.talks import Talks
from escdemo.look import render
from escdemo.look.map_figures import COLOURS, PLANES, SHAPES, PathStep, Told
from escdemo.net_texts import title_of
from models.analysis.map_turns import Said, drawn_turns, hash_of, said_in
from models.analysis.state_map import StateMap
from models.data.esconv import read_esconv, split_dialogues
from models.reading.text_files import without_folder

SETUP = "setup"
"""value of the talk's state while a visitor is choosing the next one, as in `handlers`"""
PART = ("D", "test")
"""split and part of ESConv; no net was trained on that part"""


class MapPage:
    """The handlers. They keep no state about a visitor."""

    def __init__(self, tab: MapTab, talks: Talks, files: MapFiles) -> None:
        self.tab, self.talks, self.files = tab, talks, files

    def show(self, token: str, talk: str, *chosen: Any) -> list[Any]:
        """The whole tab for these choices; also requests the states that its paths need."""
        try:
            view = None if talk == SETUP else self.talks.find(token, talk)
        except SQLAlchemyError:
            return map_tab.closed(texts.STORE_DOWN)
        names = self.talks.shown_nets(view)
        if not names:
            return map_tab.closed(texts.MAP_HIDDEN)
        choices = _read(names, view, *chosen)
        own = replies_in(self.talks.all_of(token)) if choices.source == "own" else ()
        sides = _paths(view)
        states, left = self.talks.map_work.states([one for path in sides.values() for one in path[1]])
        maps = [self._net_map(token, net, choices, sides, states, own) for net in choices.nets if net]
        note = texts.MAP_NO_TALK if view is None else texts.MAP_NO_REPLY if not sides else texts.MAP_PATH_HELP
        making = self.talks.map_work.progress(_owner(token))
        busy = left > 0 or (making is not None and not making.ended)
        values = map_tab.fill(names, choices, maps, note, may_make=self._may_make(choices.source))
        return [*values, _progress(left, making), gr.Timer(active=busy)]

    def look(self, token: str, talk: str, *chosen: Any) -> list[Any]:
        """Show the progress while something is being made, and the whole tab once it is done."""
        view = None if talk == SETUP else self.talks.find(token, talk)
        _, left = self.talks.map_work.states([one for path in _paths(view).values() for one in path[1]])
        making = self.talks.map_work.progress(_owner(token))
        if self.talks.shown_nets(view) and (left > 0 or (making is not None and not making.ended)):
            unchanged: list[Any] = [gr.skip()] * (len(self.tab.outputs) - 2)
            return [*unchanged, _progress(left, making), gr.skip()]
        return self.show(token, talk, *chosen)

    def make(self, token: str, talk: str, *chosen: Any) -> list[Any]:
        """Start making maps of the chosen nets, where that is allowed."""
        view = None if talk == SETUP else self.talks.find(token, talk)
        names = self.talks.shown_nets(view)
        if not names or not is_token(token):
            return self.show(token, talk, *chosen)
        choices = _read(names, view, *chosen)
        if not self._may_make(choices.source):
            return self.show(token, talk, *chosen)
        nets = [net for net in choices.nets if net]
        try:
            if choices.source == "esconv":
                self.talks.map_work.make(_owner(token), nets, self._from_esconv, Path(self.talks.settings.maps))
            else:
                own = [one.said for one in replies_in(self.talks.all_of(token))]
                self.talks.map_work.make(_owner(token), nets, lambda: (own, ("", "")), None)
        except ValueError as refusal:
            return [*self.show(token, talk, *chosen)[:-2], render.notice(str(refusal), "problem"), gr.skip()]
        return self.show(token, talk, *chosen)

    def _may_make(self, source: str) -> bool:
        """In the demo: maps of one's own talks, and of ESConv if the operator gave a copy. In a study: none."""
        settings = self.talks.settings
        return settings.mode == "demo" and (source == "own" or settings.esconv is not None)

    def _from_esconv(self) -> tuple[Sequence[Said], tuple[str, str]]:
        """The turns of a map of ESConv. Raises ValueError; its message does not reveal the file's folder."""
        path = Path(self.talks.settings.esconv or "")
        try:
            dialogues = read_esconv(path)
        except (ValueError, OSError) as error:
            raise ValueError(f"{texts.MAP_NO_ESCONV} ({without_folder(error, path)})") from error
        drawn = drawn_turns(split_dialogues(dialogues, PART[0]).part(PART[1]), DIALOGUES, SEED)
        return said_in(dialogues, drawn), PART

    def _net_map(
        self,
        token: str,
        net: str,
        choices: Choices,
        sides: dict[str, tuple[str, tuple[OwnReply, ...]]],
        states: dict[str, Any],
        own: Sequence[OwnReply],
    ) -> NetMap:
        reader = self.talks.service.reader(net)
        if choices.source == "own":
            found = self.talks.map_work.own(_owner(token), net)
            old = found is not None and found.about.data != hash_of([one.said for one in own])
            note = texts.MAP_OWN_OLD if old else "" if found else texts.MAP_OWN_MISSING.format(net=title_of(net))
        else:
            found, note = self.files.of(net, reader.checkpoint if reader is not None else None)
        texts_of = {(one.said.dialogue, one.said.turn): Told(one.post, one.said.reply.text) for one in own}
        side, replies = sides.get(net, ("", ()))
        path: tuple[PathStep, ...] = ()
        if found is not None and sides:
            if not replies:
                note = f"{note} {texts.MAP_NO_PATH.format(net=title_of(net))}".strip()
            elif reader is None:
                note = f"{note} {texts.MAP_NO_STATES.format(net=title_of(net))}".strip()
            try:
                path = _steps(found, choices.plane, replies, states)
            except ValueError:
                note = texts.MAP_MISFIT.format(net=title_of(net))
        return NetMap(net, found, note, path, side, texts_of)


def _owner(token: str) -> str:
    return visitor_of(token) if is_token(token) else ""


def _read(names: Sequence[str], view: EncounterView | None, *chosen: Any) -> Choices:
    """The checked choices. A missing or unknown one becomes the first allowed one; the nets of the talk come first."""
    source, first, second, plane, colour, shape = (*chosen, *[None] * 6)[:6]
    own = [name for name in (view.systems if view is not None else ()) if name and name in names]
    preferred = [*own, *(name for name in names if name not in own)]
    one = str(first) if first in names else preferred[0]
    other = "" if second == "" else next((name for name in (second, *preferred) if name in names and name != one), "")
    return Choices(
        source if source in texts.MAP_SOURCES else "esconv",
        (one, str(other)),
        plane if plane in PLANES else "tsne",
        colour if colour in COLOURS else "gold",
        shape if shape in SHAPES else "strategy",
    )


def _paths(view: EncounterView | None) -> dict[str, tuple[str, tuple[OwnReply, ...]]]:
    """Net -> the label of its side and its replies in the talk; empty while names are hidden."""
    if view is None or view.hidden():
        return {}
    found = {
        name: (f"your talk (side {side.value.upper()})", replies_on(view, side))
        for name, side in zip(view.systems, Side, strict=True)
        if name
    }
    return {name: path for name, path in found.items() if any(other[1] for other in found.values())}


def _steps(found: StateMap, plane: str, replies: Sequence[OwnReply], states: dict[str, Any]) -> tuple[PathStep, ...]:
    """The replies with known states, placed on the map. Raises ValueError when the states do not fit the map."""
    known = [one for one in replies if one.key in states]
    if not known:
        return ()
    stacked = np.stack([states[one.key] for one in known])
    places = found.tsne(stacked) if plane == "tsne" else found.pca(stacked)
    return tuple(
        PathStep(
            one.number,
            one.post,
            one.said.reply.text,
            one.said.reply.strategy or "",
            float(x),
            float(y),
            one.said.verdict,
        )
        for one, (x, y) in zip(known, places, strict=True)
    )


def _progress(left: int, making: Making | None) -> str:
    """The progress of what is being made, or how it ended."""
    parts = []
    if making is not None and not making.ended:
        words = texts.MAP_MAKING.format(net=title_of(making.net), done=making.done, total=making.total)
        parts.append(map_tab.progress_bar(making.done, making.total, words if making.total else texts.MAP_READING))
    elif making is not None:
        parts.append(render.notice(making.error or texts.MAP_MADE, "problem" if making.error else "good"))
    if left:
        parts.append(map_tab.progress_bar(0, 0, texts.MAP_PLACING.format(left=left)))
    return "".join(parts)


def wire(page: MapPage, token: gr.BrowserState, talk: gr.State) -> None:
    """Which control calls which handler."""
    tab = page.tab
    inputs, outputs = [token, talk, *tab.inputs()], list(tab.outputs)
    choices = [control.input for control in tab.inputs()]
    quick: dict[str, Any] = {"queue": False, "show_progress": "hidden"}
    gr.on(
        [tab.tab.select, tab.refresh.click, *choices],
        page.show,
        inputs,
        outputs,
        api_name="map",
        trigger_mode="always_last",
        **quick,
    )
    tab.make.click(page.make, inputs, outputs, api_name="make_map", trigger_mode="once", **quick)
    tab.again.tick(page.look, inputs, outputs, api_name="look_at_map", **quick)
    tab.mark.input(None, [tab.mark], js="(strategy) => window.escMapMark(strategy)")
