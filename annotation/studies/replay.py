"""Does a study follow its plan? Derives again what plan, contexts and seed imply, and compares it with the store.

The items: which there are, in which order, with how many seats. The claims, in the order in which the events say they
were handed out: a seat was free, the dialogue was new to the rater, a duplicate came late enough and with swapped
sides, and any other item was shown as `assignment` draws it, which keeps the sides balanced.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field

from sqlalchemy import select
from sqlalchemy.orm import Session

from annotation.choices import ClaimState, Role, StudyEventKind, StudyState
from annotation.store.study_schema import Claim, Context, Item, Member, Study, StudyEvent
from annotation.studies.assignment import Arrangement, Open, Past, Rater, Rules, best_arrangement, imbalance
from annotation.studies.members import NotAllowed, require
from annotation.studies.studies import plan_of, planned_rows
from annotation.studies.study_views import Access
from annotation.studies.task_projection import systems_of

_PLANNED = ("context_id", "position", "purpose", "systems_json", "seats", "duplicate_of", "in_sample")


@dataclass(frozen=True)
class Replay:
    """The result of a replay."""

    differences: tuple[str, ...]
    """one sentence for each; empty: everything is as planned"""
    items: int
    claims: int
    """number of claims held or handed in"""
    within_item: int
    """how much more often one order of the systems was shown than another, in the worst item"""
    within_rater: int
    """the same for the worst rater and group of systems"""
    swapped: int
    """duplicates shown with the sides of the original swapped"""


def replay(*, session: Session, access: Access) -> Replay:
    """By a lead: derive the study again. Raises NotAllowed for a draft."""
    study, _ = require(session, access, Role.LEAD)
    if study.state is StudyState.DRAFT:
        raise NotAllowed("This study is a draft; its items are planned when it is opened.")
    stored = {row.id: row for row in session.scalars(select(Item).where(Item.study_id == study.id))}
    told = [*_item_differences(session, study, stored)]
    table = _Table(session, study, stored)
    told += table.differences()
    return Replay(tuple(told), len(stored), *table.balance())


def _item_differences(session: Session, study: Study, stored: dict[str, Item]) -> Iterator[str]:
    planned = {row["id"]: row for row in planned_rows(session, study)}
    yield from (f"item {name} is not in the store" for name in planned if name not in stored)
    yield from (f"item {name} is not in the plan" for name in stored if name not in planned)
    for row in planned.values():
        if row["id"] in stored:
            for name in _PLANNED:
                found, wanted = getattr(stored[row["id"]], name), row[name]
                if found != wanted:
                    yield f"item {row['id']}: {name} is {found!r}, planned {wanted!r}"


@dataclass
class _Seat:
    """One claim while it is held."""

    claim: Claim
    item: Item
    arrangement: Arrangement

    def past(self) -> Past:
        duplicate = self.item.duplicate_of is not None
        systems = systems_of(self.item)
        return Past(self.item.id, self.claim.ordinal, self.item.purpose, systems, self.arrangement, duplicate)


@dataclass
class _Rater:
    """One rater at one point of the replay."""

    held: dict[int, _Seat] = field(default_factory=dict)
    """by id of claim"""
    dialogues: set[str] = field(default_factory=set)
    """dialogues of every item they ever got"""
    whole: bool = True
    """False once something they had is deleted: what they should get afterwards is not known any more"""

    def past(self) -> tuple[Past, ...]:
        return tuple(seat.past() for seat in self.held.values())


class _Table:
    """The claims of a study as they were handed out, one event after the other."""

    def __init__(self, session: Session, study: Study, items: dict[str, Item]) -> None:
        self.plan, self.items = plan_of(study), items
        self.rules = Rules(study.seed, self.plan.gold_share, self.plan.duplicate_spacing)
        statement = (
            select(Claim, Member, Context)
            .join(Item, Item.id == Claim.item_id)
            .join(Context, Context.id == Item.context_id)
            .join(Member, Member.id == Claim.member_id)
            .where(Item.study_id == study.id)
        )
        rows = session.execute(statement).all()
        self.claims = {claim.id: claim for claim, _, _ in rows}
        self.actors = {claim.id: member.pseudonym() for claim, member, _ in rows}
        self.names = {claim.id: f"{member.pseudonym()}, {context.key}" for claim, member, context in rows}
        self.dialogues = {claim.id: context.dialogue for claim, _, context in rows}
        kinds = (StudyEventKind.CLAIMED, StudyEventKind.RELEASED, StudyEventKind.REVOKED)
        told = select(StudyEvent).where(StudyEvent.study_id == study.id, StudyEvent.kind.in_(kinds))
        self.events = session.scalars(told.order_by(StudyEvent.id)).all()
        self.seated: dict[str, dict[int, Arrangement]] = defaultdict(dict)
        """item -> the claims that hold its seats"""
        self.owners: dict[int, str] = {}
        """claim -> pseudonym, also of raters whose answers were deleted later"""
        self.raters: dict[str, _Rater] = defaultdict(_Rater)

    def differences(self) -> list[str]:
        """All breaches of the rules, in the order in which they happened."""
        told: list[str] = []
        begun: set[int] = set()
        for event in self.events:
            if event.kind is StudyEventKind.REVOKED:
                if event.old_value is not None:  # answers were deleted, not only a link revoked
                    self._empty_seats(event.new_value)
                continue
            number, item = event.claim_id, self.items.get(event.item_id or "")
            if number is None or item is None:  # the item came from a talk that was erased later
                self.raters[event.actor].whole = False
                continue
            if event.kind is StudyEventKind.RELEASED:
                self.seated[item.id].pop(number, None)
                for rater in self.raters.values():
                    rater.held.pop(number, None)
                continue
            arrangement = _places(event.new_value)
            claim = self._claim(number, event)
            if claim is None:
                self.raters[event.actor].whole = False
            else:
                new = number not in begun
                found = [*self._seat(item), *self._shown(claim, item, arrangement, new)]
                told += [f"{self.names[number]}: {one}" for one in found]
                self._sit(claim, item, arrangement)
                begun.add(number)
            self.seated[item.id][number] = arrangement
            self.owners[number] = event.actor
        told += [f"{self.names[number]}: no event records this claim" for number in self.claims if number not in begun]
        return told + [
            f"{self.names[number]}: the claim is {claim.state.value}, which no event records"
            for number, claim in self.claims.items()
            if number in begun and (claim.state is ClaimState.RELEASED) == (number in self.seated[claim.item_id])
        ]

    def _claim(self, number: int, event: StudyEvent) -> Claim | None:
        """The claim of the event; None when it was deleted. SQLite may give its number to a later claim."""
        claim = self.claims.get(number)
        same = claim is not None and (claim.item_id, self.actors[number]) == (event.item_id, event.actor)
        return claim if same else None

    def _empty_seats(self, pseudonym: str | None) -> None:
        for seated in self.seated.values():
            for number in [number for number in seated if self.owners[number] == pseudonym]:
                del seated[number]

    def _seat(self, item: Item) -> Iterator[str]:
        taken = len(self.seated[item.id])
        if item.seats is not None and taken >= item.seats:
            yield f"handed out although all {item.seats} seats were taken"

    def _shown(self, claim: Claim, item: Item, arrangement: Arrangement, new: bool) -> Iterator[str]:
        """What was wrong: the rater could not get this item, or it was not shown as the rules say."""
        if claim.places() != arrangement:
            yield f"stored as {claim.arrangement}, handed out as {_text(arrangement)}"
        if not new:
            return  # the rater returned to it, and it is shown as before
        rater = self.raters[self.actors[claim.id]]
        if not rater.whole:
            return
        if item.duplicate_of is not None:
            yield from self._again(rater, item, arrangement)
            return
        if self.dialogues[claim.id] in rater.dialogues:
            yield "the rater had another item of the same dialogue"
        used = tuple(self.seated[item.id].values())
        asked = Open(item.id, item.position, item.purpose, systems_of(item), used)
        wanted = best_arrangement(Rater(claim.member_id, rater.past()), asked, self.rules)[1]
        if arrangement != wanted:
            yield f"shown as {_text(arrangement)}, the seed gives {_text(wanted)}"

    def _again(self, rater: _Rater, item: Item, arrangement: Arrangement) -> Iterator[str]:
        first = next((seat for seat in rater.held.values() if seat.item.id == item.duplicate_of), None)
        if first is None:
            yield "a duplicate of an item that the rater did not have"
            return
        last = max(seat.claim.ordinal for seat in rater.held.values())
        if last - first.claim.ordinal < self.plan.duplicate_spacing:
            yield f"a duplicate after fewer than {self.plan.duplicate_spacing} other items"
        if arrangement != first.arrangement[::-1]:
            yield f"a duplicate shown as {_text(arrangement)}, the original as {_text(first.arrangement)}"

    def _sit(self, claim: Claim, item: Item, arrangement: Arrangement) -> None:
        rater = self.raters[self.actors[claim.id]]
        rater.held[claim.id] = _Seat(claim, item, arrangement)
        rater.dialogues.add(self.dialogues[claim.id])

    def balance(self) -> tuple[int, int, int, int]:
        """(claims held, worst imbalance of an item, of a rater and group of systems, duplicates swapped)."""
        seats = [seat for rater in self.raters.values() for seat in rater.held.values()]
        by_item: dict[str, list[Arrangement]] = defaultdict(list)
        by_rater: dict[tuple[str, tuple[str, ...]], list[Arrangement]] = defaultdict(list)
        for seat in seats:
            by_item[seat.item.id].append(seat.arrangement)
            by_rater[seat.claim.member_id, systems_of(seat.item)].append(seat.arrangement)
        originals = {(seat.claim.member_id, seat.item.id): seat.arrangement for seat in seats}
        swapped = sum(
            originals.get((seat.claim.member_id, seat.item.duplicate_of or "")) == seat.arrangement[::-1]
            for seat in seats
        )
        within_item = max((imbalance(shown, len(shown[0])) for shown in by_item.values()), default=0)
        within_rater = max((imbalance(shown, len(shown[0])) for shown in by_rater.values()), default=0)
        return len(seats), within_item, within_rater, swapped


def _places(stored: str | None) -> Arrangement:
    return tuple(int(place) for place in (stored or "").split(",") if place)


def _text(arrangement: Arrangement) -> str:
    return ",".join(str(place) for place in arrangement)
