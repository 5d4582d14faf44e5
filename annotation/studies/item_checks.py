"""What is wrong with a draft's items: what can never work is refused at the import, the rest is a warning to the lead.

A warning does not stop a study: a reply may name a system by chance. It is said at the import and again until the study
opens, on the page and by the command.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations

from sqlalchemy import select
from sqlalchemy.orm import Session

from annotation.choices import Purpose, Role, StudyKind, StudyState
from annotation.store.study_schema import Context, Study, SystemReply
from annotation.studies.members import require
from annotation.studies.studies import plan_of
from annotation.studies.study_plan import StudyPlan
from annotation.studies.study_views import Access

_STRATEGY = (
    r"(?:questions?|restatement(?: or paraphrasing)?|paraphras\w+|reflections?(?: of feelings?)?|self-? ?disclosure|"
    r"affirmation(?: and reassurance)?|reassurance|(?:providing )?suggestions?(?: or information)?|information|others?)"
)
_MARKS = (
    re.compile(r"\s*[\[<{][^\]>}\n]{1,40}[\]>}]"),  # "[Question] ...", "<strategy> ..." at the beginning
    re.compile(rf"[^\w\n]*(?:strategy\W+)?{_STRATEGY}\s*[:)\]|]", re.IGNORECASE),  # "Question: ...", "(Others) ..."
    re.compile(rf".*[\[<{{(]\s*{_STRATEGY}\s*[\]>}})]", re.IGNORECASE | re.DOTALL),  # the same anywhere
    re.compile(r".*(?:</?s>|<(?:pad|unk|mask|eos|bos)>|<\|\w+\|>|\[(?:CLS|SEP|PAD|UNK|/?INST)\])", re.DOTALL),
)
"""what a net writes for itself and no person would"""


@dataclass(frozen=True)
class DraftItem:
    """One context with its replies, as a rater would read it."""

    key: str
    situation: str
    context: tuple[str, ...]
    replies: Mapping[str, tuple[str, ...]]
    """system -> its turns"""


def systems_wrong(key: str, purpose: Purpose, systems: Sequence[str], plan: StudyPlan) -> list[str]:
    """Why a main item with replies of these systems can never be judged as planned; gold items may have others."""
    if purpose is not Purpose.MAIN:
        return []
    wrong = []
    for name in sorted(set(systems) - set(plan.systems)):
        meant = [known for known in plan.systems if known.casefold() == name.strip().casefold()]
        hint = f"write {meant[0]!r}" if meant else f"the plan's systems are {', '.join(plan.systems)}"
        wrong.append(f"{key}: a reply of {name!r}, which is not in the plan; {hint}")
    needed = 2 if plan.pairwise() else len(plan.systems)
    found = len(set(systems) & set(plan.systems))
    if not wrong and found < needed:
        wrong.append(f"{key}: replies of {found} of the plan's systems; at least {needed} are needed")
    return wrong


def item_warnings(items: Iterable[DraftItem], systems: Sequence[str]) -> tuple[str, ...]:
    """What a rater could tell a system by, what needs no judging, and what would be judged twice."""
    first: dict[tuple[str, ...], str] = {}
    found: list[str] = []
    for item in items:
        found += names_told([item], systems)
        for system, turns in item.replies.items():
            marked = next((turn for turn in turns if any(mark.match(turn) for mark in _MARKS)), None)
            if marked is not None:
                found.append(f"{item.key}: the reply of {system} carries a tag of its net: {marked[:40]!r}")
        found += [
            f"{item.key}: the replies of {one} and {other} are the same text"
            for (one, said), (other, again) in combinations(item.replies.items(), 2)
            if _folded(said) == _folded(again)
        ]
        before = first.setdefault(_folded((item.situation, *item.context)), item.key)
        if before != item.key:
            found.append(f"{item.key}: the same context as {before}; a rater may read it twice")
    return tuple(found)


def names_told(items: Iterable[DraftItem], systems: Sequence[str]) -> tuple[str, ...]:
    """The replies that contain the name of one of these systems."""
    names = {name: _whole_word(name) for name in systems}
    return tuple(
        f"{item.key}: the reply of {system} contains the name {name!r}"
        for item in items
        for system, turns in item.replies.items()
        for name, pattern in names.items()
        if any(map(pattern.search, turns))
    )


@lru_cache(maxsize=1_000)
def _whole_word(name: str) -> re.Pattern[str]:
    return re.compile(rf"(?<!\w){re.escape(name)}(?!\w)", re.IGNORECASE)


def draft_warnings(*, session: Session, access: Access) -> tuple[str, ...]:
    """By a lead: the warnings about all items of a draft; none once it is open, when nothing can be changed."""
    study, _ = require(session, access, Role.LEAD)
    if study.state is not StudyState.DRAFT or study.kind is StudyKind.LIVE:
        return ()
    return item_warnings(draft_items(session, study), plan_of(study).systems)


def draft_items(session: Session, study: Study) -> list[DraftItem]:
    """All imported contexts with their replies, in the order of their keys."""
    replies: dict[str, dict[str, tuple[str, ...]]] = defaultdict(dict)
    columns = (SystemReply.context_id, SystemReply.system, SystemReply.turns_json)
    statement = select(*columns).join(Context).where(Context.study_id == study.id).order_by(SystemReply.system)
    for context_id, system, turns_json in session.execute(statement):
        replies[context_id][system] = _texts(turns_json)
    rows = session.execute(
        select(Context.id, Context.key, Context.situation, Context.turns_json)
        .where(Context.study_id == study.id)
        .order_by(Context.key)
    )
    return [DraftItem(key, situation, _texts(turns), replies[at]) for at, key, situation, turns in rows]


def _texts(turns_json: str) -> tuple[str, ...]:
    return tuple(turn["text"] for turn in json.loads(turns_json))


def _folded(texts: Iterable[str]) -> tuple[str, ...]:
    """Texts without case and kinds of blanks."""
    return tuple(" ".join(text.casefold().split()) for text in texts)
