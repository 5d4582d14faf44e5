"""Consent: asked before the first item of every study, and again when talks go to other servers."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker

from annotation.choices import StudyEventKind
from annotation.store.schema import utc_now
from annotation.store.study_events import record_study
from annotation.store.study_schema import Member, StudyEvent
from annotation.studies.claims import open_task
from annotation.studies.live_talks import send_post, start_talk
from annotation.studies.members import CONSENT, NotAllowed, consent, consent_given
from annotation.studies.review import open_review
from tests.live import LiveRoom
from tests.studies import PLAN, StudyRoom

STORES = ("sqlite", "postgresql")


@pytest.mark.parametrize("own", ["What happens with my answers", ""])
def test_consent_comes_first(sessions: sessionmaker[Session], own: str) -> None:
    """A plan without a text of its own asks for it too: the page shows the general one."""
    room = StudyRoom(sessions, replace(PLAN, consent=own))
    for role, action in (("rater", open_task), ("reviewer", open_review)):
        member = room.invited(role, agrees=False)
        with pytest.raises(NotAllowed, match="agree"):
            room.do(action, member)
        room.do(consent, member)
        room.do(action, member)


def test_a_talk_is_sent_only_where_the_rater_agreed(sessions: sessionmaker[Session]) -> None:
    room, away = LiveRoom(sessions), {"consent_version": "study; sent to api.example.org"}
    rater = room.people[0]
    task = room.do(open_task, rater)
    assert task is not None
    claim = task.claim_id
    with pytest.raises(NotAllowed, match="other servers than those you agreed to"):
        room.do(start_talk, rater, claim_id=claim, intensity=3, **away)
    for _ in range(2):
        room.do(consent, rater, version=away["consent_version"])
    talk = room.do(start_talk, rater, claim_id=claim, intensity=3, **away)
    with pytest.raises(NotAllowed, match="other servers"):
        room.do(send_post, rater, claim_id=claim, text="Hello.", key="k")
    room.do(send_post, rater, claim_id=claim, text="Hello.", key="k", **away)
    assert talk.encounter is not None
    assert talk.encounter.consent_version == room.do(consent_given, rater) == away["consent_version"]
    own = (StudyEvent.kind == StudyEventKind.CONSENTED, StudyEvent.actor == rater.pseudonym)
    with sessions.begin() as session:
        agreed = session.scalars(select(StudyEvent.new_value).where(*own).order_by(StudyEvent.id)).all()
        assert agreed == ["study", away["consent_version"]]


def test_a_consent_from_before_versions_were_stored_is_one_to_no_other_server(sessions: sessionmaker[Session]) -> None:
    room = LiveRoom(sessions)
    rater = room.invited("rater", agrees=False)
    with sessions.begin() as session:
        session.get_one(Member, rater.member_id).consented_at = utc_now()
        record_study(session, rater.study_id, StudyEventKind.CONSENTED, actor=rater.pseudonym)
    assert room.do(consent_given, rater) == CONSENT
    assert room.do(open_task, rater) is not None
