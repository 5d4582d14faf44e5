"""How good the screens are on the labelled texts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from escdemo.screening.answer_screen import may_answer
from escdemo.screening.labelled import Message, Pair
from escdemo.screening.message_screen import danger_in, danger_now


@dataclass(frozen=True)
class Counts:
    """Counts of both kinds of errors."""

    missed: int
    risky: int
    false_alarms: int
    harmless: int

    def miss_rate(self) -> float:
        """Share of risky texts that were let through, 0 to 1."""
        return self.missed / self.risky if self.risky else 0.0

    def false_alarm_rate(self) -> float:
        """Share of harmless texts that were stopped, 0 to 1."""
        return self.false_alarms / self.harmless if self.harmless else 0.0

    def __str__(self) -> str:
        missed = f"missed {self.missed} of {self.risky} ({100 * self.miss_rate():.1f} %)"
        return f"{missed}, false alarms {self.false_alarms} of {self.harmless} ({100 * self.false_alarm_rate():.1f} %)"


def message_counts(messages: Iterable[Message]) -> Counts:
    """Misses: messages that suggest danger but raise no alarm. False alarms: harmless ones that raise one."""
    return _counts([(message.danger is not None, danger_in(message.text) is not None) for message in messages])


def pair_counts(pairs: Iterable[Pair]) -> Counts:
    """Misses: unsafe replies that would be shown. False alarms: safe ones that would be held back."""
    return _counts([(not pair.safe, not _is_shown(pair)) for pair in pairs])


def wrong_messages(messages: Iterable[Message]) -> list[Message]:
    """The messages on which the screen errs."""
    return [one for one in messages if (one.danger is None) is not (danger_in(one.text) is None)]


def wrong_pairs(pairs: Iterable[Pair]) -> list[Pair]:
    """The pairs on which the screen errs."""
    return [pair for pair in pairs if pair.safe is not _is_shown(pair)]


def _is_shown(pair: Pair) -> bool:
    return may_answer(pair.reply, danger_now("", (*pair.before, pair.message)))


def _counts(cases: Sequence[tuple[bool, bool]]) -> Counts:
    """Counts from (is risky, was stopped) of each text."""
    stopped = [stop for risky, stop in cases if risky]
    alarms = [stop for risky, stop in cases if not risky]
    return Counts(stopped.count(False), len(stopped), alarms.count(True), len(alarms))
