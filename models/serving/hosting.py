"""Nets that answer: dialogue -> example -> batch -> plan -> reply + trace, behind the `Responder` protocol.

`open_responders` loads everything the app needs; COMET and emotion readings are shared by both sides and cached.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from models.analysis.state_map import MapAbout
from models.analysis.states import decoder_states
from models.backbones.causal import Causal
from models.backbones.causal_base import Bases
from models.data.batches import Batch, make_batch
from models.data.dialogue import Dialogue, Speaker, Turn
from models.data.examples import CASES, Example, context_ids, make_example, said_before
from models.data.own_talks import voiced
from models.data.said_back import without_hesitation
from models.data.strategies import STRATEGIES
from models.files.checkpoint import WEIGHTS, WeightsError, fingerprint, read_card
from models.knowledge.cases import RETRIEVERS, Case, Cases, NoCases
from models.knowledge.comet import Block, CachedComet, Comet, NoComet, blocks_for
from models.knowledge.emotion import CachedEmotion, EmotionDetector
from models.knowledge.shipped_or_hub import open_cases, open_comet, open_emotion
from models.nets.net import Net, Plan
from models.nets.registry import net_class
from models.nets.stored import load_net, net_folder
from models.nets.streams import POST, SITUATION
from models.serving import tracing
from models.serving.cores import Cores
from models.serving.decoding import Decoded, replay
from models.serving.engine.engine import Engine
from models.serving.intervention import LIKELIHOOD, LIKELIHOODS, NO_CHANGE, Intervention, Levers
from models.serving.looked_up import EmotionWith, comet_with
from models.serving.responder import OnText, Responder
from models.serving.trace import DecodeOptions, EmotionReading, NamedRow, Reply, Timings, Trace
from models.serving.writer import Alone, Writer
from models.training.device import pick_device
from models.training.provenance import measured_on

SHOWN = 5
"""of the replies drawn to choose from, how many a trace tells"""
RETRIES = 4
"""new attempts when a reply repeats an earlier one of the same conversation"""
REDRAWN = "drawn again: it repeated an earlier reply"
"""a row of the trace, whose options are those asked for; with the same conversation and seed it is drawn so again"""
ALL_REPEATED = "sampled: every reply drawn to choose from repeated an earlier one"
"""a row of the trace, with their number; its options are those asked for, here too"""


@dataclass(frozen=True)
class Sources:
    """What every net may ask besides its own weights."""

    comet: Comet
    emotions: EmotionDetector | None
    cases: Cases = field(default_factory=NoCases)


class NetResponder:
    """A hosted net. Thread-safe: nothing is kept between replies but caches that lock themselves."""

    def __init__(
        self,
        name: str,
        net: Net,
        checkpoint: str,
        sources: Sources,
        device: str = "cpu",
        card: Mapping[str, Any] | None = None,
        *,
        writer: Writer | None = None,
    ) -> None:
        self.writer = writer or Alone()
        self.name, self.checkpoint, self.card = name, checkpoint, card or {}
        self.net, self.sources, self.device = net.to(device).eval(), sources, device
        hears = net.needs_emotion and sources.emotions is not None
        self.levers = Levers(net.follows_strategy, net.mixes_strategies, net.needs_comet, hears)

    def respond(self, dialogue: Dialogue, options: DecodeOptions, seed: int, on_text: OnText | None = None) -> Reply:
        """See `models.serving.responder.Responder`."""
        return self.intervene(dialogue, options, seed, NO_CHANGE, on_text)

    def intervene(
        self,
        dialogue: Dialogue,
        options: DecodeOptions,
        seed: int,
        change: Intervention,
        on_text: OnText | None = None,
    ) -> Reply:
        """See `models.serving.responder.Changeable`."""
        self.check(dialogue)
        self.levers.check(self.name, change)
        start = time.perf_counter()
        clock = _Clock(start)
        asked = self._asked(dialogue, options)
        read = self._read_ahead(asked)  # by the writer's thread, while this one looks up the rest
        emotions = self._emotions(dialogue)
        clock.lap("emotion_s")
        known = self._blocks(dialogue)
        clock.lap("comet_s")
        tails = change.left_of(known[0]), change.left_of(known[1])
        cases = self._cases(dialogue) if change.knowledge else ()
        read.result()
        example = self._example(asked, tails, _heard_as(emotions, change.emotion), cases)
        batch = make_batch([example]).to(self.device)
        plan = self.writer.plan(self.net, batch, lambda: self._plan(batch, change))
        plan = replace(plan, said=(said_before(dialogue, self.net.tokenizer),))
        clock.lap("encode_s")
        decoded, rivals = self._decode(plan, dialogue, options, seed, on_text, clock)
        clock.lap("decode_s")
        text = self.net.tokenizer.decode(decoded.ids)
        compared = tuple[NamedRow, ...]()
        if change.beside:
            original, beside = self._example(asked, known, emotions, self._cases(dialogue)), change.beside
            compared = self.writer.call(lambda: self._compare(original, plan, text, beside))
        trace = Trace(
            net=self.name,
            checkpoint=self.checkpoint,
            seed=seed,
            strategies=tracing.distribution(plan.strategies[0]),
            options=options,
            tokens=tracing.steps(decoded, self.net.tokenizer),
            blocks=(*tracing.weigh(tails[0], decoded, SITUATION), *tracing.weigh(tails[1], decoded, POST)),
            emotions=_heard_as(emotions, change.emotion),
            extras=(
                *tracing.extras(plan, self.net),
                *tracing.heard(example, decoded, self.net.tokenizer),
                *tracing.looked_up(cases, decoded, self.net.tokenizer),
                *tracing.together(self.net, tails[1]),
                *tracing.named(self.net, plan, decoded),
                *tracing.traced(decoded, self.net.tokenizer),
                *rivals,
                *compared,
            ),
            timings=clock.timings(),
        )
        return Reply(text, trace.strategy(), trace)

    def _asked(self, dialogue: Dialogue, options: DecodeOptions) -> Dialogue:
        """The dialogue as the net reads it: with `options.voice` under the mark that our own talks stand under, and
        without hesitation, since such replies say back what was said."""
        if not (options.voice and self.net.shape.situation):
            return dialogue
        turns = tuple(replace(turn, text=without_hesitation(turn.text) or turn.text) for turn in dialogue.turns)
        return replace(dialogue, situation=voiced(without_hesitation(dialogue.situation)), turns=turns)

    def _read_ahead(self, asked: Dialogue) -> Future[None]:
        """The dialogue as the net reads it, which depends on nothing that is looked up."""
        ids = torch.tensor([context_ids(asked, self.net.tokenizer, self.net.shape)], device=self.device)
        return self.writer.read_ahead(self.net, ids)

    def _blocks(self, dialogue: Dialogue) -> tuple[Sequence[Block], Sequence[Block]]:
        """COMET's blocks of situation and last message that the net reads; none for a net that does without."""
        comet = self.sources.comet if self.net.needs_comet else NoComet()
        situation, post = blocks_for(comet, dialogue.situation, dialogue.last_post())
        return situation, self.net.tails_read(post)

    def forget_texts(self) -> None:
        """See `models.serving.responder.RemembersTexts`. Nets share these caches: all talks are read anew."""
        for source in (self.sources.comet, self.sources.emotions):
            if isinstance(source, CachedComet | CachedEmotion):
                source.clear()
        if isinstance(self.net.backbone, Causal):
            self.net.backbone.weights.prefixes.clear()
            self.net.backbone.weights.vectors.clear()

    def check(self, dialogue: Dialogue) -> None:
        """Raises ValueError for a dialogue that it cannot answer."""
        if not dialogue.turns or dialogue.turns[-1].speaker is not Speaker.SEEKER or not dialogue.last_post().strip():
            raise ValueError("nothing to answer: the last turn must be a seeker turn that is not empty")

    def _example(
        self,
        dialogue: Dialogue,
        tails: tuple[Sequence[Block], Sequence[Block]],
        emotions: Sequence[EmotionReading],
        cases: Sequence[Case],
        reply: Turn | None = None,
    ) -> Example:
        net, readings = self.net, [reading.scores for reading in emotions] if self.net.needs_emotion else ()
        return make_example(dialogue, reply, tails, net.tokenizer, net.shape, readings, wants=net.wants, cases=cases)

    def _cases(self, dialogue: Dialogue) -> tuple[Case, ...]:
        return self.sources.cases.find([dialogue])[0] if CASES in self.net.wants else ()

    def _plan(self, batch: Batch, change: Intervention) -> Plan:
        """The plan; a given strategy or mixture stands in the place of the predicted shares."""
        plan = self.net.plan(batch)
        if change.strategy is not None:
            chosen = torch.tensor([STRATEGIES.index(change.strategy)], device=self.device)
            return replace(self.net.follow(plan, batch, chosen), strategies=self.net.told(chosen, plan.strategies))
        if change.mixture is not None:
            shares = torch.tensor([change.mixture], device=self.device, dtype=plan.strategies.dtype)
            return replace(self.net.follow_mixture(plan, batch, shares), strategies=shares)
        return plan

    def _compare(self, example: Example, changed: Plan, text: str, beside: str) -> tuple[NamedRow, ...]:
        """Log-likelihoods of the reply `beside` and of the new `text`, by the net as it is and as it was changed."""
        tokenizer, most = self.net.tokenizer, self.net.backbone.longest_reply
        values = list[float]()
        plans = self._plan(make_batch([example]).to(self.device), NO_CHANGE), changed
        for said in (beside, text):
            labels = torch.tensor([[*tokenizer.encode(said)[: most - 1], tokenizer.eos]], device=self.device)
            count = int(self.net.counted(labels).sum())
            for plan in plans:
                values.append(round(-float(self.net.reply_nll(plan, labels)) / count, 4))
        return (NamedRow(LIKELIHOOD, LIKELIHOODS, tuple(values)),)

    def context_tokens(self, dialogue: Dialogue, options: DecodeOptions) -> int:
        """See `models.serving.responder.CountsTokens`."""
        return len(context_ids(self._asked(dialogue, options), self.net.tokenizer, self.net.shape))

    def strategies(self, dialogue: Dialogue) -> tuple[float, ...]:
        """See `models.serving.responder.NamesStrategies`."""
        with torch.inference_mode():
            example = self._example(dialogue, self._blocks(dialogue), self._emotions(dialogue), self._cases(dialogue))
            plan = self._plan(make_batch([example]).to(self.device), NO_CHANGE)
        return tracing.distribution(plan.strategies[0])

    def read_replies(
        self, said: Sequence[tuple[Dialogue, Turn]], options: DecodeOptions
    ) -> tuple[np.ndarray, np.ndarray]:
        """See `models.serving.responder.ReadsReplies`."""
        examples = []
        for dialogue, reply in said:
            tails = self._blocks(dialogue)
            emotions = self._emotions(dialogue) if self.net.needs_emotion else ()
            asked = self._asked(dialogue, options)
            examples.append(self._example(asked, tails, emotions, self._cases(dialogue), reply))
        return decoder_states(self.net, examples)

    def describe_map(self, source: str, part: tuple[str, str], dialogues: int, data: str, seed: int) -> MapAbout:
        """See `models.serving.responder.ReadsReplies`."""
        return MapAbout(
            net=self.name,
            checkpoint=self.checkpoint,
            base=self.card.get("base") or "",
            source=source,
            split=part[0],
            part=part[1],
            measured_on=measured_on(self.card, self.net, *part) if part[0] else source,
            dialogues=dialogues,
            data=data,
            comet=self.sources.comet.version if self.net.needs_comet else "",
            emotion=self.sources.emotions.version if self.net.needs_emotion and self.sources.emotions else "",
            seed=seed,
        )

    def _emotions(self, dialogue: Dialogue) -> tuple[EmotionReading, ...]:
        if self.sources.emotions is None:
            return ()
        posts = [(i, turn.text) for i, turn in enumerate(dialogue.turns) if turn.speaker is Speaker.SEEKER]
        scores = self.sources.emotions.read([text for _, text in posts])
        return tuple(EmotionReading(i, found) for (i, _), found in zip(posts, scores, strict=True))

    def _decode(
        self, plan: Plan, dialogue: Dialogue, options: DecodeOptions, seed: int, on_text: OnText | None, clock: _Clock
    ) -> tuple[Decoded, tuple[NamedRow, ...]]:
        """Decode; try again, more and more freely, while the reply repeats one of this conversation.

        Also tells which replies it was chosen from, or that all of them were repeats, and that it was drawn again.
        """
        tokenizer = self.net.tokenizer
        said = {_key(turn.text) for turn in dialogue.turns if turn.speaker is Speaker.SUPPORTER}
        told = tuple[NamedRow, ...]()
        if options.method == "rerank":
            drawn = [(tokenizer.decode(c.ids), c) for c in self.writer.rank(self.net, plan, options, seed)]
            fresh = [(text, c) for text, c in drawn if _key(text) not in said]
            if fresh:
                clock.first_token()
                if on_text is not None:
                    on_text(fresh[0][0])
                best, scores = zip(*((text, round(c.score, 3)) for text, c in fresh[:SHOWN]), strict=True)
                whole = self.writer.call(lambda: replay(self.net, plan, fresh[0][1].ids))
                return whole, (NamedRow("best of the replies drawn", best, scores),)
            told = (NamedRow(ALL_REPEATED, ("replies",), (float(len(drawn)),)),)
            options = replace(options, method="sample")
        starts: set[int] = set()

        def stream(ids: list[int]) -> None:
            clock.first_token()
            text = tokenizer.decode(ids)
            # a start that is still the start of an earlier reply may have to be taken back: hold it
            if on_text is not None and not any(earlier.startswith(_key(text)) for earlier in said):
                on_text(text)

        decoded = self.writer.decode(self.net, plan, options, seed, stream)
        redrawn = tuple[NamedRow, ...]()
        for attempt in range(1, RETRIES + 1):
            if _key(tokenizer.decode(decoded.ids)) not in said:
                break
            freer = options.freer(attempt)
            if not options.draws or attempt > RETRIES // 2:
                starts |= set(decoded.ids[:1])
            settings = {
                "times": attempt,
                "top p": freer.top_p,
                "temperature": freer.temperature,
                "starts barred": len(starts),
            }
            redrawn = (NamedRow(REDRAWN, tuple(settings), tuple(map(float, settings.values()))),)
            decoded = self.writer.decode(self.net, plan, freer, seed + attempt, stream, starts)
        return decoded, told + redrawn


