"""The layout of the study page, and which control calls which handler. No logic.

All handlers are plain requests, not queued. Answers are saved with trigger_mode "always_last": while one save runs,
later clicks are joined into a single save after it, so nothing is lost and the order is kept.
"""

from __future__ import annotations

from typing import Any, cast

import gradio as gr
from sqlalchemy.orm import Session, sessionmaker

from escdemo.look.theme import SENDING, SENT, go_to
from escdemo.replies import Replies
from escdemo.role_cards import load_role_cards
from escdemo.settings import Settings
from escdemo.study import (
    account_panel,
    create_panel,
    entry_panel,
    lead_panel,
    live_panel,
    question_form,
    rater_panel,
    review_panel,
    texts,
)
from escdemo.study.accounts import Accounts
from escdemo.study.drafting import Drafting
from escdemo.study.entry import Arrival
from escdemo.study.item_making import ItemMaker
from escdemo.study.item_reading import Reading
from escdemo.study.leads import Leads
from escdemo.study.member_session import Desk
from escdemo.study.parts import StudyParts
from escdemo.study.raters import Raters
from escdemo.study.reviewers import Reviewers
from escdemo.study.talking import Talking
from escdemo.web.uploads import COOKIE
from models.serving.service import GenerationService

ALIVE_EVERY_S = 45
KEEP_PASS = f"""(value) => {{
  const secure = location.protocol === "https:" ? "; Secure" : "";
  if (value) document.cookie = `{COOKIE}=${{value}}; SameSite=Strict${{secure}}`;
}}"""
"""sets a cookie for this page only, which lasts for the browser session"""
TICKET = "escdemo-study"
"""key under which the browser tab keeps the ticket or the invitation (see page.js)"""
READ_ARRIVAL = "() => [window.escArrival.invite, window.escArrival.create]"
KEEP_TICKET = f"""(ticket) => {{ if (ticket) sessionStorage.setItem("{TICKET}", ticket); }}"""
FORGET_TICKET = "() => window.escForget()"
LEAVE = "() => { window.escForget(); location.assign(location.pathname); }"
ONCE: dict[str, Any] = {"queue": False, "trigger_mode": "once", "show_progress": "hidden"}
"""for clicks that must not happen twice"""
LAST: dict[str, Any] = {"queue": False, "trigger_mode": "always_last", "show_progress": "hidden"}
"""for choices that may change: while one is being saved, only the last one after it counts"""


def build_studies(service: GenerationService, sessions: sessionmaker[Session], settings: Settings) -> gr.Blocks:
    """The study page, for an open store and a running service, which also makes items for leads."""
    cards = load_role_cards()
    with gr.Blocks(title=texts.TITLE, analytics_enabled=False) as demo:
        link, key = gr.Textbox(visible=False), gr.Textbox(visible=False)
        founder, access, known = gr.State(""), gr.State(None), gr.State(question_form.Known())
        upload_pass = gr.Textbox("", visible="hidden", elem_id="upload-pass")
        shown = gr.Number(0, visible="hidden", precision=0, elem_id="shown")
        withdrawn, header = gr.State(0), gr.HTML(elem_id="header")
        steps, note = gr.HTML(elem_id="steps"), gr.HTML(elem_id="study-note")
        entry = entry_panel.build()
        item = rater_panel.build_item()
        live = live_panel.build()
        ruling = review_panel.build_ruling()
        form = question_form.build()
        live.after.render()  # type: ignore[no-untyped-call]  # gradio leaves it untyped
        rater = rater_panel.build()
        review = review_panel.build(ruling)
        create, lead = create_panel.build(), lead_panel.build(cards)
        people = (entry, item, live, form, rater, review, create, lead, account_panel.build())
        parts = StudyParts(
            link, key, founder, upload_pass, access, shown, known, withdrawn, header, steps, note, *people
        )
        desk = Desk(sessions, settings.create_key, settings.upload_key)
        raters, reviewers = Raters(parts, desk, Replies(sessions, service, settings.options)), Reviewers(parts, desk)
        leads = Leads(parts, desk, ItemMaker(service, desk, settings.options), cards)
        arrival = Arrival(parts, desk, raters, reviewers, leads)
        _wire_arrival(demo, arrival)
        _wire_account(Accounts(parts, desk, arrival))
        _wire_rater(raters)
        _wire_live(Talking(parts, desk, raters, settings))
        _wire_reviewer(reviewers)
        _wire_lead(leads)
        _wire_reading(Reading(leads))
        _wire_drafting(Drafting(leads, settings.study))
    demo.queue(default_concurrency_limit=None)
    return cast(gr.Blocks, demo)


