"""A model on any server that speaks the OpenAI protocol, prompted to give support: a `Responder` like our nets."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Sequence
from dataclasses import asdict

from models.data.dialogue import Dialogue
from models.serving.responder import OnText, Responder, forget_texts
from models.serving.trace import DecodeOptions, NamedRow, Reply, Timings, Trace
from models.systems.asking import ask, open_client
from models.systems.backend import messages_of
from models.systems.budget import Budget
from models.systems.classifier import most_likely, strategies_of
from models.systems.prompts import VERSION, Shot, instruction
from models.systems.systems_file import SystemSettings

ASKED = "what the server was asked"
"""name of a row in the trace"""


class ChatSystem:
    """One system from a systems file. Thread-safe, as its client and its budget are."""

    def __init__(
        self,
        name: str,
        settings: SystemSettings,
        key: str,
        shots: Sequence[Shot] = (),
        classifier: Responder | None = None,
    ) -> None:
        """`classifier` predicts the strategy that the prompt asks for; None leaves the choice to the model."""
        self.name, self.settings, self.shots, self.classifier = name, settings, tuple(shots), classifier
        self.sends_to = settings.sends_to
        self.checkpoint = _identity(settings, self.shots, classifier)
        self.budget = Budget(settings.limits)
        # No retries behind the operator's back: a second try may be billed like the first.
        self._client = open_client(settings.url, key, retries=0, timeout_s=settings.timeout_s)
        self._options = DecodeOptions(
            temperature=settings.temperature,
            top_p=settings.top_p,
            top_k=0,
            repetition_penalty=1.0,
            no_repeat_ngram=0,
            min_tokens=0,
            max_tokens=settings.max_tokens,
        )

    def respond(self, dialogue: Dialogue, options: DecodeOptions, seed: int, on_text: OnText | None = None) -> Reply:
        """See `models.serving.responder.Responder`. The server decodes with its own settings, not with `options`.

        Raises ServerFault when it gives no answer, and BudgetSpent when a limit is reached.
        """
        if not dialogue.last_post().strip():
            raise ValueError("nothing to answer: the seeker has said nothing yet")
        start = time.monotonic()
        strategies = strategies_of(self.classifier, dialogue, seed)
        followed = most_likely(strategies)
        request = self._request(dialogue, followed, seed)
        chars = len(json.dumps(request["messages"], ensure_ascii=False))
        reserved = self.budget.reserve(chars, self.settings.max_tokens)
        answer = ask(
            self._client,
            request,
            self.settings.timeout_s,
            None if on_text is None else lambda text: on_text(_plain(text)),
        )
        self.budget.settle(reserved, answer.tokens)
        read, written = answer.tokens or (0, 0)
        told = {"examples": len(self.shots), "tokens read": read, "tokens written": written}
        total_s = round(time.monotonic() - start, 4)
        trace = Trace(
            net=self.name,
            checkpoint=self.checkpoint,
            seed=seed,
            strategies=strategies,
            options=self._options,
            extras=(NamedRow(ASKED, tuple(told), tuple(map(float, told.values()))),),
            timings=Timings(first_token_s=round(answer.first_s, 4), decode_s=total_s, total_s=total_s),
        )
        return Reply(_plain(answer.text), followed, trace)

    def forget_texts(self) -> None:
        """Empty the caches of its classifier; see `models.serving.responder.RemembersTexts`."""
        forget_texts(self.classifier)

    def _request(self, dialogue: Dialogue, followed: str, seed: int) -> dict[str, object]:
        told = {"role": "system", "content": instruction(dialogue.situation, self.shots, followed)}
        said = [{"role": m["role"], "content": m["content"]} for m in messages_of(dialogue) if m["role"] != "system"]
        return {
            "model": self.settings.model,
            "messages": [told, *said],
            "seed": seed % 2**31,
            "temperature": self.settings.temperature,
            "top_p": self.settings.top_p,
            "max_tokens": self.settings.max_tokens,
        }


def _plain(text: str) -> str:
    """A chat message on one line, without the quotation marks that models like to put around it."""
    text = " ".join(text.split())
    return text[1:-1].strip() if len(text) > 2 and text[0] == text[-1] == '"' and text.count('"') == 2 else text


def _identity(settings: SystemSettings, shots: Sequence[Shot], classifier: Responder | None) -> str:
    """Short hash of all that determines the replies, except the server's model, which may change unnoticed."""
    limits = {"max_requests", "max_cost", "price_in", "price_out", "timeout_s", "key", "esconv"}
    about = {
        "settings": settings.model_dump(exclude=limits),
        "shots": [asdict(shot) for shot in shots],
        "classifier": classifier.checkpoint if classifier else "",
        "prompt": VERSION,
    }
    return hashlib.sha256(json.dumps(about, sort_keys=True).encode()).hexdigest()[:12]
