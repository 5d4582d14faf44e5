"""Hosted nets: reply and trace, seeds, no repeated reply, what is refused. Tiny nets, made-up commonsense."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import Any, cast

import pytest
import torch

from models.backbones.causal import Causal
from models.data.dialogue import Dialogue, Speaker, Turn
from models.data.examples import OUTCOME, context_ids, said_before
from models.data.strategies import STRATEGIES
from models.files.checkpoint import WEIGHTS, WeightsError, fingerprint, save_packed
from models.files.lru import Lru
from models.knowledge.comet import CachedComet, Comet, NoComet, Query
from models.knowledge.comet_shipped import ShippedComet
from models.knowledge.emotion import CachedEmotion
from models.knowledge.emotion_shipped import ShippedEmotion
from models.nets.net import COURSE, Net
from models.nets.registry import NETS
from models.serving import hosting
from models.serving.engine.engine import Engine
from models.serving.hosting import ALL_REPEATED, REDRAWN, NetResponder, Sources, open_responders
from models.serving.looked_up import EmotionWith
from models.serving.responder import Cancelled
from models.serving.service import GenerationService
from models.serving.trace import DecodeOptions, Reply
from models.serving.tracing import NO_EMOTION
from tests.tiny import CAUSAL, MadeUpEmotions, on_each_backbone, settled_nets, tiny_net

OPTIONS = DecodeOptions(min_tokens=3, max_tokens=8)
DIALOGUE = Dialogue((Turn(Speaker.SEEKER, "hello i am sad"),), "i lost my job")
LONG = Dialogue((Turn(Speaker.SEEKER, "i lost my job . " * 60),), "i lost my job")
"""fills the context: whatever was said before it, the same is drawn"""


class MadeUpComet(Comet):
    """Two tails per query; counts what it is asked."""

    version = "made up"

    def __init__(self) -> None:
        self.asked = 0

    def answer(self, queries: Sequence[Query]) -> list[tuple[str, ...]]:
        self.asked += len(queries)
        return [("sad", "tired") for _ in queries]


def after(reply: Reply) -> Dialogue:
    """LONG after a message that was answered with the reply."""
    return replace(LONG, turns=(Turn(Speaker.SEEKER, "hello"), Turn(Speaker.SUPPORTER, reply.text), *LONG.turns))


def responder(name: str, comet: Comet | None = None) -> NetResponder:
    sources = Sources(CachedComet(comet or MadeUpComet()), MadeUpEmotions())
    if name.startswith(CAUSAL):
        (net,) = settled_nets(name.removeprefix(CAUSAL))
        return NetResponder(name, net, "0123456789ab", sources, writer=Engine())
    return NetResponder(name, tiny_net(name), "0123456789ab", sources)


@pytest.fixture(params=on_each_backbone(sorted(NETS)))
def hosted(request: pytest.FixtureRequest) -> NetResponder:
    return responder(request.param)


def test_reply_and_trace(hosted: NetResponder) -> None:
    reply = hosted.respond(DIALOGUE, OPTIONS, 1)
    trace = reply.trace
    assert reply.text
    assert reply.strategy in STRATEGIES if hosted.net.predicts_strategy else reply.strategy == ""
    assert reply.strategy == trace.strategy()
    assert sum(trace.strategies) == pytest.approx(1.0)
    assert 3 <= len(trace.tokens) <= 8
    assert (trace.net, trace.checkpoint, trace.seed, trace.options) == (hosted.name, "0123456789ab", 1, OPTIONS)
    assert trace.timings.total_s >= trace.timings.decode_s > 0
    assert [reading.turn for reading in trace.emotions] == [0]
    assert all(len(row.labels) == len(row.values) for row in trace.extras)
    assert Reply.from_dict(json.loads(json.dumps(reply.to_dict()))) == reply


@pytest.mark.parametrize("name", ["joint", "misc"])
def test_the_dialogue_is_being_read_before_anything_is_looked_up(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    hosted, order = responder(CAUSAL + name), list[str]()
    for owner, call in (
        (hosted.writer, "read_ahead"),
        (hosted.sources.emotions, "read"),
        (hosted.sources.comet, "answer"),
    ):
        once = getattr(owner, call)

        def noted(*asked: object, call: str = call, once: Callable[..., object] = once) -> object:
            order.append(call)
            return once(*asked)

        monkeypatch.setattr(owner, call, noted)
    assert hosted.respond(DIALOGUE, OPTIONS, 1).text
    assert order == ["read_ahead", "read"] + ["answer"] * (name == "misc")


def test_a_net_that_is_asked_for_our_voice_reads_no_hesitation() -> None:
    hosted = responder(f"{CAUSAL}joint")
    spoken, plain = (
        replace(DIALOGUE, turns=(Turn(Speaker.SEEKER, text),)) for text in ("i am, um, so sad", "i am so sad")
    )
    for voice, same in ((True, True), (False, False)):
        options = replace(OPTIONS, voice=voice)
        ids = [
            context_ids(hosted._asked(one, options), hosted.net.tokenizer, hosted.net.shape) for one in (spoken, plain)
        ]
        assert (ids[0] == ids[1]) is same


def test_a_reply_is_read_for_a_map_as_it_was_made() -> None:
    hosted = responder(f"{CAUSAL}joint")
    made, unlike = (replace(OPTIONS, voice=voice) for voice in (True, False))
    reply = hosted.respond(DIALOGUE, made, 1)
    said = [(DIALOGUE, Turn(Speaker.SUPPORTER, reply.text, reply.strategy))]
    assert hosted.read_replies(said, made)[1][0] == pytest.approx(reply.trace.strategies, abs=1e-4)
    assert hosted.read_replies(said, unlike)[1][0] != pytest.approx(reply.trace.strategies, abs=1e-4)


def test_star_tells_its_gates_token_by_token() -> None:
    trace = responder("star").respond(DIALOGUE, OPTIONS, 1).trace
    rows = {row.name: row for row in trace.extras}
    assert rows.keys() == {COURSE, "strategies before refinement", "gate of the choice", "gate"}
    assert rows["gate"].labels == tuple(token.text for token in trace.tokens)
    assert all(0 < value < 1 for value in rows["gate"].values)


def test_blocks_carry_the_attention_they_got() -> None:
    trace = responder("misc").respond(DIALOGUE, OPTIONS, 1).trace
    for source, count in (("situation", 12), ("post", 18)):
        blocks = [b for b in trace.blocks if b.source == source]
        assert len(blocks) == count
        assert sum(b.weight for b in blocks) == pytest.approx(1.0, abs=1e-3)
        assert all(len(b.token_weights) == len(trace.tokens) for b in blocks)


def test_admisc_tells_strategies_before_refinement_and_the_emotions_it_read() -> None:
    turns = (Turn(Speaker.SEEKER, "hello"), Turn(Speaker.SUPPORTER, "hello"), Turn(Speaker.SEEKER, "i am sad"))
    hosted = responder("admisc")
    assert hosted.net.course is not None
    with torch.no_grad():
        hosted.net.course.out.bias.copy_(torch.arange(8.0))
    trace = hosted.respond(Dialogue(turns, "i lost my job"), OPTIONS, 1).trace
    rows = {row.name: row for row in trace.extras}
    first, second = rows["strategies before refinement"].values, rows["refinement"].values
    refined, course = rows["strategies after refinement, before the course of the talk"].values, rows[COURSE].values
    assert refined == pytest.approx([(p + q) / 2 for p, q in zip(first, second, strict=True)], abs=1e-4)
    joined = [p * c for p, c in zip(refined, course, strict=True)]
    assert trace.strategies == pytest.approx([share / sum(joined) for share in joined], abs=1e-4)
    assert sum(rows["gate"].values) == pytest.approx(1.0, abs=1e-4)
    assert rows["attention to emotions"].labels == ("anxiety", "anxiety", NO_EMOTION)
    assert sum(rows["attention to emotions"].values) == pytest.approx(1.0)
    assert rows["attention to emotions"].values[-1] > 0
    assert {block.source for block in trace.blocks} == {"situation", "post"}


def test_without_situation_or_commonsense_it_still_answers() -> None:
    assert responder("misc", NoComet()).respond(DIALOGUE, OPTIONS, 1).trace.blocks == ()
    only_post = responder("misc").respond(replace(DIALOGUE, situation=""), OPTIONS, 1).trace.blocks
    assert {b.source for b in only_post} == {"post"}


def test_same_seed_same_reply_also_side_by_side(hosted: NetResponder) -> None:
    first = hosted.respond(DIALOGUE, OPTIONS, 7)
    with ThreadPoolExecutor(4) as pool:
        others = list(pool.map(lambda _: hosted.respond(DIALOGUE, OPTIONS, 7), range(8)))
    if not hosted.net.backbone.causal:
        assert all(other == first for other in others)
    assert {other.text for other in others} == {first.text}
    for other in others:  # read or written in one batch on a causal base, figures may differ in their last digit
        assert other.trace.strategies == pytest.approx(first.trace.strategies, abs=1e-4)


@pytest.mark.parametrize("method", ["sample", "greedy", "beam"])
def test_a_conversation_gets_no_reply_twice(hosted: NetResponder, method: str) -> None:
    options = replace(OPTIONS, method=method)
    turns: tuple[Turn, ...] = ()
    for _ in range(5):
        turns += (Turn(Speaker.SEEKER, "i am sad"),)
        reply = hosted.respond(Dialogue(turns), options, 1)
        turns += (Turn(Speaker.SUPPORTER, reply.text, reply.strategy),)
    texts = [turn.text for turn in turns if turn.speaker is Speaker.SUPPORTER]
    assert len(set(texts)) == len(texts)


def test_streams_the_text_as_it_grows_and_can_be_stopped(hosted: NetResponder) -> None:
    seen: list[str] = []
    reply = hosted.respond(DIALOGUE, OPTIONS, 1, seen.append)
    assert seen[-1] == reply.text

    def stop(text: str) -> None:
        raise Cancelled

    with pytest.raises(Cancelled):
        hosted.respond(DIALOGUE, OPTIONS, 1, stop)


def test_nets_on_one_base_answer_together_as_each_alone() -> None:
    """Both sides of many talks at once, by one engine; each turn reads on from the last one."""
    nets, engine = settled_nets("joint", "misc", "admisc", "star"), Engine()
    sources = Sources(CachedComet(MadeUpComet()), MadeUpEmotions())
    together = [NetResponder(str(n), net, "0", sources, writer=engine) for n, net in enumerate(nets)]
    apart = [NetResponder(str(n), net, "0", sources) for n, net in enumerate(nets)]
    options = replace(OPTIONS, method="guided", top_p=0.9)
    talks = [Dialogue((Turn(Speaker.SEEKER, text),), "i lost my job") for text in ("hello", "it is hard", "i am sad")]
    for _ in range(2):
        asked = [(side, talk) for talk in talks for side in range(len(nets))]
        with ThreadPoolExecutor(len(asked)) as pool:
            found = list(pool.map(lambda one: together[one[0]].respond(one[1], options, 1), asked))
        for (side, talk), reply in zip(asked, found, strict=True):
            assert reply.text == apart[side].respond(talk, options, 1).text
        talks = [
            replace(talk, turns=(*talk.turns, Turn(Speaker.SUPPORTER, reply.text), Turn(Speaker.SEEKER, "it is so")))
            for talk, reply in zip(talks, found[:: len(nets)], strict=True)
        ]


def test_both_sides_ask_commonsense_once() -> None:
    comet = MadeUpComet()
    shared = Sources(CachedComet(comet), None)
    one, other = (NetResponder(n, tiny_net("misc"), "0", shared) for n in ("one", "other"))
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda side: side.respond(DIALOGUE, OPTIONS, 1), (one, other)))
    assert comet.asked == 6 + 9


@pytest.mark.parametrize(
    "turns", [(), (Turn(Speaker.SEEKER, "  "),), (Turn(Speaker.SEEKER, "hi"), Turn(Speaker.SUPPORTER, "hello"))]
)
def test_nothing_to_answer_is_refused(hosted: NetResponder, turns: tuple[Turn, ...]) -> None:
    with pytest.raises(ValueError, match="nothing to answer"):
        hosted.respond(Dialogue(turns), OPTIONS, 1)


@pytest.mark.parametrize(
    "text", ["\U0001f622" * 300, "مرحبا أنا حزين", "<b>x</b> [Question] `", "a\x00b", "x" * 4000, "?"]
)
def test_odd_messages_are_answered(hosted: NetResponder, text: str) -> None:
    many = tuple(Turn(Speaker.SUPPORTER if n % 2 else Speaker.SEEKER, text) for n in range(199))
    reply = hosted.respond(Dialogue((*many, Turn(Speaker.SEEKER, text)), text), OPTIONS, 1)
    assert 3 <= len(reply.trace.tokens) <= 8
    assert reply.text.isprintable() or hosted.name.startswith(CAUSAL)  # a tiny net writes any byte


def test_a_reply_copies_nothing_that_the_seeker_wrote(hosted: NetResponder) -> None:
    options = replace(OPTIONS, no_copy_ngram=1)
    tokenizer = hosted.net.tokenizer
    said = {tokenizer.piece(i) for i in chain(*said_before(DIALOGUE, tokenizer).by_seeker)}
    assert said
    for seed in range(4):
        assert not said & {token.text for token in hosted.respond(DIALOGUE, options, seed).trace.tokens}


def test_a_net_without_weights_is_refused_before_any_is_loaded() -> None:
    told: list[str] = []
    with pytest.raises(
        WeightsError, match=r"'moel' has no weights here .* must be trained first: python -m models train"
    ):
        open_responders(["misc", "moel"], "cpu", WEIGHTS, told.append)
    assert told == []


def test_the_context_is_read_while_comet_is_asked() -> None:
    """A net that needs knowledge does not keep the writer idle until it is there."""
    read = list[int]()

    class Looking(MadeUpComet):
        def answer(self, queries: Sequence[Query]) -> list[tuple[str, ...]]:
            ids = torch.tensor([context_ids(DIALOGUE, net.tokenizer, net.shape)])
            until = time.monotonic() + 60
            while backbone.already_read(ids) < ids.shape[1] and time.monotonic() < until:
                time.sleep(0.01)
            read.append(ids.shape[1] - backbone.already_read(ids))
            return super().answer(queries)

    hosted = responder(f"{CAUSAL}misc", Looking())
    net, backbone = hosted.net, cast(Causal, hosted.net.backbone)
    hosted.respond(DIALOGUE, OPTIONS, 1)
    assert read == [0]


def test_what_was_said_can_be_forgotten() -> None:
    hosted = responder(f"{CAUSAL}misc")
    hosted.sources = replace(hosted.sources, emotions=CachedEmotion(MadeUpEmotions()))
    service = GenerationService({"misc": hosted})
    first = hosted.respond(DIALOGUE, OPTIONS, 1)
    sources, weights = hosted.sources, cast(Causal, hosted.net.backbone).weights
    comet, emotions = cast(CachedComet, sources.comet), cast(CachedEmotion, sources.emotions)
    kept: list[Lru[Any, Any]] = [comet._known, emotions._known, weights.prefixes._readings]
    assert all(len(cache) for cache in kept)
    assert weights.vectors._known
    service.forget_texts()
    assert not any(len(cache) for cache in kept)
    assert not weights.vectors._known
    again = hosted.respond(DIALOGUE, OPTIONS, 1)
    assert (again.text, again.trace.tokens) == (first.text, first.trace.tokens)
    service.close()


def test_nets_comet_and_detector_share_one_base() -> None:
    """The weights that ship: a second copy of the base would cost 260 MiB."""
    joint, misc = (cast(NetResponder, r) for r in open_responders(["joint", "misc"], "cpu").values())
    comet, emotions = cast(CachedComet, misc.sources.comet), cast(CachedEmotion, misc.sources.emotions)
    weights = [
        cast(Causal, joint.net.backbone).weights,
        cast(Causal, misc.net.backbone).weights,
        cast(ShippedComet, comet.source).backbone.weights,
        cast(ShippedEmotion, cast(EmotionWith, emotions.source).source).reader.backbone.weights,
    ]
    assert len({id(base) for base in weights}) == 1
    assert joint.sources is misc.sources


def test_weights_that_are_swapped_while_they_are_loaded_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else replies of the new weights would be kept under the name of the old ones, or the other way round."""
    folder = tmp_path / "misc"
    save_packed(folder, {"matrix": torch.zeros(2, 2)}, {"net": "misc"})

    def swapped(*_: object) -> Net:
        save_packed(folder, {"matrix": torch.ones(2, 2)}, {"net": "misc"})
        return tiny_net("misc")

    monkeypatch.setattr(hosting, "open_comet", lambda *_: NoComet())
    monkeypatch.setattr(hosting, "open_emotion", lambda *_: MadeUpEmotions())
    monkeypatch.setattr(hosting, "load_net", swapped)
    with pytest.raises(WeightsError, match="were changed while they were being loaded; start again"):
        open_responders(["misc"], "cpu", tmp_path)
    monkeypatch.setattr(hosting, "load_net", lambda *_: tiny_net("misc"))
    assert open_responders(["misc"], "cpu", tmp_path)["misc"].checkpoint == fingerprint(folder)


