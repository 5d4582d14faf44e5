"""A new study: a form, or a plan file (read by `uploaded`). `read_plan` is pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import gradio as gr

from annotation.rubric import DEFAULT_RUBRIC, RUBRICS
from annotation.studies.study_plan import PlanError, StudyPlan, plan_from_dict
from escdemo.study import texts

FIELDS = (
    "name",
    "systems",
    "rubric",
    "kind",
    "raters",
    "raters_per_item",
    "pairs_per_context",
    "overlap",
    "review_share",
    "gold_share",
    "duplicate_share",
    "min_seconds",
    "seed",
    "min_turns",
    "turn_preference",
    "instructions",
    "consent",
    "passwords",
)
"""names of the form's inputs in their order, as in a plan file"""
_WHOLE = ("raters", "raters_per_item", "pairs_per_context", "seed", "min_turns")


@dataclass(frozen=True)
class CreatePanel:
    """The form; `inputs` in the order of FIELDS."""

    box: gr.Column
    inputs: tuple[Any, ...]
    go: gr.Button
    file: gr.UploadButton


def build() -> CreatePanel:
    """Draw the hidden form."""
    with gr.Column(visible=False, elem_id="create") as box:
        gr.HTML(f'<h2 class="esc-h2">{texts.CREATE_TITLE}</h2><p class="esc-hint">{texts.CREATE_HINT}</p>')
        with gr.Row():
            name = gr.Textbox(label=texts.NAME, elem_id="plan-name", min_width=240)
            systems = gr.Textbox(
                label=texts.SYSTEMS, info=texts.SYSTEMS_INFO, elem_id="plan-systems", scale=2, min_width=280
            )
        with gr.Row():
            rubric = gr.Dropdown(
                list(RUBRICS), value=DEFAULT_RUBRIC, label=texts.RUBRIC, elem_id="plan-rubric", min_width=200
            )
            kind = gr.Dropdown(list(texts.KINDS), value="frozen", label=texts.KIND, elem_id="plan-kind", min_width=280)
        with gr.Row():
            raters, per_item, pairs = (
                gr.Number(value=value, label=label, info=info, precision=0, elem_id=f"plan-{key}", min_width=140)
                for key, label, value, info in (
                    ("raters", texts.RATERS, 5, None),
                    ("per-item", texts.PER_ITEM, 3, None),
                    ("pairs", texts.PAIRS, 1, texts.PAIRS_INFO),
                )
            )
        with gr.Accordion(texts.MORE, open=False, elem_id="plan-more"):
            more = _build_more()
        with gr.Row():
            instructions = gr.Textbox(label=texts.INSTRUCTIONS, lines=4, elem_id="plan-instructions", min_width=280)
            consent = gr.Textbox(
                label=texts.CONSENT, info=texts.CONSENT_INFO, lines=4, elem_id="plan-consent", min_width=280
            )
        passwords = gr.Checkbox(True, label=texts.PASSWORDS, info=texts.PASSWORDS_INFO, elem_id="plan-passwords")
        with gr.Row():
            go = gr.Button(texts.CREATE_BUTTON, variant="primary", elem_id="plan-go")
            file = gr.UploadButton(texts.PLAN_FILE, file_types=[".json"], elem_id="plan-file")
    first = (name, systems, rubric, kind, raters, per_item, pairs)
    return CreatePanel(box, (*first, *more, instructions, consent, passwords), go, file)


def _build_more() -> tuple[gr.Number | gr.Dropdown, ...]:
    """What has good defaults."""
    with gr.Row():
        numbers = tuple(
            gr.Number(value=value, label=label, info=info, elem_id=f"plan-{key}", min_width=160)
            for key, label, value, info in (
                ("overlap", texts.OVERLAP, 1.0, texts.OVERLAP_INFO),
                ("review", texts.REVIEW_SHARE, 0.1, "0 to 1"),
                ("gold", texts.GOLD_SHARE, 0.0, "0 to 0.5"),
                ("duplicates", texts.DUPLICATE_SHARE, 0.0, "0 to 1"),
                ("seconds", texts.MIN_SECONDS, 5.0, None),
                ("seed", texts.SEED, 0, None),
            )
        )
    with gr.Row():
        least = gr.Number(value=4, label=texts.MIN_TURNS, precision=0, elem_id="plan-min-turns", min_width=200)
        asked = gr.Dropdown(
            list(texts.TURN_PREFERENCES),
            value="none",
            label=texts.TURN_PREFERENCE,
            elem_id="plan-turn-preference",
            scale=3,
            min_width=280,
        )
    return (*numbers, least, asked)


def read_plan(*fields: Any) -> StudyPlan:
    """The plan out of the form's values, in the order of FIELDS. Raises PlanError with every reason it cannot work."""
    values = dict(zip(FIELDS, fields, strict=True))
    empty = [name for name, value in values.items() if value is None]
    if empty:
        raise PlanError(f"Please fill in: {', '.join(empty)}.")
    values |= {name: int(values[name]) for name in _WHOLE}
    values["systems"] = [name.strip() for name in str(values["systems"]).split(",") if name.strip()]
    values["pairs_per_context"] = values["pairs_per_context"] or None
    return plan_from_dict(values)
