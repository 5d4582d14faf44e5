"""A page without a browser, for tests: one visitor who remembers what the components showed last."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from escdemo.chat.handlers import Page

TOKEN = "a browser's token"
OWN = ("", "I moved and know nobody.", "sadness", "Sleep Problems", 4, None, False)


class Visitor:
    """A page without a browser: remembers what the components showed last, by their key in `Page.parts`."""

    def __init__(self, page: Page, token: str = TOKEN) -> None:
        self.page, self.token, self.shown = page, token, {}
        self.take(page.restore(token))

    def take(self, values: dict[Any, Any]) -> None:
        self.shown |= values

    def of(self, component: Any) -> Any:
        value = self.shown.get(component)
        return value.get("value") if isinstance(value, dict) else value

    def visible(self, component: Any) -> bool:
        return bool(self.shown[component]["visible"])

    @property
    def talk(self) -> str:
        return str(self.of(self.page.parts.talk))

    def start(self, fields: tuple[Any, ...] = OWN) -> Visitor:
        self.take(self.page.agree(self.token, True, *fields))
        return self

    def say(self, text: str, seen: int | None = None) -> Visitor:
        at = self.of(self.page.parts.seen) if seen is None else seen
        self.take(self.page.send(self.token, self.talk, at, text))
        return self.follow()

    def follow(self) -> Visitor:
        async def look_on() -> None:
            async for values in self.page.follow(self.token, self.talk):
                self.take(values)

        asyncio.run(look_on())
        return self

    def vote(self, *picks: str | None, opened: float = 0.0) -> Visitor:
        self.take(self.page.vote(self.token, self.talk, opened, 2, "because", *picks))
        return self

    def everything(self) -> str:
        """All that has reached the page, as one text, but for the choice of whom to play: cards and the example."""
        cards = set(vars(self.page.parts.setup).values())
        return json.dumps([value for part, value in self.shown.items() if part not in cards], default=str)
