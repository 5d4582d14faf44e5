"""The vote, one question per criterion of the rubric, and the reveal after it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import gradio as gr

from annotation.rubric import DEFAULT_RUBRIC, find_rubric
from annotation.talks.judgments import Vote
from annotation.talks.stages import Stage
from annotation.talks.views import EncounterView
from escdemo import intake, texts
from escdemo.chat.talks import names_of
from escdemo.intake import Refusal
from escdemo.look import render
from escdemo.net_texts import both_names, title_of

RUBRIC = find_rubric(DEFAULT_RUBRIC)
MAX_REASON_CHARS = 1000
NO_DRAFT = {"talk": ""}
"""an empty draft; it is not "" because the browser would not store that over an earlier draft"""


@dataclass(frozen=True)
class JudgePanel:
    """Form and reveal."""

    form: gr.Column
    picks: tuple[gr.Radio, ...]
    intensity: gr.Radio
    reason: gr.Textbox
    note: gr.HTML
    save: gr.Button
    result: gr.Column
    reveal: gr.HTML
    again: gr.Button

    def fields(self) -> list[Any]:
        """The inputs of `read_vote`, in its order."""
        return [self.intensity, self.reason, *self.picks]

    def outputs(self) -> list[Any]:
        """All components that `update` changes."""
        return [self.form, *self.picks, self.intensity, self.reason, self.note, self.result, self.reveal]


def build() -> JudgePanel:
    """Draw the hidden form and the hidden reveal."""
    with gr.Column(visible=False, elem_id="judge-form") as form:
        gr.HTML(f'<h2 class="esc-h2">{texts.JUDGE_TITLE}</h2><p class="esc-hint">{texts.JUDGE_HINT}</p>')
        picks = tuple(
            gr.Radio(
                list(texts.VOTES),
                label=criterion.name,
                info=criterion.question,
                elem_id=f"vote-{criterion.name.lower()}",
                elem_classes="esc-vote",
            )
            for criterion in RUBRIC.criteria
        )
        with gr.Row(equal_height=True):
            intensity = gr.Radio(
                list(zip(texts.INTENSITY_LABELS, range(1, 6), strict=True)),
                label=texts.INTENSITY_AFTER,
                elem_id="intensity-after",
                min_width=280,
            )
            reason = gr.Textbox(
                label=texts.REASON, placeholder=texts.REASON_PLACEHOLDER, lines=2, elem_id="reason", min_width=280
            )
        note = gr.HTML(elem_id="judge-note")
        save = gr.Button(texts.JUDGE_BUTTON, variant="primary", elem_id="judge-save")
    with gr.Column(visible=False, elem_id="result") as result:
        reveal = gr.HTML(elem_id="reveal")
        again = gr.Button(texts.NEW_BUTTON, variant="primary", elem_id="again")
    return JudgePanel(form, picks, intensity, reason, note, save, result, reveal, again)


def update(panel: JudgePanel, step: str, view: EncounterView | None) -> dict[Any, Any]:
    """Show the form, the reveal or neither. Outside the form its fields are emptied."""
    values: dict[Any, Any] = {
        panel.form: gr.update(visible=step == "judge"),
        panel.result: gr.update(visible=step == "result"),
        panel.note: "",
        panel.reveal: reveal_html(view) if view is not None and step == "result" else "",
    }
    if step != "judge":
        values |= dict.fromkeys(panel.picks) | {panel.intensity: None, panel.reason: ""}
    return values


def draft_of(talk: str, intensity: Any, reason: str | None, picks: Sequence[Any]) -> dict[str, Any]:
    """The answers in the form, for the browser to keep; they name no model."""
    return {"talk": talk, "intensity": intensity, "reason": reason or "", "picks": list(picks)}


def begun(panel: JudgePanel, view: EncounterView | None, draft: Any) -> dict[Any, Any]:
    """The answers that the browser kept, if they belong to the open judgment of this talk."""
    if view is None or view.stage is not Stage.FROZEN or not isinstance(draft, dict) or draft.get("talk") != view.id:
        return {}
    picks, intensity, reason = draft.get("picks"), draft.get("intensity"), draft.get("reason")
    if not isinstance(picks, list) or len(picks) != len(panel.picks):
        return {}
    kept: dict[Any, Any] = {
        radio: pick for radio, pick in zip(panel.picks, picks, strict=True) if pick in ("a", "tie", "b")
    }
    if intensity in range(1, 6):
        kept[panel.intensity] = intensity
    return kept | ({panel.reason: reason} if isinstance(reason, str) else {})


def read_vote(intensity: Any, reason: str | None, picks: Sequence[Any], seconds: float) -> Vote:
    """The checked vote. Raises Refusal for criteria without an answer, which it names, and for too long a reason."""
    missing = [name for name, pick in zip(RUBRIC.names(), picks, strict=True) if pick not in ("a", "tie", "b")]
    if missing:
        raise Refusal(texts.VOTES_MISSING.format(missing=", ".join(missing)))
    why = intake.clean_within(reason, MAX_REASON_CHARS)
    if why:
        why = intake.check_length(why, MAX_REASON_CHARS, texts.REASON_NAME)
    after = intensity if intensity in range(1, 6) else None
    return Vote(dict(zip(RUBRIC.names(), picks, strict=True)), why or None, after, max(0.0, seconds))


def reveal_html(view: EncounterView) -> str:
    """Who was who, and what was voted."""
    names = names_of(view)
    labels = {value: label for label, value in texts.VOTES}
    cards = "".join(
        f'<div class="esc-side-{letter.lower()}"><span class="esc-sr">Side </span>{letter} was '
        f"<strong>{render.escape(both_names(name))}</strong></div>"
        for letter, name in zip("AB", names, strict=True)
    )
    rows = [[one.criterion, labels[one.picked], _winner(one.picked, names)] for one in view.judgments]
    extra = []
    if view.intensity_before is not None and view.intensity_after is not None:
        extra.append(["Intensity of the emotion", f"{view.intensity_before} before", f"{view.intensity_after} after"])
    votes = render.table(["Criterion", "Your vote", "In favour of"], rows + extra, "Your judgment")
    reason = (
        f'<p class="esc-hint">Your reason: <bdi dir="auto">{render.escape(view.reason)}</bdi></p>'
        if view.reason
        else ""
    )
    return render.notice(texts.SAVED_VOTE, "good") + f'<div class="esc-reveal">{cards}</div>{votes}{reason}'


def _winner(picked: str, names: tuple[str, str]) -> str:
    return {"a": title_of(names[0]), "b": title_of(names[1])}.get(picked, "neither")
