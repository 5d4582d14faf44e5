"""The store behind the study page: who came, and one store call = one transaction. No Gradio here.

Every function of the store checks the member's role itself, on every call; the page only says who asks.
"""

from __future__ import annotations

import asyncio
import hmac
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session, sessionmaker

from annotation.store.database import for_reading
from annotation.store.erasure import Remains, remains
from annotation.studies.members import (
    AGAIN,
    WRONG,
    Do,
    NotAllowed,
    sign_in,
    ticket_of,
    whose_link,
    whose_password,
    whose_ticket,
)
from annotation.studies.pace import Pace
from annotation.studies.studies import CreatedStudy, create_study
from annotation.studies.study_plan import StudyPlan
from annotation.studies.study_views import Access
from annotation.studies.tickets import is_ticket
from escdemo import texts as page_texts
from escdemo.study import texts
from escdemo.web.uploads import make_pass

T = TypeVar("T")

REFUSED = (ValueError, LookupError, SQLAlchemyError)
"""what an action may raise: not allowed, not theirs, or no answer from the database"""


@dataclass(frozen=True)
class SignIn:
    """The result of signing in: `access`, or else `refusal`, the sentence to show."""

    access: Access | None
    refusal: str | None


class Desk:
    """Everything the page can do for a member; each call is stored completely or not at all.

    ValueError (NotAllowed is one) and LookupError: refused, with a message for the user.
    """

    def __init__(self, sessions: sessionmaker[Session], create_key: str = "", upload_key: bytes = b"") -> None:
        self._sessions = sessions
        self._reading = for_reading(sessions)
        self._create_key = create_key
        self._upload_key = upload_key
        self._ticket_key = secrets.token_bytes(32)
        self._pace = Pace()

    def do(self, action: Callable[..., T], access: Access | None, **arguments: Any) -> T:
        """Call a function of the store that changes something."""
        with self._sessions.begin() as session:
            return action(session=session, access=_signed_in(access), **arguments)

    def as_member(self, access: Access | None) -> Do:
        """A function that is `do` for this member."""

        def done(action: Callable[..., T], **arguments: Any) -> T:
            return self.do(action, access, **arguments)

        return done

    def read(self, action: Callable[..., T], access: Access | None, **arguments: Any) -> T:
        """Call a function of the store that only reads."""
        with self._reading() as session:
            return action(session=session, access=_signed_in(access), **arguments)

    def enter(self, token: str) -> SignIn:
        """Sign in by an invitation or a ticket: its member, or why it is refused."""
        with self._reading() as session:
            if is_ticket(token):
                found = whose_ticket(session=session, ticket=token, key=self._ticket_key)
                return self._admit(found, AGAIN)
            found = whose_link(session=session, token=token)
        return self._admit(found, WRONG)

    async def enter_with_password(self, study: str, name: str, password: str, address: str) -> SignIn:
        """The same by password. After failed attempts each further one waits, without blocking a thread."""
        account, right = f"{study.strip()}\n{name.strip().lower()}", None
        wait = self._pace.begin(account, address)
        if wait is None:
            return SignIn(None, texts.SIGN_IN_CROWDED)
        try:
            await asyncio.sleep(wait)
            entered = await asyncio.to_thread(self._check, study, name, password)
            right = entered.access is not None
        finally:
            self._pace.end(account, address, right)
        return entered

    def _check(self, study: str, name: str, password: str) -> SignIn:
        with self._reading() as session:
            found = whose_password(session=session, study=study, pseudonym=name, password=password)
        return self._admit(found, WRONG)

    def _admit(self, found: Access | None, refusal: str) -> SignIn:
        if found is None:
            return SignIn(None, refusal)
        return SignIn(self.do(sign_in, found), None)

    def remains(self) -> Remains:
        """Where copies of deleted data may still be."""
        with self._reading() as session:
            return remains(session)

    def ticket(self, access: Access | None) -> str:
        """A ticket, with which a browser signs in after a reload, until this server ends. Raises NotAllowed without a
        password."""
        return self.read(ticket_of, access, key=self._ticket_key)

    def may_create(self, key: str) -> bool:
        """Whether `key` is the one that this run of the app printed for its operator."""
        return bool(self._create_key) and hmac.compare_digest(key.encode(), self._create_key.encode())

    def check_key(self, key: str) -> None:
        """Raise NotAllowed unless this key allows creating studies."""
        if not self.may_create(key):
            raise NotAllowed(texts.CREATE_KEY_WRONG)

    def upload_pass(self, lead: Access | None = None) -> str:
        """A pass to upload files, valid until this server ends; for a lead, or with None for who may create studies."""
        return make_pass(self._upload_key, "" if lead is None else lead.member_id)

    def create(self, key: str, plan: StudyPlan) -> CreatedStudy:
        """Create a draft. Raises NotAllowed for a wrong key."""
        self.check_key(key)
        with self._sessions.begin() as session:
            return create_study(session=session, plan=plan)


def sentence(refusal: Exception) -> str:
    """The part of a refusal that is meant for the user."""
    if isinstance(refusal, SQLAlchemyError):
        return page_texts.STORE_DOWN
    if isinstance(refusal, LookupError):
        return str(refusal.args[0]) if refusal.args else texts.RELOAD
    return str(refusal).split(" (step:")[0]


def _signed_in(access: Access | None) -> Access:
    if access is None:
        raise NotAllowed(texts.RELOAD)
    return access
