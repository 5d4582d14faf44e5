"""The form for a new study or a draft's plan; a plan file is read by `uploaded`. `read_plan` is pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
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
"""names of the form's inputs, in order, as in a plan file"""
_WHOLE = ("raters", "raters_per_item", "pairs_per_context", "seed", "min_turns")


@dataclass(frozen=True)
class CreatePanel:
    """The form; `inputs` are in the order of FIELDS."""

    box: gr.Column
    title: gr.HTML
    inputs: tuple[Any, ...]
    go: gr.Button
    file: gr.UploadButton
    save: gr.Button
    leave: gr.Button

    def offer(self, hosted: Sequence[str]) -> dict[Any, Any]:
        """Offer the nets of this server, to those who may create studies."""
        return {self.inputs[FIELDS.index("systems")]: gr.update(choices=list(hosted))}

    def outputs(self) -> list[Any]:
        """All components that change when the form is used for a draft's plan."""
        return [self.box, self.title, *self.inputs, self.go, self.file, self.save, self.leave]


def build() -> CreatePanel:
    """Draw the hidden form. It offers no system yet, because what is drawn here reaches every rater's browser."""
    with gr.Column(visible=False, elem_id="create") as box:
        title = gr.HTML(heading(texts.CREATE_TITLE, texts.CREATE_HINT))
        with gr.Row():
            name = gr.Textbox(label=texts.NAME, elem_id="plan-name", min_width=240)
            systems = gr.Dropdown(
                [],
                multiselect=True,
                allow_custom_value=True,
                label=texts.SYSTEMS,
                info=texts.SYSTEMS_INFO,
                elem_id="plan-systems",
                scale=2,
                min_width=280,
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
            save = gr.Button(texts.SAVE_PLAN_BUTTON, variant="primary", visible=False, elem_id="plan-save")
            leave = gr.Button(texts.LEAVE_PLAN_BUTTON, visible=False, elem_id="plan-leave")
    first = (name, systems, rubric, kind, raters, per_item, pairs)
    inputs = (*first, *more, instructions, consent, passwords)
    return CreatePanel(box, title, inputs, go, file, save, leave)


def heading(title: str, hint: str) -> str:
    """The heading and hint of the form, as HTML."""
    return f'<h2 class="esc-h2">{title}</h2><p class="esc-hint">{hint}</p>'


def _build_more() -> tuple[gr.Number | gr.Dropdown, ...]:
    """Draw the inputs that have good defaults."""
    with gr.Row():
        numbers = tuple(
            gr.Number(value=value, label=label, info=info, elem_id=f"plan-{key}", min_width=160)
            for key, label, value, info in (
                ("overlap", texts.OVERLAP, 1.0, texts.OVERLAP_INFO),
                ("review", texts.REVIEW_SHARE, 0.1, "0 to 1"),
                ("gold", texts.GOLD_SHARE, 0.0, texts.GOLD_INFO),
                ("duplicates", texts.DUPLICATE_SHARE, 0.0, texts.DUPLICATE_INFO),
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


def read_plan(*fields: Any, before: StudyPlan | None = None) -> StudyPlan:
    """The plan from the form's values, given in the order of FIELDS. What the form does not ask is taken from `before`.

    Raises PlanError with all reasons why the plan cannot work.
    """
    values = dict(zip(FIELDS, fields, strict=True))
    empty = [name for name, value in values.items() if value is None]
    if empty:
        raise PlanError(f"Please fill in: {', '.join(empty)}.")
    values |= {name: int(values[name]) for name in _WHOLE}
    typed = values["systems"] if isinstance(values["systems"], list) else [str(values["systems"])]
    values["systems"] = [name.strip() for entry in typed for name in str(entry).split(",") if name.strip()]
    values["pairs_per_context"] = values["pairs_per_context"] or None
    if before is None:
        return plan_from_dict(values)
    if values["rubric"] == before.rubric.name:  # it may be the study's own rubric
        values["rubric"] = asdict(before.rubric)
    kept = {name: getattr(before, name) for name in ("lease_minutes", "duplicate_spacing")}
    return plan_from_dict(values | kept)


def form_values(plan: StudyPlan, hosted: Sequence[str]) -> list[Any]:
    """The inverse of `read_plan`: updates of the inputs, in the order of FIELDS."""
    shown = {name: getattr(plan, name) for name in FIELDS}
    shown |= {"systems": list(plan.systems), "pairs_per_context": plan.pairs_per_context or 0}
    shown |= {"rubric": plan.rubric.name}
    choices = {"systems": (*hosted, *plan.systems), "rubric": (*RUBRICS, plan.rubric.name)}
    offered: dict[str, Any] = {name: {"choices": list(dict.fromkeys(known))} for name, known in choices.items()}
    return [gr.update(value=value, **offered.get(name, {})) for name, value in shown.items()]
