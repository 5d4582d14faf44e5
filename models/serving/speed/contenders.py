"""Ways to answer many talks at once, with the same weights, which `measure.py` compares.

plain         as the published code does it: each reply alone, one after the other; its context is read again at
              every turn, and COMET is queried relation by relation, with five beams
transformers  continuous batching of transformers, the base alone (no net, no COMET)
engine        hosted nets as in the app
llama.cpp     in a file of its own, `llama_cpp.py`
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import cycle, islice
from typing import Any

import torch
from transformers import ContinuousBatchingConfig, GenerationConfig, LlamaConfig, LlamaForCausalLM

from models.backbones.causal import Causal
from models.backbones.causal_base import Bases
from models.data.dialogue import Dialogue
from models.files.checkpoint import WEIGHTS
from models.knowledge.comet import TAILS, CachedComet, Comet, Query
from models.knowledge.comet_shipped import ShippedComet
from models.knowledge.emotion import CachedEmotion
from models.knowledge.shipped_or_hub import open_comet, open_emotion
from models.nets.net import Net
from models.nets.stored import load_net, net_folder
from models.serving.hosting import NetResponder, Sources
from models.serving.speed.contender import Contender
from models.serving.speed.talks import Answered, a_turn_before, base_ids
from models.serving.trace import DecodeOptions

MEASURED_ALONE = 4
"""how many talks are measured if a contender answers them one after the other; the times of others follow from these"""
BLOCK = 32
"""tokens in a page of transformers' cache"""


class OneByOne(Comet):
    """A source that answers query by query and remembers nothing, as in the published code."""

    def __init__(self, source: Comet) -> None:
        self.source, self.version = source, source.version

    def answer(self, queries: Sequence[Query]) -> list[tuple[str, ...]]:
        """Run one search for each query."""
        return [self.source.answer([query])[0] for query in queries]


def engine(responders: Sequence[NetResponder], options: DecodeOptions) -> Contender:
    """Hosted nets, which take the talks in turn; COMET remembers nothing from a talk that is measured."""
    hosted = responders[0].sources.comet
    generator = hosted.source if isinstance(hosted, CachedComet) else hosted

    def answer(talks: Sequence[Dialogue]) -> list[Answered]:
        fresh = CachedComet(generator)
        for responder in responders:
            responder.sources = replace(responder.sources, comet=fresh)
        start = time.perf_counter()
        with ThreadPoolExecutor(len(talks)) as pool:
            asked = [(responders[n % len(responders)], talk) for n, talk in enumerate(talks)]
            return list(pool.map(lambda one: _respond(one[0], one[1], options, start), asked))

    def prepare(talks: Sequence[Dialogue]) -> None:
        short = replace(options, min_tokens=1, max_tokens=1)
        for number, talk in enumerate(talks):
            responders[number % len(responders)].respond(a_turn_before(talk), short, 1)

    return Contender("engine", answer, prepare)


def plain(
    names: Sequence[str], options: DecodeOptions, device: str, sources: tuple[str | None, str | None]
) -> Contender:
    """Each reply alone; the nets have their own weights, which are not packed, and do not cache what they read.

    `sources`: the names of COMET and emotion detector.
    """
    comet, emotion = sources
    bases = Bases(device)
    emotions = CachedEmotion(open_emotion(emotion, device, bases))
    asked = OneByOne(_as_published(open_comet(comet, device, bases)))
    responders = [
        NetResponder(name, _forgetful(load_net(net_folder(name, WEIGHTS), bases)), "", Sources(asked, emotions), device)
        for name in names
    ]

    def answer(talks: Sequence[Dialogue]) -> list[Answered]:
        def one(number: int) -> Answered:
            return _respond(responders[number % len(responders)], talks[number], options, time.perf_counter())

        return in_line(one, len(talks))

    return Contender("plain", answer)


def _as_published(comet: Comet) -> Comet:
    if isinstance(comet, ShippedComet):
        comet.search = replace(comet.search, beams=TAILS)
    return comet


def _forgetful(net: Net) -> Net:
    if isinstance(net.backbone, Causal):
        net.backbone.owner = None
    return net


def _respond(responder: NetResponder, talk: Dialogue, options: DecodeOptions, start: float) -> Answered:
    seen = list[float]()

    def on_text(text: str) -> None:
        if not seen:
            seen.append(time.perf_counter() - start)

    trace = responder.respond(talk, options, 1, on_text).trace
    took = time.perf_counter() - start
    return Answered(seen[0] if seen else took, took, len(trace.tokens), trace.timings.decode_s)


def in_line(one: Callable[[int], Answered], count: int) -> list[Answered]:
    """Replies made one after the other: each waits for those before it.

    Only the first `MEASURED_ALONE` are made; the times of the others repeat theirs in turn.
    """
    made = [one(number) for number in range(min(count, MEASURED_ALONE))]
    waited, answered = 0.0, list[Answered]()
    for reply in islice(cycle(made), count):
        first_s = None if reply.first_s is None else waited + reply.first_s
        answered.append(replace(reply, first_s=first_s, total_s=waited + reply.total_s))
        waited += reply.total_s
    return answered


def transformers_batching(net: Net, options: DecodeOptions) -> Contender:
    """The base in transformers, with copied weights."""
    backbone = net.backbone
    assert isinstance(backbone, Causal)
    model = as_llama(backbone)
    config = GenerationConfig(
        max_new_tokens=options.max_tokens, do_sample=False, eos_token_id=-1, pad_token_id=net.tokenizer.pad
    )

    def answer(talks: Sequence[Dialogue]) -> list[Answered]:
        asked = base_ids(talks, net)
        blocks = sum((len(ids) + options.max_tokens) // BLOCK + 2 for ids in asked)  # else it would take all memory
        room = ContinuousBatchingConfig(page_size=BLOCK, num_blocks=2 * blocks, max_batch_tokens=512)
        start = time.perf_counter()
        found = model.generate_batch(asked, config, room, record_timestamps=True)
        took = time.perf_counter() - start
        if len(found) != len(talks) or any(output.error for output in found.values()):
            raise RuntimeError(f"{len(found)} of {len(talks)} replies came back")
        return [_timed(output, start, took) for output in found.values()]

    return Contender("transformers", answer)


def _timed(output: Any, start: float, took: float) -> Answered:
    times = [moment - start for moment in output.timestamps or []]
    count = len(output.generated_tokens)
    return Answered(times[0], times[-1], count) if times else Answered(None, took, count)


def as_llama(backbone: Causal) -> LlamaForCausalLM:
    """The base without any net, as a model of transformers."""
    s, weights = backbone.shape, backbone.weights
    config = LlamaConfig(
        vocab_size=s.vocabulary,
        hidden_size=s.width,
        intermediate_size=s.ffn,
        num_hidden_layers=s.layers,
        num_attention_heads=s.heads,
        num_key_value_heads=s.key_heads,
        head_dim=s.head_width,
        max_position_embeddings=s.positions,
        rms_norm_eps=s.epsilon,
        rope_parameters={"rope_type": "default", "rope_theta": s.theta},
        tie_word_embeddings=True,
    )
    model = LlamaForCausalLM(config)
    torch.nn.Module.to(model, device=weights.embedding.device, dtype=weights.dtype)
    model.load_state_dict(weights.tensors(), strict=False)
    return model.eval()
