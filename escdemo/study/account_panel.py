"""The sign-in form, and the member's corner: choose a password, sign out, withdraw from the study."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import gradio as gr

from annotation.choices import Role
from annotation.studies.study_views import Access, Brief
from escdemo.study import render, texts

LOOK_EVERY_S = 5.0


@dataclass(frozen=True)
class SignInForm:
    """The form for members who come without a link."""

    study: gr.Textbox
    name: gr.Textbox
    password: gr.Textbox
    go: gr.Button

    def fields(self) -> list[Any]:
        """The inputs of `Accounts.sign_in`, in its order."""
        return [self.study, self.name, self.password]


@dataclass(frozen=True)
class AccountPanel:
    """The member's corner, at the foot of every step."""

    box: gr.Column
    who: gr.HTML
    passwords: gr.Column
    new: gr.Textbox
    again: gr.Textbox
    choose: gr.Button
    note: gr.HTML
    ticket: gr.Textbox
    """never seen: carries the ticket to the browser"""
    sign_out: gr.Button
    leave: gr.Column
    withdraw: gr.Button
    ask: gr.Column
    sure: gr.Button
    stay: gr.Button
    look: gr.Timer
    """runs while copies of deleted data may remain"""

    def outputs(self) -> list[Any]:
        """All components that the handlers change."""
        corner = [self.box, self.who, self.passwords, self.new, self.again, self.note, self.ticket]
        return [*corner, self.leave, self.look, *self.question()]

    def question(self) -> list[Any]:
        """What changes when somebody asks to withdraw."""
        return [self.withdraw, self.ask]


def build_sign_in() -> SignInForm:
    """Draw the form for members who come without a link."""
    gr.HTML(f'<h2 class="esc-h2">{texts.SIGN_IN_TITLE}</h2><p class="esc-hint">{texts.SIGN_IN_HINT}</p>')
    with gr.Row():
        study = _field(texts.SIGN_IN_STUDY, "sign-in-study", "organization")
        name = _field(texts.SIGN_IN_NAME, "sign-in-name", "username")
        password = _field(texts.SIGN_IN_PASSWORD, "sign-in-password", "current-password")
    go = gr.Button(texts.SIGN_IN_BUTTON, variant="primary", elem_id="sign-in")
    return SignInForm(study, name, password, go)


def build() -> AccountPanel:
    """Draw the hidden corner."""
    # Outside the corner, because a component that is not drawn yet does not reach the script.
    ticket = gr.Textbox("", visible="hidden", elem_id="ticket")
    with gr.Column(visible=False, elem_id="account") as box, gr.Accordion(texts.ACCOUNT_TITLE, open=False):
        who = gr.HTML(elem_id="account-who")
        with gr.Column(visible=False, elem_id="account-passwords") as passwords:
            with gr.Row():
                new = _field(texts.PASSWORD_NEW, "password-new", "new-password")
                again = _field(texts.PASSWORD_AGAIN, "password-again", "new-password")
            choose = gr.Button(texts.PASSWORD_BUTTON, elem_id="password-set")
        note = gr.HTML(elem_id="account-note")
        sign_out = gr.Button(texts.SIGN_OUT_BUTTON, elem_id="sign-out")
        leaving = _build_leave()
    look = gr.Timer(LOOK_EVERY_S, active=False)
    return AccountPanel(box, who, passwords, new, again, choose, note, ticket, sign_out, *leaving, look)


def _build_leave() -> tuple[gr.Column, gr.Button, gr.Column, gr.Button, gr.Button]:
    with gr.Column(visible=False, elem_id="leave") as leave:
        gr.HTML(f'<h3 class="esc-h2">{texts.WITHDRAW_TITLE}</h3><p class="esc-hint">{texts.WITHDRAW_TEXT}</p>')
        withdraw = gr.Button(texts.WITHDRAW_BUTTON, variant="stop", elem_id="withdraw")
        with gr.Column(visible=False, elem_id="withdraw-ask") as ask:
            gr.HTML(f'<p class="esc-notice esc-problem" role="alert">{texts.WITHDRAW_ASK}</p>')
            with gr.Row():
                sure = gr.Button(texts.WITHDRAW_SURE, variant="stop", elem_id="withdraw-sure")
                stay = gr.Button(texts.WITHDRAW_STAY, elem_id="withdraw-stay")
    return leave, withdraw, ask, sure, stay


def _field(label: str, elem_id: str, kind: str) -> gr.Textbox:
    """A field that the browser's password manager can fill; `kind` is its autocomplete name."""
    hidden = kind.endswith("password")
    attributes = gr.InputHTMLAttributes(autocomplete=kind, autocapitalize="none", spellcheck=False)
    return gr.Textbox(
        label=label,
        type="password" if hidden else "text",
        elem_id=elem_id,
        min_width=180,
        html_attributes=attributes,
    )


def show(panel: AccountPanel, access: Access, brief: Brief) -> dict[Any, Any]:
    """The corner of this member."""
    return {
        panel.box: gr.update(visible=True),
        panel.who: render.who(access.pseudonym, access.role.value, brief),
        panel.passwords: gr.update(visible=brief.passwords),
        panel.note: "",
        panel.leave: gr.update(visible=access.role is Role.RATER),
        **ask(panel, False),
    }


def ask(panel: AccountPanel, asked: bool) -> dict[Any, Any]:
    """Show the button to withdraw, or the question whether the rater is sure."""
    button = gr.update(value=texts.WITHDRAW_BUTTON, visible=not asked)
    return {panel.withdraw: button, panel.ask: gr.update(visible=asked)}
