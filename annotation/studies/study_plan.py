"""A study's plan, and what makes a plan impossible. Read from a JSON file:

    {"name": "pilot-1", "rubric": "admisc-2024", "systems": ["misc", "joint"], "kind": "frozen",
     "raters": 5, "raters_per_item": 3, "overlap": 1.0, "pairs_per_context": 1, "review_share": 0.1,
     "gold_share": 0.05, "duplicate_share": 0.1, "passwords": true, "seed": 1, "instructions": "...", "consent": "..."}

A live study adds "kind": "live", "min_turns": 4, "turn_preference": "none" (or "own", "preferred"). `name`, `systems`
and `raters` are required, the rest has the defaults of `StudyPlan`. `rubric` is a preset, an object (see `rubric`), or,
on the command line, the name of a JSON file beside the plan.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from enum import StrEnum
from pathlib import Path
from typing import Any

from annotation.choices import Preference, Purpose, Scale, StudyKind
from annotation.rubric import DEFAULT_RUBRIC, Rubric, find_rubric, load_rubric, rubric_from_dict
from annotation.store.texts import MAX_POSTS, accept_name, accept_text, as_read
from annotation.talks.encounters import MAX_SEED
from models.reading.json_values import parse_json
from models.reading.text_files import read_text

MAX_TEXT_CHARS = 20_000
"""longest instructions or consent text, in characters"""
MAX_RATERS = 100_000
MAX_SPACING = 100_000
"""maximum number of items between an item and its duplicate"""
MAX_RATERS_PER_ITEM = 50
MAX_LEASE_MINUTES = 365 * 24 * 60
MAX_MIN_SECONDS = 3_600


class PlanError(ValueError):
    """A plan that cannot work; the message lists all reasons and what to change."""


@dataclass(frozen=True)
class StudyPlan:
    """The settings that a study lead fixes before anybody is invited. Checked on creation; raises PlanError."""

    name: str
    systems: tuple[str, ...]
    """the systems that are compared; kept in sorted order"""
    raters: int
    """minimum number of raters that will be invited"""
    rubric: Rubric = field(default_factory=lambda: find_rubric(DEFAULT_RUBRIC))
    kind: StudyKind = StudyKind.FROZEN
    raters_per_item: int = 3
    overlap: float = 1.0
    """share of the items that `raters_per_item` raters judge; the others are judged by one"""
    pairs_per_context: int | None = 1
    """pairwise: how many pairs of systems are judged on each context; None for all pairs"""
    review_share: float = 0.1
    """share of the items that a reviewer sees however the raters vote, drawn evenly from all pairs"""
    gold_share: float = 0.0
    """share of a rater's items that have a known answer"""
    duplicate_share: float = 0.0
    """share of the items that a rater judges again with sides swapped"""
    duplicate_spacing: int = 5
    """minimum number of other items between an item and its duplicate"""
    min_turns: int = 4
    """live: minimum number of messages that a rater sends before the talk can end"""
    turn_preference: Preference = Preference.NONE
    """live: whether raters choose the better of each pair of replies, and whether it goes into both histories"""
    min_seconds: float = 5.0
    """an item handed in faster counts as too fast"""
    lease_minutes: float = 120.0
    """an item without activity for this long is free for others"""
    passwords: bool = True
    """members may choose a password, to sign in without their link"""
    seed: int = 0
    instructions: str = ""
    consent: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "systems", tuple(sorted(name.strip() for name in self.systems)))
        for name, kind in (("kind", StudyKind), ("turn_preference", Preference)):
            object.__setattr__(self, name, _choice(name, kind, getattr(self, name)))
        object.__setattr__(self, "name", accept_name(self.name, what="name", required=True))
        for name in ("instructions", "consent"):
            text = accept_text(getattr(self, name), what=name, limit=MAX_TEXT_CHARS)
            object.__setattr__(self, name, text.strip())
        reasons = [*_systems_wrong(self), *_numbers_wrong(self), *_kind_wrong(self)]
        if reasons:
            raise PlanError("This plan cannot work: " + "; ".join(reasons) + ".")

    def pairwise(self) -> bool:
        """Whether two replies are compared; else each reply gets a score."""
        return self.rubric.scale is Scale.PAIRWISE

    def to_json(self) -> str:
        """The plan as JSON for `plan_from_dict`, with the rubric in full."""
        return json.dumps(asdict(self), ensure_ascii=False, sort_keys=True)


def _choice(name: str, kind: type[StrEnum], value: object) -> StrEnum:
    if value not in list(kind):
        raise PlanError(f"plan: {name} is {value!r}; allowed: {', '.join(kind)}")
    return kind(str(value))


