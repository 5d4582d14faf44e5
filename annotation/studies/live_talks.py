"""A rater's talk with the two systems of an item, in a live study; after it, the item is judged like any other.

    start_talk(session=session, access=rater, claim_id=..., intensity=4)      # how strong the emotion is before
    send_post(...)                                    # both systems owe a reply: see conversation.missing_replies
    prefer(..., turn_index=0, picked="a")             # when the plan asks for it
    rate_side(..., side="b", stars=4)                 # when the rater likes to
    end_talk(...)                                     # after the plan's min_turns; now answers are accepted
    keep_intensity(..., intensity=2)                  # how strong it is afterwards

The claim's arrangement says which system is on which side. Every action renews the lease. After "about the same", the
reply that goes into both histories is drawn with the talk's seed, so that no side has an advantage.
"""

from __future__ import annotations

import hashlib
import random
from dataclasses import dataclass

from sqlalchemy.orm import Session

from annotation.choices import ClaimState, EventKind, Mode, Pick, Preference, Role, Side, StudyKind
from annotation.store.events import record
from annotation.store.live_schema import StudyTalk, TurnPreference, TurnStar
from annotation.store.schema import utc_now
from annotation.store.study_schema import Claim, Context, Item, Member, Study
from annotation.studies.claims import own_claim, require_held, touch
from annotation.studies.live_projection import talk_view
from annotation.studies.live_views import TalkView
from annotation.studies.members import CONSENT, NotAllowed, require, require_consent
from annotation.studies.studies import plan_of
from annotation.studies.study_plan import StudyPlan
from annotation.studies.study_views import Access
from annotation.studies.task_projection import can_change, systems_of
from annotation.talks.conversation import add_post, retry_reply
from annotation.talks.encounters import (
    EncounterSetup,
    check_intensity,
    close_talk,
    find_encounter,
    start_encounter,
    visitor_of_member,
)


@dataclass(frozen=True)
class _Here:
    """What the rater is working on."""

    session: Session
    study: Study
    member: Member
    claim: Claim
    plan: StudyPlan

    @property
    def visitor(self) -> str:
        """The rater as the visitor of encounters."""
        return visitor_of_member(self.member.id)

    def encounter_id(self) -> str:
        """Id of the talk's encounter. Raises NotAllowed before the talk has begun."""
        talk = self.session.get(StudyTalk, self.claim.id)
        if talk is None:
            raise NotAllowed("First say how strong the emotion is, then the talk begins.")
        return talk.encounter_id

    def view(self) -> TalkView:
        self.session.flush()
        return talk_view(self.session, self.plan, self.claim)


def start_talk(
    *, session: Session, access: Access, claim_id: int, intensity: int | None, consent_version: str = CONSENT
) -> TalkView:
    """By a rater: begin the talk of the item in work; does nothing the second time. Raises ValueError.

    `consent_version` names the servers that the talk is sent to, if any: NotAllowed unless the rater agreed to it.
    """
    here = _at_work(session, access, claim_id)
    require_consent(session, here.member, consent_version)
    if session.get(StudyTalk, claim_id) is not None:
        return here.view()
    if intensity is None:
        raise ValueError("Please say how strong the emotion is, 1 to 5; then the talk begins.")
    item = session.get_one(Item, here.claim.item_id)
    context, systems, places = session.get_one(Context, item.context_id), systems_of(item), here.claim.places()
    setup = EncounterSetup(
        systems=(systems[0], systems[1]),
        mode=Mode.STUDY,
        seed=_seed(here.study, item, here.member),
        study=here.study.name,
        situation=context.situation,
        emotion_type=context.emotion_type or "",
        problem_type=context.problem_type or "",
        intensity_before=intensity,
        role_card=context.key,
        consent_version=consent_version,
    )
    begun = start_encounter(session=session, visitor=here.visitor, setup=setup, side_a=systems[places[0]])
    find_encounter(session, begun.id, here.visitor).rubric = here.plan.rubric.name
    session.add(StudyTalk(claim_id=claim_id, encounter_id=begun.id))
    return here.view()


def send_post(
    *, session: Session, access: Access, claim_id: int, text: str, key: str, consent_version: str = CONSENT
) -> TalkView:
    """By a rater: the next message to both systems; a `key` seen before stores nothing.

    Raises NotAllowed while the replies to the last message are not compared or without consent to `consent_version`
    (see `start_talk`), and as `conversation.add_post` does.
    """
    here = _at_work(session, access, claim_id)
    require_consent(session, here.member, consent_version)
    encounter_id, view = here.encounter_id(), here.view()
    if view.must_prefer():
        raise NotAllowed("First say which of the two replies is better, then go on.")
    add_post(session=session, encounter_id=encounter_id, visitor=here.visitor, text=text, key=key)
    return here.view()


def retry_side(*, session: Session, access: Access, claim_id: int, side: Side | str) -> TalkView:
    """By a rater: ask for one side's failed reply to the last message again. Raises StageError."""
    here = _at_work(session, access, claim_id)
    encounter_id, view = here.encounter_id(), here.view()
    turns = () if view.encounter is None else view.encounter.turns
    if not turns:
        raise NotAllowed("Nothing has been asked yet; write a message.")
    own = {"session": session, "encounter_id": encounter_id, "visitor": here.visitor}
    retry_reply(**own, turn_index=turns[-1].index, side=side)  # type: ignore[arg-type]
    return here.view()