def test_unknown_names_and_devices_are_refused() -> None:
    with pytest.raises(ValueError, match="allowed: joint, misc"):
        open_responders(["parrot"])
    with pytest.raises(ValueError, match="allowed: auto, cpu, cuda"):
        open_responders(["misc"], "tpu")


def test_the_best_of_several_is_new_in_the_conversation_and_tells_its_rivals(hosted: NetResponder) -> None:
    options = replace(OPTIONS, method="rerank", candidates=6, top_p=1.0, temperature=2.0)
    streamed: list[str] = []
    first = hosted.respond(LONG, options, 1, streamed.append)
    assert streamed == [first.text]
    assert first == hosted.respond(LONG, options, 1)
    (rivals,) = (row for row in first.trace.extras if row.name == "best of the replies drawn")
    assert rivals.labels[0] == first.text
    assert list(rivals.values) == sorted(rivals.values, reverse=True)
    again = hosted.respond(after(first), options, 1)
    assert again.text.lower() != first.text.lower()
    if not hosted.net.needs_emotion and OUTCOME not in hosted.net.wants:  # these hear earlier turns too
        others = [text for text in rivals.labels if text.lower() != first.text.lower()]  # other bytes, the same text
        assert again.text == others[0]


def test_when_all_that_is_drawn_was_said_it_draws_freer() -> None:
    joint = responder("joint")
    options = replace(OPTIONS, method="rerank", candidates=1, top_p=0.01)
    first = joint.respond(LONG, options, 1)
    assert not [row for row in first.trace.extras if row.name in (REDRAWN, ALL_REPEATED)]
    again = joint.respond(after(first), options, 1)
    assert again.text != first.text
    (redrawn,) = (row for row in again.trace.extras if row.name == REDRAWN)
    told = dict(zip(redrawn.labels, redrawn.values, strict=True))
    assert told["times"] >= 1
    assert told["top p"] == pytest.approx(0.01 + 0.2 * told["times"])
    assert [(row.labels, row.values) for row in again.trace.extras if row.name == ALL_REPEATED] == [
        (("replies",), (1.0,))
    ]


def test_nets_on_a_causal_base_load_no_other_models() -> None:
    """transformers takes two seconds and 130 MB of every start."""
    code = "import sys, models.serving.hosting; print(sorted({'transformers', 'accelerate'} & set(sys.modules)))"
    found = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=Path(__file__).parents[1]
    )
    assert found.stdout.strip() == "[]"
