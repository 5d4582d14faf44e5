"""The store behind the study page: who came, and one store call = one transaction. No Gradio here.

Every function of the store checks the member's role by itself, on every call; the page only passes on who asks.
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
"""what an action may raise: not allowed, not theirs, or the database did not answer"""


@dataclass(frozen=True)
class SignIn:
    """Either `access`, or `refusal`: the sentence to show."""

    access: Access | None
    refusal: str | None


class Desk:
    """Everything the page can do for a member; each call is stored whole or not at all.

    ValueError (NotAllowed among them) and LookupError: refused; the message is for the user.
    """

    def __init__(self, sessions: sessionmaker[Session], create_key: str = "", upload_key: bytes = b"") -> None:
        self._sessions = sessions
        self._reading = for_reading(sessions)
        self._create_key = create_key
        self._upload_key = upload_key
        self._ticket_key = secrets.token_bytes(32)
        self._pace = Pace()

    def do(self, action: Callable[..., T], access: Access | None, **arguments: Any) -> T:
        """One function of the store that changes something."""
        with self._sessions.begin() as session:
            return action(session=session, access=_signed_in(access), **arguments)

    def as_member(self, access: Access | None) -> Do:
        """`do` for this member."""

        def done(action: Callable[..., T], **arguments: Any) -> T:
            return self.do(action, access, **arguments)

        return done

    def read(self, action: Callable[..., T], access: Access | None, **arguments: Any) -> T:
        """One function of the store that only reads."""
        with self._reading() as session:
            return action(session=session, access=_signed_in(access), **arguments)

    def enter(self, token: str) -> SignIn:
        """Who the invitation link (or the ticket) belongs to, or why nobody gets in."""
        with self._reading() as session:
            if is_ticket(token):
                found = whose_ticket(session=session, ticket=token, key=self._ticket_key)
                return self._admit(found, AGAIN)
            found = whose_link(session=session, token=token)
        return self._admit(found, WRONG)

    async def enter_with_password(self, study: str, name: str, password: str, address: str) -> SignIn:
        """The same for who has no link at hand; after failed attempts each one waits, without holding a thread."""
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
        """Where copies of what was deleted may still lie."""
        with self._reading() as session:
            return remains(session)

    def ticket(self, access: Access | None) -> str:
        """With this a browser comes back after a reload, until this server ends. Raises NotAllowed without password."""
        return self.read(ticket_of, access, key=self._ticket_key)

    def may_create(self, key: str) -> bool:
        """Whether `key` is the one that this run of the app printed for whoever runs the server."""
        return bool(self._create_key) and hmac.compare_digest(key.encode(), self._create_key.encode())

    def check_key(self, key: str) -> None:
        """Raise NotAllowed unless this key makes studies."""
        if not self.may_create(key):
            raise NotAllowed(texts.CREATE_KEY_WRONG)

    def upload_pass(self) -> str:
        """With this a browser may upload files, until this server ends; for leads and those who may make studies."""
        return make_pass(self._upload_key)

    def create(self, key: str, plan: StudyPlan) -> CreatedStudy:
        """A new draft. Raises NotAllowed for a wrong key."""
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