def _wire_arrival(demo: gr.Blocks, arrival: Arrival) -> None:
    parts = arrival.parts
    everything = parts.everything()
    demo.load(arrival.enter, [parts.link, parts.key], everything, js=READ_ARRIVAL, api_name="enter", queue=False)
    parts.upload_pass.change(None, [parts.upload_pass], js=KEEP_PASS)
    entry = parts.entry
    agreed = entry.go.click(arrival.agree, [parts.access, entry.agreed], parts.working(), api_name="agree", **ONCE)
    agreed.then(None, js=go_to("#guide-start"))
    asked = [entry.start.click, parts.rater.look.click]
    started = gr.on(asked, arrival.begin, [parts.access], parts.working(), api_name="begin", **ONCE)
    started.then(None, js=go_to("#questions input"))


def _wire_account(accounts: Accounts) -> None:
    parts, form, panel = accounts.parts, accounts.parts.entry.sign_in, accounts.parts.account
    entered = gr.on(
        [form.go.click, form.password.submit],
        accounts.sign_in,
        form.fields(),
        [*parts.everything(), form.password],
        api_name="sign_in",
        **(ONCE | {"show_progress": "minimal"}),  # takes seconds after failed attempts
    )
    chosen = gr.on(
        [panel.choose.click, panel.again.submit],
        accounts.choose_password,
        [parts.access, panel.new, panel.again],
        [panel.note, panel.ticket, panel.new, panel.again],
        api_name="choose_password",
        **ONCE,
    )
    for event in (entered, chosen):
        event.then(None, [panel.ticket], js=KEEP_TICKET)
    left = panel.sign_out.click(accounts.sign_out, None, [parts.access], api_name="sign_out", **ONCE)
    left.then(None, js=LEAVE)
    panel.withdraw.click(accounts.ask_withdraw, None, panel.question(), api_name="ask_withdraw", **ONCE)
    panel.stay.click(accounts.stay, None, panel.question(), api_name="stay", **ONCE)
    gone = panel.sure.click(accounts.withdraw, [parts.access], parts.everything(), api_name="withdraw", **ONCE)
    gone.then(None, js=FORGET_TICKET)
    panel.look.tick(
        accounts.withdrawn, [parts.withdrawn], [parts.note, panel.look, parts.withdrawn], api_name="withdrawn", **LAST
    )


def _wire_rater(raters: Raters) -> None:
    parts, panel = raters.parts, raters.parts.rater
    working, radios = parts.working(), list(parts.form.radios)
    here = [parts.access, parts.shown]
    gr.on(
        [radio.input for radio in radios],
        raters.save,
        [*here, parts.known, *radios],
        [parts.known, parts.note, panel.saved, panel.undo],
        api_name="save",
        queue=False,
        trigger_mode="always_last",
        show_progress="hidden",
    )
    panel.reason.blur(
        raters.keep_reason,
        [*here, panel.reason],
        [parts.note, panel.saved],
        api_name="keep_reason",
        queue=False,
        trigger_mode="always_last",
        show_progress="hidden",
    )
    handed_in = panel.submit.click(
        raters.submit, [*here, parts.known, panel.reason, *radios], working, api_name="submit", **ONCE
    )
    handed_in.then(None, js=go_to("#questions input"))
    gr.on([panel.back.click, panel.end_back.click], raters.back, here, working, api_name="back", **ONCE)
    panel.undo.click(raters.undo, here, working, api_name="undo", **ONCE)
    panel.skip.click(raters.skip, here, working, api_name="skip", **ONCE)
    panel.pause.click(raters.pause, [parts.access], working, api_name="pause", **ONCE)
    panel.go_on.click(raters.go_on, [parts.access], working, api_name="go_on", **ONCE)
    active = gr.Checkbox(visible=False)
    gr.Timer(ALIVE_EVERY_S).tick(
        raters.alive,
        [*here, active],
        [parts.note],
        js="(access, shown) => [access, shown, window.escActive()]",
        api_name="alive",
        queue=False,
        show_progress="hidden",
    )