def _kind_wrong(plan: StudyPlan) -> list[str]:
    """Settings that do not work with live talks, or only with them."""
    if plan.kind is not StudyKind.LIVE:
        only = "only raters of a live study talk; set kind to live, or turn_preference to none"
        return [] if plan.turn_preference is Preference.NONE else [f"turn_preference is {plan.turn_preference}; {only}"]
    reasons = []
    for name in ("gold_share", "duplicate_share"):
        if getattr(plan, name):
            reasons.append(
                f"{name} is {getattr(plan, name):g}, but a live talk has no known answer and is held once; set it to 0"
            )
    if not plan.pairwise() and len(plan.systems) != 2:
        reasons.append(
            f"{len(plan.systems)} systems are scored, but a live talk is with two; give two, or compare pairs"
        )
    if not 1 <= plan.min_turns <= MAX_POSTS:
        reasons.append(f"min_turns is {plan.min_turns}; allowed: 1 to {MAX_POSTS}")
    return reasons


def _systems_wrong(plan: StudyPlan) -> list[str]:
    least = 2 if plan.pairwise() else 1
    for name in plan.systems:
        accept_name(name, what="name of a system")
    reasons = []
    if len(set(plan.systems)) < len(plan.systems) or not all(name.strip() for name in plan.systems):
        reasons.append(f"systems are {list(plan.systems)}; give each one a different, non-empty name")
    elif len({as_read(name).casefold() for name in plan.systems}) < len(plan.systems):
        reasons.append(f"systems are {list(plan.systems)}; names that look alike get mixed up: rename one")
    if len(set(plan.systems)) < least:
        reasons.append(f"{len(set(plan.systems))} system(s) where at least {least} are needed to compare; add another")
    pairs = len(plan.systems) * (len(plan.systems) - 1) // 2
    if plan.pairs_per_context is not None and plan.pairwise() and not 1 <= plan.pairs_per_context <= max(1, pairs):
        reasons.append(f"pairs_per_context is {plan.pairs_per_context}; allowed: 1 to {pairs}, or null for all pairs")
    return reasons


def _numbers_wrong(plan: StudyPlan) -> list[str]:
    reasons = []
    for name, highest in (("overlap", 1.0), ("review_share", 1.0), ("gold_share", 0.5), ("duplicate_share", 1.0)):
        if not 0 <= getattr(plan, name) <= highest:
            reasons.append(f"{name} is {getattr(plan, name)}; allowed: 0 to {highest:g}")
    if not 1 <= plan.raters_per_item <= MAX_RATERS_PER_ITEM:
        reasons.append(f"raters_per_item is {plan.raters_per_item}; allowed: 1 to {MAX_RATERS_PER_ITEM}")
    if plan.raters > MAX_RATERS:
        reasons.append(f"raters is {plan.raters:.4g}; at most {MAX_RATERS:,} are allowed")
    if plan.raters < plan.raters_per_item:
        reasons.append(
            f"{plan.raters} rater(s) cannot give each item {plan.raters_per_item} different raters; "
            "invite more, or lower raters_per_item"
        )
    if not 1 <= plan.duplicate_spacing <= MAX_SPACING:
        reasons.append(
            f"duplicate_spacing is {plan.duplicate_spacing:.9g}; at least 1 item must lie in between, at most"
            f" {MAX_SPACING:,}"
        )
    if not 0 < plan.lease_minutes <= MAX_LEASE_MINUTES:
        reasons.append(f"lease_minutes is {plan.lease_minutes:g}; allowed: above 0, at most {MAX_LEASE_MINUTES:,}")
    if not 0 <= plan.min_seconds <= MAX_MIN_SECONDS:
        reasons.append(f"min_seconds is {plan.min_seconds:g}; allowed: 0 to {MAX_MIN_SECONDS:,}")
    if not 0 <= plan.seed <= MAX_SEED:
        reasons.append(f"seed is {plan.seed}; allowed: 0 to 2**63 - 1")
    return reasons


@dataclass(frozen=True)
class ContextKey:
    """What planning needs to know about one context."""

    key: str
    """its id in the import file"""
    dialogue: str
    systems: tuple[str, ...]
    """the systems that replied to it"""
    purpose: Purpose = Purpose.MAIN


def check_items(plan: StudyPlan, contexts: Sequence[ContextKey]) -> None:
    """Raise PlanError unless these contexts can be judged as planned."""
    main = [context for context in contexts if context.purpose is Purpose.MAIN]
    reasons = []
    if not main:
        reasons.append("there is no item to judge; import items first")
    unheard = [name for name in plan.systems if not any(name in context.systems for context in main)]
    if main and unheard:
        reasons.append(f"no item has a reply of {', '.join(unheard)}; import them or take the system out")
    reasons += _incomplete(plan, main)
    if plan.gold_share > 0 and not any(context.purpose is Purpose.GOLD for context in contexts):
        reasons.append(f"gold_share is {plan.gold_share:g}, but no item is marked gold; mark some or set it to 0")
    needed = raters_needed(plan, main)
    if needed > plan.raters:
        reasons.append(
            f"{needed} raters are needed, since nobody sees a dialogue twice and one dialogue has that many judgments"
            f" to give, but the plan has {plan.raters}; {_fewer_needed(plan, main, needed)}"
        )
    if reasons:
        raise PlanError("This study cannot be opened: " + "; ".join(reasons) + ".")


