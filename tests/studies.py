"""Studies of any stage for tests of the store: `StudyRoom` plays lead, raters and reviewer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from sqlalchemy.orm import Session, sessionmaker

from annotation.choices import Purpose, Role
from annotation.files.item_files import ImportedItem, ImportedReply
from annotation.studies.answers import Given, save_answer, submit
from annotation.studies.claims import get_task, open_task
from annotation.studies.item_import import import_items
from annotation.studies.members import Do, consent, invite, sign_in, whose_link
from annotation.studies.studies import create_study, open_study
from annotation.studies.study_plan import StudyPlan
from annotation.studies.study_views import Access, Line, TaskView

SYSTEMS = ("net-x", "net-y", "net-z")
PLAN = StudyPlan("pilot", SYSTEMS, raters=5, seed=7)
T = TypeVar("T")


def item(number: int, purpose: Purpose = Purpose.MAIN, systems: tuple[str, ...] = SYSTEMS, **more: Any) -> ImportedItem:
    """An item with one reply per system; each reply tells the test, but nobody else, whose it is (r0, r1, ...)."""
    replies = [
        ImportedReply(name, (Line("supporter", f"Reply r{place} to {number}."),), f"S{place}", f"c{place}")
        for place, name in enumerate(systems)
    ]
    context = (Line("seeker", f"Post {number}."),)
    gold = None if purpose is Purpose.MAIN else f'"{systems[0]}"'
    made = ImportedItem(f"{purpose.value}-{number}", f"d-{purpose.value}-{number}", context, tuple(replies))
    return replace(
        made, purpose=purpose, gold_json=gold, problem_type="job crisis", strategy="Question", turn=1, **more
    )


@dataclass
class StudyRoom:
    """One study and its people."""

    sessions: sessionmaker[Session]
    plan: StudyPlan = PLAN
    items: tuple[ImportedItem, ...] = field(default_factory=lambda: tuple(item(number) for number in range(6)))
    raters: int = 5
    opened: bool = True

    def __post_init__(self) -> None:
        with self.sessions.begin() as session:
            created = create_study(session=session, plan=self.plan)
            self.lead = created.access
            self.lead_token = created.invitation.token
            if self.items:
                import_items(session=session, access=self.lead, items=self.items)
            if self.opened:
                open_study(session=session, access=self.lead)
        self.people = self._admitted("rater", self.raters if self.opened else 0)

    def do(self, action: Callable[..., T], access: Access, **arguments: Any) -> T:
        """One store function in one transaction."""
        with self.sessions.begin() as session:
            return action(session=session, access=access, **arguments)

    def as_member(self, access: Access) -> Do:
        """`do` for this member."""

        def done(action: Callable[..., T], **arguments: Any) -> T:
            return self.do(action, access, **arguments)

        return done

    def invited(self, role: str, agrees: bool = True) -> Access:
        """A new member, signed in, who has agreed to take part."""
        return self._admitted(role, 1, agrees)[0]

    def _admitted(self, role: str, count: int, agrees: bool = True) -> list[Access]:
        with self.sessions.begin() as session:
            people = [invite(session=session, access=self.lead, role=Role(role)) for _ in range(count)]
            entered = [whose_link(session=session, token=person.token) for person in people]
            members = [sign_in(session=session, access=access) for access in entered if access is not None]
            for member in members if agrees and Role(role) is not Role.LEAD else ():
                consent(session=session, access=member)
            return members

    def open(self, rater: Access) -> TaskView | None:
        return self.do(open_task, rater)

    def answer(self, rater: Access, task: TaskView, value: str = "a") -> None:
        """Answer every question with `value`, without handing in."""
        with self.sessions.begin() as session:
            for label in task.missing:
                name, _, place = label.removesuffix(")").partition(" (")
                given = Given(name, value, place or None)
                save_answer(session=session, access=rater, claim_id=task.claim_id, given=given)

    def judge(self, rater: Access, value: str | Callable[[TaskView], str] = "a") -> TaskView | None:
        """Open the next item, answer everything and hand it in; None when there is none."""
        task = self.open(rater)
        if task is None:
            return None
        self.answer(rater, task, value if isinstance(value, str) else value(task))
        return self.do(submit, rater, claim_id=task.claim_id)

    def finish(self, value: str | Callable[[TaskView], str] = "a") -> None:
        """All raters in turn until nobody gets an item any more."""
        busy = list(self.people)
        while busy:
            busy = [rater for rater in busy if self.judge(rater, value) is not None]

    def task(self, rater: Access, claim_id: int) -> TaskView:
        return self.do(get_task, rater, claim_id=claim_id)