def _key(text: str) -> str:
    return " ".join(text.lower().split()).rstrip(".!?")


class _Clock:
    """Wall-clock laps of one reply."""

    def __init__(self, start: float) -> None:
        self.start = self.last = start
        self.laps: dict[str, float] = {}

    def lap(self, name: str) -> None:
        now = time.perf_counter()
        self.laps[name], self.last = now - self.last, now

    def first_token(self) -> None:
        self.laps.setdefault("first_token_s", time.perf_counter() - self.start)

    def timings(self) -> Timings:
        return Timings(**{n: round(v, 4) for n, v in self.laps.items()}, total_s=round(self.last - self.start, 4))


def _heard_as(emotions: tuple[EmotionReading, ...], emotion: str | None) -> tuple[EmotionReading, ...]:
    """The readings, that of the last message replaced by `emotion` where it is given."""
    if emotion is None or not emotions:
        return emotions
    return (*emotions[:-1], replace(emotions[-1], scores=((emotion, 1.0),)))


def open_responders(
    names: Sequence[str],
    device: str = "auto",
    weights: Path = WEIGHTS,
    on_load: Callable[[str], None] | None = None,
    *,
    comet: str | None = None,
    emotion: str | None = None,
    cases: str | None = None,
    retriever: str = RETRIEVERS[0],
) -> dict[str, Responder]:
    """Load nets and what they share; `comet` and `emotion` as `models.knowledge.shipped_or_hub` takes them, `cases` an
    ESConv file for the nets that look up similar talks, by `retriever`; they do without when there is none.

    Raises ValueError for an unknown name or device, WeightsError for bad files and a net that must be trained first,
    FileNotFoundError for a COMET or detector that cannot be loaded.
    """
    place = pick_device(device)
    cores = Cores() if place == "cpu" else None
    if cores:  # two replies are made at once: with all cores each, they would wait for one another
        torch.set_num_threads(cores.half)
    folders = {name: net_folder(name, weights) for name in names}  # all of them before the first is loaded
    looking = any(CASES in net_class(name)[1].wants for name in names)
    bases = Bases(place)
    engine, alone = Engine(cores=cores), Alone(cores)
    sources = Sources(
        CachedComet(comet_with(engine, open_comet(comet, place, bases))),
        CachedEmotion(EmotionWith(open_emotion(emotion, place, bases), engine)),
        open_cases(cases, "D", retriever, place, bases) if looking else NoCases(),
    )
    responders: dict[str, Responder] = {}
    for name, folder in folders.items():
        if on_load is not None:
            on_load(name)
        checkpoint, card = fingerprint(folder), read_card(folder)
        net = load_net(folder, bases)
        if fingerprint(folder) != checkpoint:  # a judgment would be kept under the name of other weights
            raise WeightsError(f"the weights in {folder} were changed while they were being loaded; start again")
        if isinstance(net.backbone, Causal):
            net.backbone.weights.pack()
        about = (checkpoint, sources, place, card)
        writer = engine if isinstance(net.backbone, Causal) else alone
        responders[name] = NetResponder(name, net, *about, writer=writer)
    return responders
