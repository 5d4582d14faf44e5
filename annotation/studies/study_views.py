"""The frozen values of studies that leave this package: what statistics count, and what pages may show.

The first part (`Ballot`, `Rating`, `Verdict`) is for the analysis and names systems: only a study's lead gets it. The
second part is for raters and reviewers: it holds no system's name, no strategy, no gold answer and no seed.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from annotation.choices import ClaimState, Decision, Preference, Role, StudyKind, StudyState
from annotation.rubric import Criterion
from annotation.studies.live_views import TalkView
from annotation.studies.study_plan import StudyPlan


@dataclass(frozen=True)
class Ballot:
    """One submitted pairwise answer: one rater, one item, one criterion. Sides are already translated to systems."""

    study: str
    """name of the study"""
    item_id: str
    """the same for all raters of an item; a duplicate has an id of its own"""
    rater: str
    """pseudonym within the study: r1, r2, ... in the order in which they were invited"""
    criterion: str
    system_a: str
    """the first of the two systems in sorted order, wherever it stood on the screen"""
    system_b: str
    outcome: str
    """"a" (system_a is better), "tie" or "b": in terms of systems, not of sides"""
    first_shown: str
    """the system this rater saw on the left, or on top: system_a or system_b"""
    seconds: float
    """time this rater spent on the whole item, pauses left out; the same on all criteria of the item"""
    is_duplicate_of: str | None = None
    """item_id of the original, when this rater judged the item a second time with sides swapped"""
    is_gold: bool = False
    """a gold or onboarding item with a known answer: for checks on raters, never for results"""
    problem_type: str | None = None
    strategy: str | None = None
    """the support strategy annotated for this turn in the source (the human supporter's), if known"""
    strategy_a: str | None = None
    """the strategy with which system_a replied, if known"""
    strategy_b: str | None = None
    turn: int | None = None
    """how many turns of the dialogue come before the replies, if known"""
    discard_cause: str | None = None
    """why the reviewer discarded the item (ambiguous, guideline gap, slip, ...); None: it counts"""
    context: str | None = None
    """the item's id in the import file, by which a vote can be traced to its texts"""
    reason: str | None = None
    """what the rater wrote about the item; the same on all its criteria"""
    held_back: int = 0
    """replies of the judged talk that the safety screen changed, of both systems; 0 for items that are only read"""
    majority: str | None = None
    """how many raters of an item must agree for it to count: the `Majority` of the study's rubric; None: not known"""

    def judged(self) -> tuple[str, str, str]:
        """What a rater compares at a time: the item and its pair, since files may hold several pairs of one item."""
        return self.item_id, self.system_a, self.system_b


@dataclass(frozen=True)
class Rating:
    """One submitted pointwise answer: one rater, one item, one criterion, one system, one number."""

    study: str
    item_id: str
    """the context; all systems' replies to it are rated under the same id"""
    rater: str
    criterion: str
    system: str
    score: int
    """on the scale of the rubric, 0 to 2 in misc-2022"""
    position: int
    """where this rater saw the reply: 0 is the first"""
    seconds: float
    """time this rater spent on the whole item, pauses left out"""
    is_duplicate_of: str | None = None
    is_gold: bool = False
    problem_type: str | None = None
    strategy: str | None = None
    """annotated for this turn in the source, if known"""
    system_strategy: str | None = None
    """the strategy with which the system replied, if known"""
    turn: int | None = None
    discard_cause: str | None = None
    context: str | None = None
    reason: str | None = None
    held_back: int = 0
    """replies of the judged talk that the safety screen changed, of all systems; 0 for items that are only read"""


@dataclass(frozen=True)
class Verdict:
    """The reviewer's decision on one item and criterion; at most one per (item_id, criterion, system)."""

    study: str
    item_id: str
    criterion: str
    decision: str
    """"confirm" (the majority stands), "correct" (`outcome`, if any, replaces it) or "discard" (it does not count)"""
    blind_outcome: str
    """the reviewer's own answer before seeing the votes: "a", "tie" or "b" as in Ballot"""
    outcome: str | None
    """what counts now: "a", "tie", "b"; None when discarded, confirmed without a majority, or corrected elsewhere only:
    a correction of other questions of the item leaves the raters' answers to this one as they are"""
    cause: str | None
    system: str | None = None
    """pointwise: the system whose reply was scored (outcomes are then scores as text); None when pairwise"""
    context: str | None = None


@dataclass(frozen=True)
class Access:
    """The acting member, made at sign-in (`members.py`), kept by the server; every store function checks it again."""

    study_id: str
    member_id: str
    role: Role
    pseudonym: str


@dataclass(frozen=True)
class Invitation:
    """A new member's token, for a link; it cannot be looked up later."""

    pseudonym: str
    role: Role
    token: str


@dataclass(frozen=True)
class MemberView:
    """One member, for the lead."""

    pseudonym: str
    role: Role
    invited_at: datetime
    consented_at: datetime | None
    revoked_at: datetime | None
    break_since: datetime | None
    withdrew: int | None = None
    """number of items deleted at the rater's wish; None: they did not withdraw"""


@dataclass(frozen=True)
class StudyView:
    """A study, for its lead. It holds the systems' names: never give it to a rater's page."""

    id: str
    name: str
    kind: StudyKind
    state: StudyState
    plan: StudyPlan
    contexts: int
    items: int
    created_at: datetime
    opened_at: datetime | None
    closed_at: datetime | None


@dataclass(frozen=True)
class Brief:
    """What a rater or reviewer reads before the first item: no system's name, no seed, no share of gold items."""

    name: str
    state: StudyState
    instructions: str
    consent: str
    consented: bool
    pairwise: bool
    criteria: tuple[Criterion, ...]
    answers: tuple[str, ...]
    """the answers allowed to each question: a / tie / b, or the scores"""
    live: bool = False
    """the rater talks with the systems first"""
    min_turns: int = 0
    """live: messages needed before the talk can end"""
    turn_preference: Preference = Preference.NONE
    passwords: bool = False
    """members may choose a password"""


@dataclass(frozen=True)
class Line:
    """One turn: "seeker" or "supporter", and what they said."""

    speaker: str
    text: str


@dataclass(frozen=True)
class AnswerView:
    """One saved answer as the rater gave it, in terms of places on the screen."""

    criterion: str
    place: str | None
    """which reply was scored: "a", "b", "c", ...; None when pairwise"""
    value: str
    """a / tie / b as on the screen, or the score"""
    saved_at: datetime


@dataclass(frozen=True)
class TaskView:
    """One item as its rater may see it: replies by place, never by system. Nothing marks a gold item."""

    claim_id: int
    ordinal: int
    """1 for the rater's first item"""
    state: ClaimState
    situation: str
    context: tuple[Line, ...]
    replies: tuple[tuple[Line, ...], ...]
    """place a first; one line, or the whole side of a live conversation"""
    answers: tuple[AnswerView, ...]
    note: str | None
    missing: tuple[str, ...]
    """questions without an answer, in the rubric's order; pointwise as "Criterion (a)" """
    can_change: bool
    can_undo: bool
    saved_at: datetime | None
    """time of the last saved answer, UTC"""
    lease_until: datetime
    seconds: float
    on_break: bool
    talk: TalkView | None = None
    """the talk to hold first, in a live study"""


@dataclass(frozen=True)
class TaskLine:
    """One of a rater's own items in a list."""

    claim_id: int
    ordinal: int
    state: ClaimState
    done_at: datetime | None
    can_change: bool


@dataclass(frozen=True)
class Saved:
    """The result of an autosave: the time to show, and what is left to answer."""

    saved_at: datetime
    missing: tuple[str, ...]
    can_undo: bool


@dataclass(frozen=True)
class OwnProgress:
    """A rater's progress."""

    done: int
    active: int
    expected: int
    """a fair share of all judgments of the plan, never less than done"""
    on_break: bool


@dataclass(frozen=True)
class TeamProgress:
    """The study's progress, for the lead."""

    items: int
    complete: int
    """main items with all their judgments"""
    judgments_done: int
    judgments_needed: int
    active: int
    """items that somebody is working on"""
    per_rater: tuple[tuple[str, int], ...]
    """(pseudonym, items handed in, gold and duplicates included)"""
    reviewed: int
    to_review: int


@dataclass(frozen=True)
class VoteCount:
    """How the raters answered one question, without their names."""

    criterion: str
    place: str | None
    """which reply was scored; None when pairwise"""
    counts: tuple[tuple[str, int], ...]
    """(answer as on this reviewer's screen, how many raters gave it), in the rubric's order of answers"""
    majority: str | None
    """the answer that counts, None without a majority"""


@dataclass(frozen=True)
class ReviewView:
    """One item as its reviewer may see it: the votes only after the reviewer's own verdict, systems never."""

    review_id: int
    situation: str
    context: tuple[Line, ...]
    replies: tuple[tuple[Line, ...], ...]
    own: tuple[AnswerView, ...]
    """the reviewer's own verdict, empty before it is given"""
    votes: tuple[VoteCount, ...]
    """empty before the reviewer's own verdict"""
    in_sample: bool | None
    """whether it was drawn by chance or is here for lack of a majority; None before the reviewer's own verdict"""
    decision: Decision | None
    cause: str | None
    lease_until: datetime


@dataclass(frozen=True)
class RaterQuality:
    """What the lead should know about one rater. Flags inform; nothing is blocked or left out because of them."""

    rater: str
    items: int
    """items handed in, gold and duplicates included"""
    median_seconds: float | None
    too_fast: int
    """items handed in faster than the plan's min_seconds"""
    gold_right: int
    gold_answers: int
    onboarding_right: int
    onboarding_answers: int
    same_on_duplicates: int
    """answers to a duplicate that agree with the answer to the original, in terms of systems"""
    duplicate_answers: int
    first_picked: int
    """pairwise answers, other than ties, for the reply shown first"""
    decided: int
    """pairwise answers other than ties"""
    side_items: tuple[int, int] = (0, 0)
    """pairwise: numbers of items with more answers for the reply shown first, and with more for the second"""
    same_answer: str = ""
    """"tie" when pairwise, else the score given most often"""
    same_answers: int = 0
    """how often it was given"""
    answers: int = 0
    flags: tuple[str, ...] = ()
    """sentences about what is unusual"""
