"""One simulated seeker: arrives, agrees, talks, judges and starts again; sometimes impatient or with a bad connection.

Its number alone decides what it does, so runs differ only in their pace.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from escdemo import texts
from escdemo.soak.ledger import SIDES, Shown, TalkLedger, Tally, replies_to
from escdemo.soak.open_page import TOKEN, BadAnswer, OpenPage, Site
from escdemo.soak.panels import MISSING, WHOLE, problem_in, read_panel

POSTS = (
    "I moved to a new town and the evenings are long.",
    "My work is fine, but I talk to nobody there.",
    "I used to cook with friends every week.",
    "My sister calls sometimes, and then it is easier.",
    "I sleep badly since the move.",
    "I thought about joining a choir.",
    "It is hard to begin with people I do not know.",
    "Thank you, I will try to write to an old friend.",
)
STORY = ("", "I moved to a new town for work and know nobody here.", "sadness", "Sleep Problems", 3)
"""role card (none), situation, emotion, problem, intensity"""
WAYS = ("looks on", "reloads", "looks on", "cancels", "looks on", "hangs up", "looks on", "sends twice")
"""how a message is sent and its replies awaited, in turn"""
NOTES = ("page-note", "post-note", "setup-note", "judge-note", "erase-note")
TALK_POSTS = 8
"""messages before a talk is judged"""
LONGEST_PAUSE_S = 4.0


@dataclass(frozen=True)
class Plan:
    """How long a seeker goes on."""

    seconds: float
    messages: int | None = None
    """most messages; None: as many as time allows"""
    patience_s: float = 300.0
    """how long both replies to a message may take, with all attempts; what is still being made then is late"""


class Seeker:
    """One simulated seeker, see the module."""

    def __init__(self, site: Site, number: int, plan: Plan, now: Callable[[], float] = time.monotonic) -> None:
        self.site, self.number, self.plan, self.now = site, number, plan, now
        self.tally = Tally()
        self.token, self.page = secrets.token_hex(20), OpenPage(site)
        self.ledger = TalkLedger()
        self._said = 0
        self._until = now() + plan.seconds

    async def run(self) -> Tally:
        """Talk until the time is over, checking every talk once more before leaving it; then delete everything."""
        try:
            await self._show(self.page, "restore", "", self.token, None)
            while self._goes_on:
                await self._talk()
        except BadAnswer as bad:  # a step other than a message failed: nothing more can be done
            self.tally.bad[str(bad)] += 1
        try:
            await self._show(self.page, "erase", self.token)
        except BadAnswer as bad:
            self.tally.bad[str(bad)] += 1
        return self.tally

    @property
    def _goes_on(self) -> bool:
        return self.now() < self._until and self._said < (self.plan.messages or self._said + 1)

    async def _talk(self) -> None:
        """One talk, judged at the end if possible."""
        self.ledger = TalkLedger()
        pair = (None,) * (len(self.site.events["agree"].states) - len(STORY) - 3)
        begun = await self._show(self.page, "agree", self.token, True, *STORY, *pair, False)
        if problem_in(begun.get("setup-note")) or problem_in(begun.get("page-note")):
            await asyncio.sleep(LONGEST_PAUSE_S)
            return
        well = True
        while well and self._goes_on and len(self.ledger.sent) < TALK_POSTS:
            try:
                well = await self._say()
            except BadAnswer as bad:
                self.tally.bad[str(bad)] += 1
                well = False
        await self._leave(well)

    async def _leave(self, well: bool) -> None:
        """Reload the finished talk, judge it, and count it in the ledger."""
        shown: Shown | None = None
        try:
            shown = await self._reload()
            if well and self.ledger.sent:
                await self._show(self.page, "finish", self.token)
                picks = ("tie",) * (len(self.site.events["vote"].states) - 5)
                await self._show(self.page, "vote", self.token, 2, "", *picks)
            await self._show(self.page, "again", texts.ANY_PROBLEM)
        finally:
            self.ledger.close(shown, self.tally)

    async def _say(self) -> bool:
        """Send one message and await its replies; False when something stays missing."""
        way = WAYS[(self._said + self.number) % len(WAYS)]
        post, seen = f"{POSTS[self._said % len(POSTS)]} ({self._said + 1})", len(self.ledger.sent)
        self._said += 1
        self.tally.done[way] += 1
        begun = self.now()
        if way == "hangs up":  # like a browser that sends again what got no answer
            await self.page.cut("send", self.token, seen, post)
            await self._reload()
        if not await self._send(seen, post):
            return False
        if way == "reloads":
            await self.page.follow_a_little("follow_send", self.token)
            await self._reload()
        elif way == "cancels":
            await self.page.follow_a_little("follow_send", self.token)
            await self._show(self.page, "stop", self.token)
        complete = await self._see_through(post, begun + self.plan.patience_s)
        if complete and way == "looks on":
            self.tally.waits_s.append(self.now() - begun)
        if complete and way == "sends twice":
            self.ledger.look(_panels(await self._show(self.page, "send", self.token, seen, post)))
            self.ledger.look(await self._reload())
        return complete

    async def _send(self, seen: int, post: str) -> bool:
        """Send until the app accepts the message; False when patience ends first."""
        deadline = self.now() + self.plan.patience_s
        pause = 0.5
        while True:
            taken = silent = False
            try:
                taken = "seen" in await self._show(self.page, "send", self.token, seen, post)
            except BadAnswer as bad:
                self.tally.bad[str(bad)] += 1
                silent = True
            late = self.now() > deadline
            if taken or (late and silent):  # a message refused in words is owed no reply, one without an answer is
                self.ledger.took(post)
            if taken or late:
                return taken
            await asyncio.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE_S)

    async def _see_through(self, post: str, deadline: float) -> bool:
        """Watch until both replies are there, requesting missing ones again. False when patience ends."""
        pause = 0.25
        while True:
            try:
                async with asyncio.timeout(max(0.0, deadline - self.now())):
                    shown = _panels(await self.page.follow_to_the_end("follow_send", self.token))
            except TimeoutError:
                return False
            except BadAnswer as bad:  # reload, as a browser does
                self.tally.bad[str(bad)] += 1
                await asyncio.sleep(pause)
                shown = await self._reload()
            self.ledger.look(shown)
            missing = [side for side in SIDES if not _has(shown, side, post, WHOLE)]
            if not missing:
                return True
            if self.now() > deadline:
                return False
            for side in missing:
                if _has(shown, side, post, MISSING):
                    await self._show(self.page, f"retry_{side}", self.token)
            await asyncio.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE_S)

    async def _reload(self) -> Shown:
        """Open the page again; what it shows."""
        self.page = OpenPage(self.site)
        return _panels(await self._show(self.page, "restore", self.token, "", None))

    async def _show(self, page: OpenPage, name: str, *values: Any) -> dict[str, Any]:
        """What the page shows after an event; its refusals are counted."""
        shown = await page.call(name, *values)
        for note in NOTES:
            problem = problem_in(shown.get(note))
            if problem is not None:
                self.tally.refused[problem] += 1
        self.token = shown.get(TOKEN) or self.token
        return shown


def _has(shown: Shown, side: str, post: str, states: tuple[str, ...]) -> bool:
    return any(reply.state in states for reply in replies_to(shown, side, post)[-1:])


def _panels(values: dict[str, Any]) -> Shown:
    """What both panels show; an answer without panels shows no talk."""
    return {side: read_panel(values.get(f"side-{side}") or "") for side in SIDES}
