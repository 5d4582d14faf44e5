"""Who may upload, and how long an upload stays.

Files are accepted only from a browser that came in as a lead, or by the link for creating studies: it then has a pass,
a signed claim in a cookie. A lead's pass names the lead, and is worth nothing once they are revoked. A handler deletes
what it has read, the rest is deleted after MAX_AGE_S, and everything when the server ends.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from http import HTTPStatus
from http.cookies import CookieError, SimpleCookie
from pathlib import Path

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from annotation.studies.tickets import holder_of, is_genuine, is_ticket, make_ticket
from escdemo.web.routes import is_upload, refusal

COOKIE = "escdemo-uploads"
MAX_AGE_S = 600.0
"""how long an upload waits for the event that reads it"""
SWEEP_EVERY_S = 60.0
_FOLDER = "GRADIO_TEMP_DIR"
_HOLDER = "uploads-"


def make_pass(key: bytes, lead: str = "") -> str:
    """A value for COOKIE: whoever sends it may upload, for as long as a ticket is valid.

    `lead` is the id of the member it is for; "" for whoever may create studies.
    """
    return make_ticket(f"{_HOLDER}{lead}", "", key, datetime.now(UTC))


def lead_of(text: str, key: bytes) -> str | None:
    """For whom this pass was made; None: it is no pass of this server, or has expired."""
    if not is_ticket(text) or not holder_of(text).startswith(_HOLDER):
        return None
    return holder_of(text).removeprefix(_HOLDER) if is_genuine(text, "", key, datetime.now(UTC)) else None


class UploadGate:
    """ASGI middleware: refuses an upload without a pass before reading it. `leads` asks the store about a member."""

    def __init__(self, app: ASGIApp, key: bytes, leads: Callable[[str], bool]) -> None:
        self.app, self.key, self.leads = app, key, leads

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and is_upload(scope) and not await self._may(_cookie(scope)):
            words = "Only a lead may upload files here. If you are one, reload the page and try again."
            await refusal(HTTPStatus.FORBIDDEN, words)(scope, receive, send)
            return
        await self.app(scope, receive, send)

    async def _may(self, shown: str) -> bool:
        lead = lead_of(shown, self.key)
        return lead == "" or (lead is not None and await asyncio.to_thread(self.leads, lead))


def _cookie(scope: Scope) -> str:
    try:
        found = SimpleCookie(Headers(scope=scope).get("cookie", "")).get(COOKIE)
    except CookieError:
        return ""
    return "" if found is None else found.value


@contextmanager
def private_folder() -> Iterator[Path]:
    """Inside this context, Gradio keeps uploads in a folder that nobody else can read, and old ones are deleted.

    Build the pages inside, as Gradio looks up the folder then.
    """
    before = os.environ.get(_FOLDER)
    if before is not None:
        Path(before).mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="escdemo-uploads-", dir=before))  # mode 0700
    os.environ[_FOLDER] = str(folder)
    over = threading.Event()
    janitor = threading.Thread(target=_sweep_often, args=(folder, over), name="uploads", daemon=True)
    janitor.start()
    try:
        yield folder
    finally:
        over.set()
        janitor.join()
        if before is None:
            del os.environ[_FOLDER]
        else:
            os.environ[_FOLDER] = before
        shutil.rmtree(folder, ignore_errors=True)


def _sweep_often(folder: Path, over: threading.Event) -> None:
    while not over.wait(SWEEP_EVERY_S):
        sweep(folder, MAX_AGE_S)


def sweep(folder: Path, age_s: float) -> None:
    """Delete files that were not touched for `age_s` seconds, and folders that were empty for that long."""
    oldest = time.time() - age_s
    for path in sorted(folder.rglob("*"), reverse=True):  # the contents of a folder come before the folder
        try:
            if path.lstat().st_mtime >= oldest:
                continue
            if path.is_dir() and not path.is_symlink():
                path.rmdir()
            else:
                path.unlink()
        except OSError:  # deleted in the meantime, or a folder that is not empty
            continue
