"""Problems with a draft's items: what can never work is refused at the import, the rest causes a warning to the lead.

A warning does not stop a study: a reply may name a system by chance. It is shown at the import and again until the
study opens, on the page and by the command.
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
from annotation.store.texts import as_read, as_seen
from annotation.studies.members import require
from annotation.studies.studies import plan_of
from annotation.studies.study_plan import StudyPlan
from annotation.studies.study_views import Access

_PHRASES = (
    r"restatement or paraphrasing|reflections? of feelings?|self-? ?disclosure|affirmation and reassurance|"
    r"providing suggestions?(?: or information)?"
)
_STRATEGY = (
    rf"(?:{_PHRASES}|questions?|restatement|paraphras\w+|reflections?|affirmation|reassurance|suggestions?|"
    r"information|others?)"
)
_OPEN, _SHUT = r"[\[<{\u3008\u300a\u300c\u300e\u3010]", r"[\]>}\u3009\u300b\u300d\u300f\u3011]"
_ROLES = (
    r"system|sys|assistant|supporter|seeker|bot|model|counsell?or|therapist|ai|user|human|response|reply|answer|"
    r"output|[qa]"
)
_MARK = re.compile(
    "|".join(
        (
            rf"[\s\\]*{_OPEN}(?:(?!{_SHUT})[^\n]){{1,40}}{_SHUT}",  # "[Question] ..." at the beginning
            rf"[\W_]*(?i:strategy\W+)?(?i:{_STRATEGY})\s*(?:[:)\]|*_~#=/\\\"\n\u2013\u2014]|-\s|\.\s+[A-Z])",
            rf"[\W_]*(?i:strategy\W+|[@#])(?i:{_STRATEGY})\b",
            rf"\s*(?i:{_STRATEGY})\s+(?!I\b)[A-Z]",  # "Question What ...", its brackets lost
            rf"\s*(?i:{_PHRASES})\s+[A-Z]",
            rf"(?s:.)*?(?:{_OPEN}|\()\s*(?i:{_STRATEGY})\s*(?:{_SHUT}|\))",  # the same anywhere
            r"(?s:.)*?(?:</?s>|<(?:pad|unk|mask|eos|bos)>|<\|\w+\|>|\[(?:CLS|SEP|PAD|UNK|/?INST)\])",
            rf"\W*(?i:{_ROLES})(?: \w)?\W?:",
        )
    )
)
"""marks that a net writes for its own use and no person would write"""

_WORDS = re.compile(r"\w+")


@dataclass(frozen=True)
class DraftItem:
    """One context with its replies, as a rater would read it."""

    key: str
    situation: str
    context: tuple[str, ...]
    replies: Mapping[str, tuple[str, ...]]
    """system -> its turns"""


def systems_wrong(purpose: Purpose, systems: Sequence[str], plan: StudyPlan) -> list[str]:
    """Why a main item with replies of these systems cannot be judged as planned; gold items may have other systems."""
    if purpose is not Purpose.MAIN:
        return []
    wrong = []
    for name in sorted(set(systems) - set(plan.systems)):
        meant = [known for known in plan.systems if as_read(known).casefold() == as_read(name).casefold()]
        hint = f"write {meant[0]!r}" if meant else f"the plan's systems are {', '.join(plan.systems)}"
        wrong.append(f"a reply of {name!r}, which is not in the plan; {hint}")
    needed = 2 if plan.pairwise() else len(plan.systems)
    found = len(set(systems) & set(plan.systems))
    if not wrong and found < needed:
        wrong.append(f"replies of {found} of the plan's systems; at least {needed} are needed")
    return wrong


def item_warnings(items: Iterable[DraftItem], systems: Sequence[str]) -> tuple[str, ...]:
    """Warnings about replies that give a system away, items that need no judging, and items that are there twice."""
    names = {name: _whole_word(name) for name in systems}
    first: dict[tuple[str, ...], str] = {}
    found: list[str] = []
    for item in items:
        seen = {system: [as_seen(turn) for turn in turns] for system, turns in item.replies.items()}
        found += [
            f"{item.key}: the reply of {system} contains the name {name!r}"
            for system, turns in seen.items()
            for name, pattern in names.items()
            if any(map(pattern.search, turns))
        ]
        for system, turns in seen.items():
            marked = next((at for at, turn in enumerate(turns) if _MARK.match(turn)), None)
            if marked is not None:
                told = item.replies[system][marked][:40]
                found.append(f"{item.key}: the reply of {system} carries a tag of its net: {told!r}")
        folded = {system: _folded(turns) for system, turns in seen.items()}
        found += [
            f"{item.key}: the replies of {one} and {other} are identical"
            for one, other in combinations(folded, 2)
            if folded[one] == folded[other]
        ]
        before = first.setdefault(_folded(map(as_seen, (item.situation, *item.context))), item.key)
        if before != item.key:
            found.append(f"{item.key}: the same context as {before}; a rater may read it twice")
    return tuple(found)


@lru_cache(maxsize=1_000)
def _whole_word(name: str) -> re.Pattern[str]:
    """The name, however its parts are joined ("star-misc", "Star MISC"), spelled ("m.i.s.c.") or numbered."""
    parts = [part for part in re.split(r"[\W_]+", as_seen(name)) if part] or [name]
    joined = r"[\W_]*".join(map(re.escape, parts))
    letters = "".join(parts)
    spelled = "|" + r"[\W_]".join(map(re.escape, letters)) if len(letters) > 2 else ""
    return re.compile(rf"(?<![^\W_])(?:{joined}{spelled})(?:bot|net)?\d*(?![^\W_])", re.IGNORECASE)


def draft_warnings(*, session: Session, access: Access) -> tuple[str, ...]:
    """By a lead: the warnings about all items of a draft; none once it is open, since nothing can be changed then."""
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
    """The words of texts without case and punctuation; for a text without words, the text itself."""
    return tuple(" ".join(_WORDS.findall(seen)) or seen for seen in (text.casefold() for text in texts))
