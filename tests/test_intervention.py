"""What if: a reply made again with something changed inside the net. Every kind of net, on both backbones."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from models.data.dialogue import Dialogue, Speaker, Turn
from models.data.strategies import STRATEGIES
from models.knowledge.comet import Block, Comet, Query
from models.nets.registry import NETS
from models.serving.hosting import NetResponder, Sources
from models.serving.intervention import LIKELIHOOD, LIKELIHOODS, NO_CHANGE, Intervention, Levers
from models.serving.job import JobState, ReplyRequest
from models.serving.service import GenerationService
from models.serving.trace import DecodeOptions, Reply
from models.serving.tracing import NO_EMOTION
from tests.fakes import EchoResponder
from tests.tiny import MadeUpEmotions, on_each_backbone, tiny_net

OPTIONS = DecodeOptions(method="greedy", min_tokens=3, max_tokens=6)
DIALOGUE = Dialogue((Turn(Speaker.SEEKER, "hello i am sad"),), "i lost my job")
MIXING = {"misc", "admisc", "emstremo", "transesc"}
READING = {"misc", "admisc", "kemi", "transesc", "glhg", "star-misc", "star-admisc", "star-kemi"}
HEARING = {"admisc", "multiesc", "star-admisc"}


class MadeUpComet(Comet):
    """Two tails per query."""

    version = "made up"

    def answer(self, queries: Sequence[Query]) -> list[tuple[str, ...]]:
        return [("sad", "tired") for _ in queries]


def responder(name: str, **settings: object) -> NetResponder:
    return NetResponder(name, tiny_net(name, **settings), "0123456789ab", Sources(MadeUpComet(), MadeUpEmotions()))


def kind(name: str) -> str:
    return name.split("/")[-1]


@pytest.fixture(params=on_each_backbone(sorted(NETS)), scope="module")
def hosted(request: pytest.FixtureRequest) -> NetResponder:
    return responder(request.param)


def likelihoods(reply: Reply) -> dict[str, float]:
    (row,) = (row for row in reply.trace.extras if row.name == LIKELIHOOD)
    return dict(zip(row.labels, row.values, strict=True))


def test_levers_are_those_that_the_net_has_an_input_for(hosted: NetResponder) -> None:
    name = kind(hosted.name)
    expected = Levers(hosted.net.predicts_strategy, name in MIXING, name in READING, name in HEARING)
    assert hosted.levers == expected


def test_without_a_change_the_reply_is_equal(hosted: NetResponder) -> None:
    assert hosted.intervene(DIALOGUE, OPTIONS, 3, NO_CHANGE) == hosted.respond(DIALOGUE, OPTIONS, 3)


def test_a_change_without_an_input_is_refused(hosted: NetResponder) -> None:
    changes = {
        "strategy": Intervention(strategy="Question"),
        "mixture": Intervention(mixture=(1.0, *[0.0] * 7)),
        "knowledge": Intervention(knowledge=False),
        "emotion": Intervention(emotion="fear"),
    }
    for lever, change in changes.items():
        if not getattr(hosted.levers, lever):
            with pytest.raises(ValueError, match=f"no input for {lever}"):
                hosted.intervene(DIALOGUE, OPTIONS, 3, change)


def test_a_forced_strategy_is_followed(hosted: NetResponder) -> None:
    if not hosted.levers.strategy:
        pytest.skip("it predicts no strategy")
    replies = [hosted.intervene(DIALOGUE, OPTIONS, 3, Intervention(strategy=name)) for name in STRATEGIES]
    assert [reply.strategy for reply in replies] == list(STRATEGIES)
    assert [max(reply.trace.strategies) for reply in replies] == [1.0] * 8
    chances = {tuple(token.probability for token in reply.trace.tokens) for reply in replies}
    assert len(chances) == 8  # every strategy changes what the net says, or how likely


def test_a_mixture_is_followed_and_one_of_a_single_strategy_is_that_strategy(hosted: NetResponder) -> None:
    if not hosted.levers.mixture:
        pytest.skip("it mixes no strategies")
    mixture = (0.5, 0.25, 0.125, 0.125, 0.0, 0.0, 0.0, 0.0)
    assert hosted.intervene(DIALOGUE, OPTIONS, 3, Intervention(mixture=mixture)).trace.strategies == mixture
    alone = hosted.intervene(DIALOGUE, OPTIONS, 3, Intervention(mixture=(1.0, *[0.0] * 7)))
    assert alone == hosted.intervene(DIALOGUE, OPTIONS, 3, Intervention(strategy=STRATEGIES[0]))
    other = hosted.intervene(DIALOGUE, OPTIONS, 3, Intervention(mixture=(*[0.0] * 7, 1.0)))
    assert other.trace.tokens != alone.trace.tokens


def test_the_net_s_own_mixture_given_to_it_changes_nothing(hosted: NetResponder) -> None:
    if not hosted.levers.mixture:
        pytest.skip("it mixes no strategies")
    own = hosted.respond(DIALOGUE, OPTIONS, 3)
    again = hosted.intervene(DIALOGUE, OPTIONS, 3, Intervention(mixture=own.trace.strategies))
    assert again.text == own.text
    assert [t.probability for t in again.trace.tokens] == pytest.approx(
        [t.probability for t in own.trace.tokens], abs=1e-4
    )


def test_a_block_that_is_off_gets_no_attention(hosted: NetResponder) -> None:
    if not hosted.levers.knowledge:
        pytest.skip("it reads no knowledge")
    own = hosted.respond(DIALOGUE, OPTIONS, 3)
    off = frozenset(Block(b.source, b.relation, b.text) for b in own.trace.blocks if b.relation == "xReact")
    each = 1 if "kemi" in hosted.name else 2  # it reads only the first tail of a relation
    assert len(off) == each * len({block.source for block in own.trace.blocks})
    some = hosted.intervene(DIALOGUE, OPTIONS, 3, Intervention(blocks_off=off))
    assert len(some.trace.blocks) == len(own.trace.blocks) - len(off)
    assert "xReact" not in {block.relation for block in some.trace.blocks}
    for source in {block.source for block in own.trace.blocks}:
        assert sum(b.weight for b in some.trace.blocks if b.source == source) == pytest.approx(1, abs=1e-3)
    none = hosted.intervene(DIALOGUE, OPTIONS, 3, Intervention(knowledge=False))
    assert none.trace.blocks == ()
    assert none.trace.tokens != own.trace.tokens


def test_another_emotion_is_what_the_net_hears(hosted: NetResponder) -> None:
    if not hosted.levers.emotion:
        pytest.skip("it hears no emotion")
    reply = hosted.intervene(DIALOGUE, OPTIONS, 3, Intervention(emotion="disgust"))
    (heard,) = (row for row in reply.trace.extras if row.name == "attention to emotions")
    assert heard.labels == ("disgust", NO_EMOTION)
    assert reply.trace.emotions[-1].scores == (("disgust", 1.0),)
    assert reply.trace.tokens != hosted.respond(DIALOGUE, OPTIONS, 3).trace.tokens


def test_likelihoods_are_those_of_the_replies_beside_each_other() -> None:
    misc = responder("misc")
    own = misc.respond(DIALOGUE, OPTIONS, 3)
    assert LIKELIHOOD not in {row.name for row in own.trace.extras}
    same = likelihoods(misc.intervene(DIALOGUE, OPTIONS, 3, Intervention(beside=own.text)))
    assert tuple(same) == LIKELIHOODS
    assert len(set(same.values())) == 1  # nothing was changed
    strategy = next(name for name in STRATEGIES if name != own.strategy)
    changed = misc.intervene(DIALOGUE, OPTIONS, 3, Intervention(strategy=strategy, beside=own.text))
    told = likelihoods(changed)
    assert told["original, net as it is"] == same["original, net as it is"]
    assert told["original, with the change"] != told["original, net as it is"]
    assert all(value < 0 for value in told.values())
    back = likelihoods(misc.intervene(DIALOGUE, OPTIONS, 3, Intervention(strategy=strategy, beside=changed.text)))
    assert back["original, with the change"] == told["new reply, with the change"]


def test_ablations_that_leave_the_strategy_out_say_so() -> None:
    assert responder("misc", decode_strategy="none").levers == Levers(knowledge=True)
    assert responder("misc", decode_strategy="single").levers == Levers(strategy=True, knowledge=True)
    without = responder("admisc", decoder_streams=False).levers
    assert (without.strategy, without.mixture) == (False, False)


def test_values_that_cannot_be_are_refused() -> None:
    with pytest.raises(ValueError, match="allowed: Question"):
        Intervention(strategy="Hypnosis")
    with pytest.raises(ValueError, match="allowed: anxiety"):
        Intervention(emotion="hunger")
    with pytest.raises(ValueError, match="leave one of them out"):
        Intervention(strategy="Question", mixture=(1.0, *[0.0] * 7))
    for mixture in ((1.0,), (0.5,) * 8, (2.0, -1.0, *[0.0] * 6), (float("nan"), *[0.0] * 7)):
        with pytest.raises(ValueError, match="sum to 1"):
            Intervention(mixture=mixture)


def test_the_service_asks_for_changes_and_forgets_them() -> None:
    misc = responder("misc")
    service = GenerationService({"misc": misc, "echo": EchoResponder()})
    assert service.levers("misc") == misc.levers
    change = Intervention(strategy="Information")
    service.submit("one", ReplyRequest("misc", DIALOGUE, OPTIONS, 1, change))
    job = service.wait("one", 60)
    assert job.state is JobState.DONE
    assert job.reply == misc.intervene(DIALOGUE, OPTIONS, 1, change)
    service.forget("one")
    service.forget("one")
    with pytest.raises(KeyError):
        service.get("one")
    with pytest.raises(ValueError, match="no input for mixture"):
        service.submit("two", ReplyRequest("echo", DIALOGUE, OPTIONS, 1, Intervention(mixture=(1.0, *[0.0] * 7))))
    service.close()


def test_a_job_that_is_forgotten_while_it_runs_gives_its_place_away() -> None:
    service = GenerationService({"slow": EchoResponder("slow", delay_s=0.05)}, workers=1)
    service.submit("one", ReplyRequest("slow", DIALOGUE, OPTIONS, 1))
    service.submit("two", ReplyRequest("slow", DIALOGUE, OPTIONS, 1))
    service.forget("one")
    assert service.wait("two", 60).state is JobState.DONE
    service.close()
