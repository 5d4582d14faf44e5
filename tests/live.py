"""Live studies for tests of the store: `LiveRoom` plays lead, raters and the server that makes the replies."""

from __future__ import annotations

from dataclasses import replace

from sqlalchemy.orm import Session, sessionmaker

from annotation.studies.answers import Given, save_answer, submit
from annotation.studies.claims import get_task, open_task
from annotation.studies.live_items import Scene, add_scenes
from annotation.studies.live_talks import end_talk, keep_intensity, prefer, send_post, start_talk
from annotation.studies.live_views import TalkView
from annotation.studies.studies import open_study
from annotation.studies.study_plan import StudyPlan
from annotation.studies.study_views import Access, TaskView
from annotation.talks.conversation import missing_replies, save_reply
from tests.encounters import answer
from tests.studies import SYSTEMS, StudyRoom

PLAN = StudyPlan("talks", SYSTEMS[:2], raters=2, raters_per_item=1, kind="live", min_turns=2, seed=5)  # type: ignore[arg-type]
SCENES = tuple(Scene(f"card-{at}", f"Situation {at}.", "sadness", "job crisis", f"Opening {at}.") for at in range(4))


class LiveRoom(StudyRoom):
    """An open live study with two raters."""

    def __init__(self, sessions: sessionmaker[Session], **changes: object) -> None:
        super().__init__(sessions, replace(PLAN, **changes), items=(), opened=False)  # type: ignore[arg-type]
        self.do(add_scenes, self.lead, scenes=SCENES)
        self.do(open_study, self.lead)
        self.people = [self.invited("rater"), self.invited("rater")]

    def begin(self, rater: Access, intensity: int = 4) -> TaskView:
        """The rater's item with its talk begun."""
        task = self.do(open_task, rater)
        assert task is not None
        self.do(start_talk, rater, claim_id=task.claim_id, intensity=intensity)
        return self.task(rater, task.claim_id)

    def say(self, rater: Access, claim: int, text: str = "I feel alone.", picked: str | None = None) -> TalkView:
        """One message with both replies made, compared when the plan asks for it."""
        talk = self.talk(rater, claim)
        assert talk.encounter is not None
        turn = len(talk.encounter.turns)
        self.do(send_post, rater, claim_id=claim, text=text, key=f"key-{turn}")
        self.reply(talk.encounter.id)
        if picked:
            self.do(prefer, rater, claim_id=claim, turn_index=turn, picked=picked)
        return self.talk(rater, claim)

    def reply(self, encounter_id: str) -> None:
        """The server makes what is owed."""
        with self.sessions.begin() as session:
            for task in missing_replies(session=session, encounter_id=encounter_id):
                save_reply(session=session, slot=task.slot, reply=answer(task))

    def talk(self, rater: Access, claim: int) -> TalkView:
        """The talk as it stands."""
        found = self.do(get_task, rater, claim_id=claim).talk
        assert found is not None
        return found

    def finish_item(self, rater: Access, value: str = "a", after: int = 2, picked: str | None = None) -> TaskView:
        """The rater's next item from its beginning until it is handed in."""
        claim = self.begin(rater).claim_id
        for number in range(self.plan.min_turns):
            self.say(rater, claim, f"Message {number}.", picked)
        return self.finish_open(rater, claim, value, after)

    def finish_open(self, rater: Access, claim: int, value: str = "a", after: int = 2) -> TaskView:
        """End the talk, judge it and hand the item in."""
        self.do(end_talk, rater, claim_id=claim)
        self.do(keep_intensity, rater, claim_id=claim, intensity=after)
        for name in self.plan.rubric.names():
            self.do(save_answer, rater, claim_id=claim, given=Given(name, value))
        return self.do(submit, rater, claim_id=claim)
