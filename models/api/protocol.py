"""The request: the fields of a chat completion, checked, as a dialogue and decode options.

    {"model": "misc", "messages": [{"role": "system", "content": "I moved to a new town."},
                                   {"role": "user", "content": "I know nobody here."}], "seed": 1, "trace": true}

A system message is the seeker's situation, user messages are the seeker's, assistant messages the supporter's. Beyond
OpenAI's fields: `trace` asks for the trace of the reply, `decode` sets any of `DecodeOptions`, `change` changes the net
for a "what if" (`Intervention`), and an assistant message may name the `strategy` it followed. Unsupported fields are
refused if they would change the answer, else ignored.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import asdict, fields
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, Field, TypeAdapter, ValidationError

from models.api.faults import bad_request
from models.data.dialogue import Dialogue, Speaker, Turn
from models.data.strategies import STRATEGIES, strategy_id
from models.serving.intervention import Intervention
from models.serving.trace import DecodeOptions

MAX_BODY_BYTES = 2 * 2**20
"""longest request"""
MAX_MESSAGES = 500
MAX_CHARS = 8_000
"""of one message"""
LONGEST_REPLY = 128
"""tokens; a client that allows more still gets at most this many"""

_Values = TypeVar("_Values", DecodeOptions, Intervention)

Text = Annotated[str, Field(max_length=MAX_CHARS)]


class Part(BaseModel):
    """A piece of a message."""

    type: Literal["text"]
    text: Text


class Message(BaseModel):
    """One message."""

    role: Literal["system", "developer", "user", "assistant"]
    content: Text | Annotated[list[Part], Field(max_length=50)]
    strategy: str | None = None
    """of an assistant message: the strategy that the reply followed"""

    @property
    def text(self) -> str:
        """The content as one text."""
        return self.content if isinstance(self.content, str) else "\n".join(part.text for part in self.content)


class StreamOptions(BaseModel):
    """Options of a streamed answer."""

    include_usage: bool = False


class ChatRequest(BaseModel):
    """The body of a request. The last four are refused unless they change nothing."""

    model: str
    messages: Annotated[list[Message], Field(min_length=1, max_length=MAX_MESSAGES)]
    stream: bool = False
    stream_options: StreamOptions | None = None
    stop: Text | Annotated[list[Text], Field(max_length=4)] | None = None
    max_tokens: Annotated[int, Field(ge=1)] | None = None
    max_completion_tokens: Annotated[int, Field(ge=1)] | None = None
    seed: Annotated[int, Field(ge=-(2**63), lt=2**63)] | None = None
    temperature: Annotated[float, Field(ge=0, le=2)] | None = None
    top_p: Annotated[float, Field(gt=0, le=1)] | None = None
    trace: bool = False
    decode: dict[str, Any] = {}
    change: dict[str, Any] = {}
    n: Literal[1] | None = None
    logprobs: Literal[False] | None = None
    tools: Annotated[list[Any], Field(max_length=0)] | None = None
    response_format: dict[str, Any] | None = None
    presence_penalty: Annotated[float, Field(ge=0, le=0)] | None = None
    frequency_penalty: Annotated[float, Field(ge=0, le=0)] | None = None

    @property
    def stops(self) -> tuple[str, ...]:
        """Texts before which the reply ends."""
        found = [self.stop] if isinstance(self.stop, str) else self.stop or []
        return tuple(text for text in found if text)

    @property
    def usage(self) -> bool:
        """Whether a stream ends with the count of tokens."""
        return self.stream_options is not None and self.stream_options.include_usage

    def chosen_seed(self) -> int:
        """The seed of the request, else a random one."""
        return secrets.randbits(31) if self.seed is None else self.seed

    def dialogue(self) -> Dialogue:
        """The conversation. Raises Fault if a supporter cannot answer it."""
        if self.response_format not in (None, {"type": "text"}):
            raise bad_request("response_format: only text is supported", "response_format")
        turns, situation = list[Turn](), ""
        for at, message in enumerate(self.messages):
            if message.role in ("system", "developer"):
                if at:
                    raise bad_request("messages: only the first may be a system message, the situation", "messages")
                situation = message.text
            elif message.role == "user":
                turns.append(Turn(Speaker.SEEKER, message.text))
            else:
                turns.append(Turn(Speaker.SUPPORTER, message.text, _strategy(message, at)))
        if not turns or turns[-1].speaker is not Speaker.SEEKER or not turns[-1].text.strip():
            raise bad_request("messages: the last one must be of the user and not empty", "messages")
        return Dialogue(tuple(turns), situation)

    def options(self, usual: DecodeOptions) -> DecodeOptions:
        """How to decode: `usual` with the changes of the request. Raises Fault naming a value out of range."""
        values = asdict(usual) | self.decode
        if self.temperature == 0:
            values["method"] = "greedy"
        elif self.temperature is not None:
            values["temperature"] = self.temperature
        if self.top_p is not None:
            values["top_p"] = self.top_p
        most = self.max_completion_tokens or self.max_tokens
        if most is not None:
            values["max_tokens"] = min(most, LONGEST_REPLY)
            values["min_tokens"] = min(values["min_tokens"], values["max_tokens"])
        return _as(DecodeOptions, values, "decode")

    def intervention(self) -> Intervention:
        """The change that the request asks for. Raises Fault for one that is not possible."""
        return _as(Intervention, self.change, "change")


def _strategy(message: Message, at: int) -> str | None:
    if not message.strategy:
        return None
    try:
        return STRATEGIES[strategy_id(message.strategy)]
    except ValueError:
        allowed = ", ".join(STRATEGIES)
        raise bad_request(f"messages.{at}.strategy is unknown; allowed: {allowed}", "messages") from None


def _as(kind: type[_Values], values: Mapping[str, Any], param: str) -> _Values:
    """The dataclass `kind` from JSON values."""
    known = [field.name for field in fields(kind)]
    unknown = sorted(values.keys() - set(known))
    if unknown:
        raise bad_request(f"{param}: unknown {', '.join(unknown)[:200]}; allowed: {', '.join(known)}", param)
    try:
        return TypeAdapter(kind).validate_python(dict(values))
    except ValidationError as error:
        first: Any = error.errors()[0]
        place = ".".join([param, *map(str, first["loc"])])
        raise bad_request(f"{place}: {first['msg'].removeprefix('Value error, ')}", param) from None