def _fewer_needed(plan: StudyPlan, main: Sequence[ContextKey], needed: int) -> str:
    """Advice on a plan that needs more raters than it has; names only changes that help here."""
    ways = [f"plan {needed} raters"]
    if plan.overlap > 0 and plan.raters_per_item > 1:
        ways.append(f"lower raters_per_item ({plan.raters_per_item})")
    if plan.pairwise() and len(plan.systems) > 2 and plan.pairs_per_context != 1:
        ways.append(f"lower pairs_per_context ({plan.pairs_per_context or 'all pairs'})")
    contexts = Counter(context.dialogue for context in main)
    dialogue, count = contexts.most_common(1)[0]
    if count > 1:
        ways.append(f"import fewer items of one dialogue ({dialogue} has {count})")
    return f"{', or '.join(ways)}"


def _incomplete(plan: StudyPlan, main: Sequence[ContextKey]) -> list[str]:
    needed = 2 if plan.pairwise() else len(plan.systems)
    wrong = [context.key for context in main if len(set(context.systems) & set(plan.systems)) < needed]
    if not wrong:
        return []
    shown = ", ".join(wrong[:5]) + (", ..." if len(wrong) > 5 else "")
    return [f"{len(wrong)} item(s) have replies of fewer than {needed} of the study's systems: {shown}"]


def raters_needed(plan: StudyPlan, contexts: Sequence[ContextKey]) -> int:
    """The smallest number of raters with which every item can get its judgments if nobody sees a dialogue twice."""
    seats: dict[str, int] = defaultdict(int)
    for context in contexts:
        present = len(set(context.systems) & set(plan.systems))
        pairs = present * (present - 1) // 2
        items = min(pairs, plan.pairs_per_context or pairs) if plan.pairwise() else 1
        seats[context.dialogue] += items * (plan.raters_per_item if plan.overlap > 0 else 1)
    return max(seats.values(), default=0)


def plan_from_dict(values: Mapping[str, Any], beside: Path | None = None) -> StudyPlan:
    """A plan from parsed JSON; `beside` is the folder of a rubric file, None when no file may be read.

    Raises PlanError or ValueError.
    """
    known = {entry.name for entry in fields(StudyPlan)}
    missing, unknown = {"name", "systems", "raters"} - values.keys(), values.keys() - known
    if missing or unknown:
        raise PlanError(f"plan: missing {sorted(missing)}, unknown {sorted(unknown)}; allowed: {sorted(known)}")
    given = dict(values)
    if "rubric" in given:
        given["rubric"] = _rubric(given["rubric"], beside)
    if isinstance(given["systems"], str) or not all(isinstance(name, str) for name in given["systems"]):
        raise PlanError(f"plan: systems is {given['systems']!r}; a list of names is needed")
    for entry in fields(StudyPlan):
        kind, value = str(entry.type), given.get(entry.name)
        if kind == "str" and not isinstance(given.get(entry.name, ""), str):
            raise PlanError(f"plan: {entry.name} is {value!r:.40}; a text is needed")
        number = int | float if kind == "float" else int
        if kind == "bool" and not isinstance(given.get(entry.name, True), bool):
            raise PlanError(f"plan: {entry.name} is {value!r}; true or false is needed")
        if (
            kind.startswith(("int", "float"))
            and value is not None
            and (isinstance(value, bool) or not isinstance(value, number))
        ):
            raise PlanError(f"plan: {entry.name} is {value!r}; a number is needed ({kind})")
    return StudyPlan(**{**given, "systems": tuple(given["systems"])})


def _rubric(value: Any, beside: Path | None) -> Rubric:
    if isinstance(value, Mapping):
        return rubric_from_dict(value)
    return find_rubric(str(value)) if beside is None else load_rubric(str(value), beside)


def plan_from_text(text: str, beside: Path | None = None) -> StudyPlan:
    """The plan in a JSON text; `beside` as for `plan_from_dict`. Raises PlanError or ValueError."""
    try:
        values = parse_json(text)
    except ValueError as error:
        raise PlanError(f"the plan: {error}") from error
    if not isinstance(values, dict):
        raise PlanError(f"the file holds a JSON {type(values).__name__}; an object is needed")
    try:
        return plan_from_dict(values, beside)
    except TypeError as error:
        raise PlanError(f"plan: {error}") from error


def load_plan(path: Path) -> StudyPlan:
    """The plan in a JSON file. Raises PlanError naming the file."""
    try:
        text = read_text(path)
    except (OSError, ValueError) as error:  # whose message names the file
        raise PlanError(str(error)) from error
    try:
        return plan_from_text(text, path.parent)
    except (OSError, ValueError) as error:
        raise PlanError(f"{path}: {error}") from error