def _wire_live(talking: Talking) -> None:
    parts, live = talking.parts, talking.parts.live
    chat, turn, working = live.chat, live.turn, parts.working()
    here = [parts.access, parts.shown]
    to_post = go_to("#post textarea")
    begun = live.start.click(talking.start, [*here, live.intensity], working, api_name="talk", **ONCE)
    begun.then(None, js=to_post)
    sent = [*here, live.seen, chat.post]
    taken = gr.on([chat.send.click, chat.post.submit], talking.send, sent, working, js=SENDING, api_name="send", **ONCE)
    taken.then(None, [live.seen], js=SENT)
    live.watch.tick(talking.look, here, working, api_name="look_on", **ONCE)
    chat.stop.click(talking.stop, here, working, api_name="stop", **ONCE)
    gr.on([button.click for button in chat.retry], talking.retry, here, working, api_name="retry", **ONCE)
    chosen = turn.preference.input(
        talking.prefer, [*here, live.seen, turn.preference], working, api_name="prefer", **LAST
    )
    chosen.then(None, js=to_post)
    for side, stars in zip("ab", turn.stars, strict=True):
        stars.input(
            lambda access, claim, given, side=side: talking.star(access, claim, side, given),
            [*here, stars],
            [chat.note],
            api_name=f"star_{side}",
            **LAST,
        )
    ended = chat.finish.click(talking.end, here, working, api_name="end_talk", **ONCE)
    ended.then(None, js=go_to("#questions input"))
    saved = [parts.note, parts.rater.saved]
    live.after.input(talking.keep_after, [*here, live.after], saved, api_name="keep_after", **LAST)


def _wire_reviewer(reviewers: Reviewers) -> None:
    parts, panel = reviewers.parts, reviewers.parts.review
    working, radios = parts.working(), list(parts.form.radios)
    here = [parts.access, parts.shown]
    given = panel.verdict.click(reviewers.verdict, [*here, *radios], working, api_name="verdict", **ONCE)
    given.then(None, js=go_to("#decision input"))
    panel.decision.input(
        reviewers.choose,
        [panel.decision],
        [panel.hint, parts.form.box, panel.cause],
        api_name="choose",
        queue=False,
        trigger_mode="always_last",
        show_progress="hidden",
    )
    decided = panel.decide.click(
        reviewers.decide,
        [*here, parts.known, panel.decision, panel.cause, *radios],
        working,
        api_name="decide",
        **ONCE,
    )
    decided.then(None, js=go_to("#questions input"))