def prefer(*, session: Session, access: Access, claim_id: int, turn_index: int, picked: Pick | str) -> TalkView:
    """By a rater: which reply to the last message is better; may be changed until the next message is sent.

    Raises NotAllowed for another turn, or if the plan does not ask for it, ValueError for an unknown choice.
    """
    here = _at_work(session, access, claim_id)
    encounter_id, view = here.encounter_id(), here.view()
    if turn_index != view.to_prefer():
        raise NotAllowed("Only the two replies to the last message can be compared, until the next one is sent.")
    if picked not in list(Pick):
        raise ValueError(f"the choice is {picked!r}; allowed: {', '.join(Pick)}")
    encounter = find_encounter(session, encounter_id, here.visitor, lock=True)
    row = session.get(TurnPreference, (encounter_id, turn_index))
    if row is None:
        row = TurnPreference(encounter_id=encounter_id, turn_index=turn_index)
        session.add(row)
    row.picked, row.saved_at = Pick(picked), utc_now()
    shared = here.plan.turn_preference is Preference.PREFERRED
    row.continues = continuing_side(encounter.seed, turn_index, row.picked) if shared else None
    record(
        session, encounter, EventKind.JUDGED, turn_index=turn_index, criterion="preference", new_value=row.picked.value
    )
    return here.view()


def continuing_side(seed: int, turn_index: int, picked: Pick) -> Side:
    """The side whose reply both histories continue from: the preferred one; after a tie, one drawn with the seed."""
    if picked is Pick.TIE:
        return random.Random(f"continues:{seed}:{turn_index}").choice(list(Side))
    return Side(picked.value)


def rate_side(*, session: Session, access: Access, claim_id: int, side: Side | str, stars: int) -> TalkView:
    """By a rater: how helpful one side is, 1 to 5, at a turn where this is asked; may be changed until the next one.

    Raises NotAllowed where it is not asked, ValueError for another number.
    """
    here = _at_work(session, access, claim_id)
    encounter_id, turn = here.encounter_id(), here.view().to_star()
    if turn is None:
        raise NotAllowed("Helpfulness is asked after every second message, during the talk.")
    if stars not in range(1, 6):
        raise ValueError(f"helpfulness is {stars!r}; allowed: 1 (not at all) to 5 (very)")
    encounter = find_encounter(session, encounter_id, here.visitor, lock=True)
    row = session.get(TurnStar, (encounter_id, turn, Side(side)))
    if row is None:
        row = TurnStar(encounter_id=encounter_id, turn_index=turn, side=Side(side))
        session.add(row)
    row.stars, row.saved_at = stars, utc_now()
    record(
        session,
        encounter,
        EventKind.JUDGED,
        turn_index=turn,
        side=Side(side),
        criterion="helpfulness",
        new_value=str(stars),
    )
    return here.view()


def end_talk(*, session: Session, access: Access, claim_id: int) -> TalkView:
    """By a rater: end the talk, so that the item can be judged; does nothing the second time.

    Raises NotAllowed while messages or a choice are missing, StageError while a reply is being made.
    """
    here = _at_work(session, access, claim_id)
    encounter_id, view = here.encounter_id(), here.view()
    if view.ended():
        return view
    if view.left():
        raise NotAllowed(f"Please go on: {view.left()} more answered message(s) before the talk can end.")
    if view.must_prefer():
        raise NotAllowed("First say which of the last two replies is better, then end the talk.")
    close_talk(session, find_encounter(session, encounter_id, here.visitor, lock=True))
    return here.view()


def keep_intensity(*, session: Session, access: Access, claim_id: int, intensity: int | None) -> TalkView:
    """By a rater: how strong the emotion is after the talk; may be changed like an answer. Raises ValueError."""
    here = _at_work(session, access, claim_id, handed_in=True)
    encounter_id = here.encounter_id()
    if not here.view().ended():
        raise NotAllowed("This is asked after the talk; end it first.")
    check_intensity("intensity", intensity)
    talk = session.get_one(StudyTalk, claim_id)
    if intensity is not None and talk.intensity_after != intensity:
        talk.intensity_after = intensity
        encounter = find_encounter(session, encounter_id, here.visitor, lock=True)
        record(session, encounter, EventKind.JUDGED, criterion="intensity after", new_value=str(intensity))
    return here.view()


def _at_work(session: Session, access: Access, claim_id: int, handed_in: bool = False) -> _Here:
    """The claim, locked and with a renewed lease. Raises NotAllowed unless the rater may work on it now."""
    study, member = require(session, access, Role.RATER, share=True)
    claim, plan = own_claim(session, member, claim_id, lock=True), plan_of(study)
    require_held(claim)
    if plan.kind is not StudyKind.LIVE:
        raise NotAllowed("In this study you read items; you do not talk.")
    if claim.state is ClaimState.DONE and not handed_in:
        raise NotAllowed("This item is handed in; its talk is over.")
    if not can_change(study, session.get_one(Item, claim.item_id), claim):
        raise NotAllowed("This item is closed; it counts as it is.")
    if member.break_since is not None:
        raise NotAllowed("You are on a break; end it to continue.")
    if claim.state is ClaimState.ACTIVE:
        touch(claim, plan)
    return _Here(session, study, member, claim, plan)


def _seed(study: Study, item: Item, member: Member) -> int:
    """The seed of one rater's talk, 0 to 2**31 - 1; the same for the same plan and rater."""
    digest = hashlib.sha256(f"talk:{study.seed}:{item.id}:{member.pseudonym()}".encode()).digest()
    return int.from_bytes(digest[:4]) & 0x7FFFFFFF
