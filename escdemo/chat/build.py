"""The layout of the page, and which control calls which handler. No logic.

`build_app` gets everything it needs as arguments and changes nothing outside; tests call it with fakes.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import gradio as gr
from gradio.events import Dependency
from sqlalchemy.orm import Session, sessionmaker

from escdemo import texts
from escdemo.chat import (
    about_tab,
    chat_panel,
    figures_tab,
    judge_panel,
    map_page,
    map_tab,
    models_tab,
    results_tab,
    setup_panel,
)
from escdemo.chat.handlers import Page, Parts
from escdemo.chat.map_files import MapFiles
from escdemo.chat.talks import Talks
from escdemo.hosted import HostedNets, lying
from escdemo.inside import panel as inside_panel
from escdemo.inside.looking import Looking, Place
from escdemo.inside.wiring import ASKED, wire
from escdemo.look import render
from escdemo.look.theme import SENDING, SENT, go_to
from escdemo.role_cards import load_role_cards
from escdemo.settings import Settings
from models.analysis.analysis_file import SHIPPED
from models.serving.service import GenerationService

STORAGE_KEY = "escdemo"
DRAFT_KEY = "escdemo-draft"
STORAGE_SECRET = "escdemo-browser-1"
FRESH = "async (token, _, draft) => [token, token ? '' : await window.escFresh(), draft]"


def build_app(service: GenerationService, sessions: sessionmaker[Session], settings: Settings) -> gr.Blocks:
    """The page, for a running service and an open store."""
    cards = load_role_cards()
    with gr.Blocks(title=texts.TITLE, analytics_enabled=False) as demo:
        token = gr.BrowserState("", storage_key=STORAGE_KEY, secret=STORAGE_SECRET)
        draft = gr.BrowserState(judge_panel.NO_DRAFT, storage_key=DRAFT_KEY, secret=STORAGE_SECRET)
        fresh, talk, opened = gr.Textbox("", visible=False), gr.State(""), gr.State(0.0)
        seen, asked = gr.Number(0, visible="hidden", precision=0, elem_id="seen"), gr.Textbox("", visible=False)
        gr.HTML(render.header(settings.mode, settings.study), elem_id="header")
        unseen = inside_panel.build_unseen(Place())
        go = gr.Button("go", elem_id="step-open")  # hidden by the style sheet, pressed by the script
        with gr.Tabs(elem_id="tabs") as tabs:
            with gr.Tab(texts.CHAT_TAB, id="chat-tab"):
                steps = gr.HTML(render.steps(0), elem_id="steps")
                setup = setup_panel.build(cards, settings, service.sends_to)
                consent = setup_panel.build_consent(service.sends_to)
                note = gr.HTML(elem_id="page-note")
                chat = chat_panel.build(tools=render.talk_tools())
                judge = judge_panel.build()
            inside = inside_panel.build(settings, unseen, service.sends_to)
            figures = figures_tab.build()
            maps = map_tab.build()
            models = models_tab.build()
            results = results_tab.build(study=settings.mode == "study")
            about = about_tab.build(service.sends_to)
        own = (token, fresh, draft, talk, seen, opened)
        parts = Parts(*own, steps, note, consent, setup, chat, judge, figures, models, results, about)
        analyses = Path(settings.analysis) if settings.analysis else SHIPPED
        nets, away = service.names, bool(settings.backend)
        running = {name: service.checkpoint(name) for name in nets} if away else lying(nets)
        hosted = HostedNets(nets, settings.device, analyses, running=running, away=away)
        page = Page(parts, Talks(sessions, service, settings), cards, hosted)
        _wire_start(demo, page)
        _wire_steps(page, go, asked)
        _wire_chat(page)
        erased = _wire_rest(page)
        _wire_nets(page)
        wire(Looking(inside, tabs, page.talks), token, talk, erased)
        map_page.wire(map_page.MapPage(maps, page.talks, MapFiles(Path(settings.maps))), token, talk)
    # Only watching replies and previewing a typed story go through the queue. All other events are plain requests: they
    # never wait, and none is lost when the browser is just closing its one event stream at the moment of a click.
    demo.queue(default_concurrency_limit=None)
    return cast(gr.Blocks, demo)


def _wire_start(demo: gr.Blocks, page: Page) -> None:
    """Arriving, choosing whom to play, consent."""
    parts, setup = page.parts, page.parts.setup
    everything = parts.all_outputs()
    story = [*setup.story(), setup.shown]
    arrival = demo.load(
        page.restore,
        [parts.token, parts.fresh, parts.draft],
        [parts.token, *everything],
        js=FRESH,
        api_name="restore",
        queue=False,
    )
    _then_follow(page, arrival, "restore")
    arrival.then(None, js="() => window.escLinked()")
    setup.problem_filter.select(
        page.filter_cards, [setup.problem_filter], [setup.card], api_name="filter_cards", queue=False
    )
    setup.card.select(page.show_card, [setup.card], story, api_name="show_card", queue=False)
    setup.draw.click(
        page.draw_card, [setup.problem_filter, setup.card], [setup.card, *story], api_name="draw_card", queue=False
    )
    gr.on(
        # Only what a visitor does, not every change: a card fills the fields one after the other, and in between half
        # of them still hold the last card. `input` of a Gradio 6.31 Textbox sees keys only; pasted text needs `blur`.
        [setup.situation.blur, *(field.input for field in setup.story())],
        setup_panel.story_html,
        setup.story(),
        [setup.shown],
        api_name="show_story",
        trigger_mode="always_last",
        show_progress="hidden",
    )
    setup.example_button.click(
        page.show_example,
        [setup.example_button],
        [setup.example, setup.example_button],
        api_name="example",
        queue=False,
        show_progress="hidden",
    )
    begin = [parts.token, parts.consent.agreed, *setup.fields()]
    for button, handler, name in ((setup.start, page.start, "start"), (parts.consent.go, page.agree, "agree")):
        started = button.click(handler, begin, everything, api_name=name, queue=False, trigger_mode="once")
        started.then(None, js=go_to("#post textarea, #consent-box input"))


def _wire_steps(page: Page, go: gr.Button, asked: gr.Textbox) -> None:
    """Going back to earlier steps, and on to the next talk."""
    parts = page.parts
    everything, to_start = parts.all_outputs(), go_to("#start, #post textarea, #judge-form input, #again")
    moved = go.click(
        page.go,
        [parts.token, parts.talk, parts.draft, parts.setup.problem_filter, asked],
        everything,
        js=ASKED,
        api_name="go",
        queue=False,
        trigger_mode="once",
    )
    _then_follow(page, moved, "go")
    moved.then(None, js=to_start)
    again = parts.judge.again.click(page.again, [parts.setup.problem_filter], everything, api_name="again", queue=False)
    again.then(None, js=to_start)


def _wire_chat(page: Page) -> None:
    """Sending messages, and watching while they are answered."""
    parts, chat = page.parts, page.parts.chat
    everything = parts.all_outputs()
    sent = gr.on(
        [chat.send.click, chat.post.submit],
        page.send,
        [parts.token, parts.talk, parts.seen, chat.post],
        [*chat.outputs(), parts.seen, parts.note],
        js=SENDING,
        api_name="send",
        queue=False,
        trigger_mode="once",
        show_progress="hidden",
    )
    sent.then(None, [parts.seen], js=SENT)
    _then_follow(page, sent, "send")
    for letter, button in zip("ab", chat.retry, strict=True):
        asked = button.click(
            lambda token, talk, side=letter: page.retry(token, talk, side),
            [parts.token, parts.talk],
            everything,
            api_name=f"retry_{letter}",
            queue=False,
            trigger_mode="once",
            show_progress="hidden",
        )
        _then_follow(page, asked, f"retry_{letter}")
    stopped = chat.stop.click(
        page.stop,
        [parts.token, parts.talk],
        everything,
        api_name="stop",
        queue=False,
        trigger_mode="once",
        show_progress="hidden",
    )
    _then_follow(page, stopped, "stop")
    finished = chat.finish.click(
        page.finish,
        [parts.token, parts.talk],
        everything,
        api_name="finish",
        queue=False,
        trigger_mode="once",
        show_progress="hidden",
    )
    finished.then(None, js=go_to("#judge-form input"))


def _wire_rest(page: Page) -> Dependency:
    """Judging, results, deleting; returns the event that deletes everything."""
    parts, judge, about = page.parts, page.parts.judge, page.parts.about
    everything = parts.all_outputs()
    gr.on(
        # `change` for the reason: `input` of a Textbox misses text that was pasted, dictated or filled in.
        [*(radio.input for radio in (*judge.picks, judge.intensity)), judge.reason.change],
        page.keep_draft,
        [parts.talk, *judge.fields()],
        [parts.draft],
        api_name="keep_draft",
        queue=False,
        trigger_mode="always_last",
        show_progress="hidden",
    )
    voted = judge.save.click(
        page.vote,
        [parts.token, parts.talk, parts.opened, *judge.fields()],
        [*everything, parts.draft],
        api_name="vote",
        queue=False,
        trigger_mode="once",
    )
    voted.then(None, js=go_to("#again"))
    results = parts.results
    gr.on(
        [results.tab.select, results.refresh.click, results.pair.select, results.link.submit],
        page.show_results,
        [results.pair, results.link],
        list(results.outputs),
        api_name="results",
        queue=False,
        show_progress="hidden",
    )
    asked = about.erase.click(
        page.ask_erase, None, [about.erase, about.confirm, about.note], api_name="ask_erase", queue=False
    )
    asked.then(None, js=go_to("#erase-cancel"))
    kept = about.cancel.click(page.keep, None, [about.erase, about.confirm], api_name="keep", queue=False)
    kept.then(None, js=go_to("#erase"))
    gone = about.sure.click(
        page.erase,
        [parts.token],
        [parts.token, parts.draft, about.erase, about.confirm, about.note, about.again, *everything],
        api_name="erase",
        queue=False,
        trigger_mode="once",
    )
    gone.then(None, js=go_to("#erase"))
    about.again.tick(
        page.erased, None, [about.note, about.again], api_name="erased", queue=False, show_progress="hidden"
    )
    return gone


def _wire_nets(page: Page) -> None:
    """The Figures and Models tabs, filled when they are opened."""
    figures, models = page.parts.figures, page.parts.models
    gr.on(
        # `input`, because filling the lists must not trigger it again
        [figures.tab.select, figures.first.input, figures.second.input],
        page.show_figures,
        [page.parts.token, page.parts.talk, figures.first, figures.second],
        [*figures.outputs, *figures.talk],
        api_name="figures",
        queue=False,
        trigger_mode="always_last",
        show_progress="hidden",
    )
    models.tab.select(
        page.show_models,
        [page.parts.token, page.parts.talk],
        list(models.outputs),
        api_name="models",
        queue=False,
        show_progress="hidden",
    )


def _then_follow(page: Page, event: Any, name: str) -> None:
    """After an event that may have asked for replies, watch them."""
    parts = page.parts
    ids = [parts.token, parts.talk]
    # "multiple": by default Gradio drops an event while the one before it still runs, and each message needs its own.
    event.then(
        page.follow,
        ids,
        parts.chat.live(),
        api_name=f"follow_{name}",
        trigger_mode="multiple",
        show_progress="hidden",
        concurrency_limit=None,
    )