def _wire_lead(leads: Leads) -> None:
    parts, lead = leads.parts, leads.parts.lead
    outputs = [parts.note, parts.steps, *parts.entry.outputs(), *lead.outputs()]
    made = [parts.access, parts.upload_pass, parts.header, parts.create.box, *parts.account.outputs(), *outputs]
    create, over, access = parts.create, lead.overview, [parts.access]
    create.go.click(leads.create, [parts.founder, *create.inputs], made, api_name="create", **ONCE)
    cards = lead.items
    chosen = [cards.problems, cards.ids]
    cards.add.click(leads.add_cards, [parts.access, *chosen], outputs, api_name="add_cards", **ONCE)
    create.file.upload(leads.create_from_file, [parts.founder, create.file], made, api_name="create_from_file", **ONCE)
    for button, handler, name in (
        (over.refresh, leads.look, "overview"),
        (over.open, leads.open, "open"),
        (over.pause, leads.pause, "pause_study"),
        (over.resume, leads.resume, "resume_study"),
        (over.sure, leads.close, "close"),
        (lead.items.live, leads.import_live, "import_live"),
    ):
        button.click(handler, access, outputs, api_name=name, **ONCE)
    over.close.click(leads.ask_close, None, [over.ask], api_name="ask_close", **ONCE)
    over.cancel.click(leads.keep_open, None, [over.ask], api_name="keep_open", **ONCE)
    lead.items.upload.upload(leads.upload, [parts.access, lead.items.upload], outputs, api_name="upload_items", **ONCE)
    _wire_making(leads, outputs)
    people = lead.people
    people.invite.click(leads.invite, [parts.access, people.role, people.count], outputs, api_name="invite", **ONCE)
    people.revoke.click(leads.revoke, [parts.access, people.member], outputs, api_name="revoke", **ONCE)
    results = lead.results
    gr.on(
        [results.tab.select, results.refresh.click, results.pair.input],
        leads.results,
        [parts.access, results.pair],
        [parts.note, *results.outputs],
        api_name="study_results",
        queue=False,
    )
    export = lead.export
    export.go.click(leads.export, [parts.access, export.form], [parts.note, export.files], api_name="export", **ONCE)


def _wire_reading(reading: Reading) -> None:
    parts, tab = reading.parts, reading.parts.lead.reading
    here, outputs = [parts.access, tab.only, tab.item], [parts.note, *tab.outputs()]
    gr.on([tab.tab.select, tab.only.input, tab.item.input], reading.show, here, outputs, api_name="read", **LAST)
    tab.back.click(reading.back, here, outputs, api_name="read_back", **ONCE)
    tab.forward.click(reading.forward, here, outputs, api_name="read_forward", **ONCE)
    changed = [parts.note, parts.steps, *parts.entry.outputs(), *parts.lead.outputs()]
    tab.drop.click(reading.drop, here, changed, api_name="drop_item", **ONCE)
    tab.again.click(reading.again, here, changed, api_name="make_again", **ONCE)
    tab.empty.click(reading.ask_empty, None, [tab.ask], api_name="ask_empty", **ONCE)
    tab.cancel.click(reading.keep, None, [tab.ask], api_name="keep_items", **ONCE)
    tab.sure.click(reading.empty, here[:2], changed, api_name="empty_draft", **ONCE)


def _wire_drafting(drafting: Drafting) -> None:
    parts, over, form = drafting.parts, drafting.parts.lead.overview, drafting.parts.create
    lead = [parts.note, parts.steps, *parts.entry.outputs(), *parts.lead.outputs()]
    over.edit.click(drafting.edit, [parts.access], [parts.note, *form.outputs()], api_name="edit_plan", **ONCE)
    saved = [parts.header, form.box, *lead]
    form.save.click(drafting.save, [parts.access, *form.inputs], saved, api_name="save_plan", **ONCE)
    form.leave.click(drafting.leave, None, [form.box], api_name="leave_plan", **ONCE)
    over.delete.click(drafting.ask_delete, None, [over.ask_delete], api_name="ask_delete", **ONCE)
    over.cancel_delete.click(drafting.keep, None, [over.ask_delete], api_name="keep_draft", **ONCE)
    gone = over.sure_delete.click(drafting.delete, [parts.access], parts.everything(), api_name="delete_draft", **ONCE)
    gone.then(None, js=FORGET_TICKET)


def _wire_making(leads: Leads, outputs: list[Any]) -> None:
    access, making = leads.parts.access, leads.parts.lead.items.making
    count = making.contexts
    making.cards.click(leads.make_from_cards, [access, count], outputs, api_name="make_from_cards", **ONCE)
    making.esconv.upload(
        leads.make_from_esconv, [access, count, making.esconv], outputs, api_name="make_from_esconv", **ONCE
    )
    making.stop.click(leads.stop_making, [access], outputs, api_name="stop_making", **ONCE)
    making.timer.tick(leads.made, [access], outputs, api_name="made", queue=False, show_progress="hidden")
