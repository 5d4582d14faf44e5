"""Decoding: warpers against transformers' own, seeds, limits, beams against a search of everything."""

from __future__ import annotations

import math
from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import (
    EncoderNoRepeatNGramLogitsProcessor,
    LogitsProcessorList,
    MinNewTokensLengthLogitsProcessor,
    NoRepeatNGramLogitsProcessor,
    RepetitionPenaltyLogitsProcessor,
    TemperatureLogitsWarper,
    TopKLogitsWarper,
    TopPLogitsWarper,
)

from models.data.batches import make_batch
from models.data.dialogue import Dialogue, Speaker, Turn
from models.data.examples import Said, said_before
from models.nets.net import Net, Plan
from models.nets.registry import NETS
from models.serving.batch_decoding import decode_batch
from models.serving.choosing import Begun, barred, choose, likeliest, marks_for
from models.serving.decoding import Decoded, decode
from models.serving.trace import DecodeOptions
from tests.tiny import tiny_batch, tiny_examples, tiny_net


@pytest.fixture(params=sorted(NETS), scope="module")
def net(request: pytest.FixtureRequest) -> Net:
    return tiny_net(request.param)


def decoded(net: Net, options: DecodeOptions, seed: int = 1, row: int = 1) -> Decoded:
    """A reply without an opening: those are the concern of `test_scbg.py`."""
    with torch.no_grad():
        plan = replace(net.plan(make_batch([tiny_examples(net)[row]])), opening=())
        return decode(net, plan, options, seed)


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    top_p=st.sampled_from([0.3, 0.9, 1.0]),
    top_k=st.sampled_from([0, 3, 30]),
    penalty=st.sampled_from([1.0, 1.03, 1.5]),
    made=st.integers(0, 12),
    ngram=st.sampled_from([0, 1, 2, 3]),
)
def test_warps_as_transformers_does(seed: int, top_p: float, top_k: int, penalty: float, made: int, ngram: int) -> None:
    torch.manual_seed(seed)
    scores, earlier = torch.randn(1, 40) * 3, torch.randint(0, 5, (1, made + 1))
    options = DecodeOptions(
        top_p=top_p, top_k=top_k, repetition_penalty=penalty, no_repeat_ngram=ngram, min_tokens=4, max_tokens=20
    )
    chain = LogitsProcessorList()
    if penalty != 1:
        chain.append(RepetitionPenaltyLogitsProcessor(penalty))
    if ngram:
        chain.append(NoRepeatNGramLogitsProcessor(ngram))
    chain.append(MinNewTokensLengthLogitsProcessor(1, 4, eos_token_id=2))
    chain.append(TemperatureLogitsWarper(options.temperature))
    if top_k:
        chain.append(TopKLogitsWarper(top_k))
    if top_p < 1:
        chain.append(TopPLogitsWarper(top_p))
    values, ids = likeliest(barred(scores, [Begun(earlier[0].tolist(), made, 2)], options), options)
    torch.testing.assert_close(torch.full_like(scores, -torch.inf).scatter(1, ids, values), chain(earlier, scores))


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000), made=st.integers(0, 12), ngram=st.sampled_from([1, 2, 3]))
def test_copies_are_barred_as_in_transformers(seed: int, made: int, ngram: int) -> None:
    torch.manual_seed(seed)
    scores, said = torch.randn(1, 40) * 3, torch.randint(3, 8, (1, 20))
    made_ids = torch.randint(3, 8, (1, made))
    options = DecodeOptions(repetition_penalty=1.0, no_repeat_ngram=0, no_copy_ngram=ngram, min_tokens=0)
    row = Begun([1, *made_ids[0].tolist()], made, 2, Said((tuple(said[0].tolist()),)))
    expected = EncoderNoRepeatNGramLogitsProcessor(ngram, said)(made_ids, scores)
    assert torch.equal(barred(scores, [row], options), expected)


@pytest.mark.parametrize("method", ["sample", "greedy", "beam", "guided"])
def test_a_reply_copies_no_run_of_what_was_said(net: Net, method: str) -> None:
    plain = DecodeOptions(method=method, min_tokens=8, max_tokens=8, no_repeat_ngram=0)
    copied = decoded(net, plain).ids
    with torch.no_grad():
        plan = replace(net.plan(make_batch([tiny_examples(net)[1]])), said=(Said((copied,)),))
        other = decode(net, plan, replace(plain, no_copy_ngram=2), 1).ids
    runs = [{ids[at : at + 2] for at in range(len(ids) - 1)} for ids in (copied, other)]
    assert not runs[0] & runs[1]


def test_tokens_are_drawn_as_often_as_their_probability_says_and_by_each_rows_own_generator() -> None:
    scores = torch.tensor([0.5, 0.3, 0.15, 0.05]).log()
    options = DecodeOptions(top_p=0.9, top_k=0, temperature=1.0, repetition_penalty=1.0, min_tokens=0)
    drawn = choose(
        scores.expand(4000, -1), None, [Begun([1], 0, 2, Said(), torch.Generator().manual_seed(3))] * 4000, options
    )
    shares = [drawn.count(token) / 4000 for token in range(4)]
    assert shares == pytest.approx([0.5 / 0.95, 0.3 / 0.95, 0.15 / 0.95, 0.0], abs=0.03)
    each = [Begun([1], 0, 2, Said(), torch.Generator().manual_seed(seed)) for seed in (5, 6, 5)]
    first, second = (choose(scores.expand(3, -1), None, each, options) for _ in range(2))
    assert first[0] == first[2]
    assert second[0] == second[2]


def test_same_seed_same_reply_other_seed_other_reply(net: Net) -> None:
    free = DecodeOptions(top_p=1.0, top_k=0, temperature=5.0)
    assert decoded(net, free, 3).ids == decoded(net, free, 3).ids
    assert len({decoded(net, free, seed).ids for seed in range(6)}) > 1


@pytest.mark.parametrize("method", ["sample", "greedy", "beam"])
def test_lengths_and_probabilities(net: Net, method: str) -> None:
    reply = decoded(net, DecodeOptions(method=method, min_tokens=7, max_tokens=7))
    assert len(reply.ids) == len(reply.probabilities) == 7
    assert all(0 < p <= 1 for p in reply.probabilities)
    assert not set(reply.ids) & net.tokenizer.special
    for weights in reply.attention.values():
        assert weights.shape[0] == 7
        torch.testing.assert_close(weights.sum(dim=1), torch.ones(7), atol=1e-4, rtol=0)


def test_greedy_is_the_argmax_of_a_teacher_forced_pass(net: Net) -> None:
    options = DecodeOptions(method="greedy", min_tokens=0, max_tokens=6, repetition_penalty=1.0, no_repeat_ngram=0)
    reply = decoded(net, options)
    batch = make_batch([tiny_examples(net)[1]])
    with torch.no_grad():
        plan = net.plan(batch)
        states = net.reply_states(plan, torch.tensor([reply.ids]))
        best = net.backbone.logits(states).masked_fill(net.banned, -torch.inf).argmax(dim=-1)[0].tolist()
    assert tuple(best) == reply.ids


def test_wide_beam_finds_the_best_reply_of_all(net: Net) -> None:
    """Replies of exactly 2 tokens: the search of everything is small enough to do by hand."""
    reply = decoded(net, DecodeOptions(method="beam", beams=32, min_tokens=2, max_tokens=2, repetition_penalty=1.0))
    allowed = [i for i in range(len(net.tokenizer)) if i not in net.tokenizer.special]
    with torch.no_grad():
        plan = net.plan(make_batch([tiny_examples(net)[1]]))

        def log_probs(ids: list[int]) -> torch.Tensor:
            labels = torch.tensor([[*ids, net.tokenizer.eos]])
            scores = net.backbone.logits(net.reply_states(plan, labels))[0, -1].masked_fill(net.banned, -torch.inf)
            scores[net.tokenizer.eos] = -torch.inf
            return scores.log_softmax(dim=-1)

        first = log_probs([])
        best = max(
            ((float(first[a] + second[b]), (a, b)) for a in allowed for second in [log_probs([a])] for b in allowed),
            key=lambda pair: pair[0],
        )
    assert math.isclose(sum(math.log(p) for p in reply.probabilities), best[0], abs_tol=0.4) or reply.ids == best[1]


@pytest.mark.parametrize("name", sorted(NETS))
@pytest.mark.parametrize("bias", [0.0, 3.0])
def test_a_beam_of_one_is_greedy(name: str, bias: float) -> None:
    """`bias`: on the score of the end mark, which a tiny net hardly ever writes without."""
    net = tiny_net(name)
    net.backbone.final_logits_bias[0, net.tokenizer.eos] = bias
    for row in range(4):
        one, greedy = (
            decoded(net, DecodeOptions(method, beams=1, min_tokens=1, max_tokens=9), row=row).ids
            for method in ("beam", "greedy")
        )
        assert one == greedy


def test_a_beam_search_that_has_its_replies_returns_one_that_has_ended() -> None:
    """A chain of two words, by hand, two beams:

    a 0.6, b 0.4; a [end] 0.27, a b 0.24, b a 0.18; a b [end] 0.11: both ends are there. Means of the logarithm:
    a [end] -0.65, a b [end] -0.74. The best start that is still open (a b a) has not been said yet.
    """
    end, a, b = 2, 3, 4
    after = torch.zeros(5, 5)
    after[1, [a, b]] = torch.tensor([0.6, 0.4])
    after[a, [a, b, end]] = torch.tensor([0.145, 0.405, 0.45])
    after[b, [a, b, end]] = torch.tensor([0.45, 0.1, 0.45])
    chain = SimpleNamespace(
        decode=lambda ids, plan, past=None, record=None: F.one_hot(ids, 5).float(),
        backbone=SimpleNamespace(logits=lambda states: (states @ after).log()),
        banned=torch.zeros(5, dtype=torch.bool),
        tokenizer=SimpleNamespace(eos=end),
        streams=(),
        traced=(),
    )
    plan = Plan([], torch.tensor([[1]]), torch.full((1, 8), 1 / 8))
    options = DecodeOptions("beam", beams=2, repetition_penalty=1.0, no_repeat_ngram=0, min_tokens=0)
    assert decode(chain, plan, options, 1).ids == (a,)  # type: ignore[arg-type]


def test_a_banned_start_does_not_open_the_reply(net: Net) -> None:
    options = DecodeOptions(method="greedy")
    usual = decoded(net, options).ids[0]
    with torch.no_grad():
        plan = net.plan(make_batch([tiny_examples(net)[1]]))
    assert decode(net, plan, options, 1, first_banned=[usual]).ids[0] != usual


def test_streams_every_prefix(net: Net) -> None:
    seen: list[list[int]] = []
    with torch.no_grad():
        plan = net.plan(make_batch([tiny_examples(net)[1]]))
    reply = decode(net, plan, DecodeOptions(), 1, seen.append)
    assert seen == [list(reply.ids[: n + 1]) for n in range(len(reply.ids))]


def test_more_than_one_reply_at_a_time_is_refused(net: Net) -> None:
    with torch.no_grad(), pytest.raises(ValueError, match="one reply at a time, got 4"):
        decode(net, net.plan(tiny_batch(net)), DecodeOptions(), 1)


def test_options_out_of_range_are_refused_by_name() -> None:
    for name, value in {"top_p": 0, "temperature": -1, "beams": 0, "max_tokens": 500, "method": "magic"}.items():
        with pytest.raises(ValueError, match=name):
            DecodeOptions(**{name: value})


def test_the_best_of_several_is_not_decoded_token_by_token() -> None:
    net = tiny_net("joint")
    plan = net.plan(make_batch([tiny_examples(net)[0]]))
    options = DecodeOptions(method="rerank")
    with pytest.raises(ValueError, match=r"models\.serving\.rerank"):
        decode(net, plan, options, 1)
    with pytest.raises(ValueError, match=r"models\.serving\.rerank"):
        decode_batch(net, plan, options, [1])


@pytest.mark.parametrize(
    ("own", "ends"),
    [
        ((), True),
        ((5, 6), True),
        ((5, 6, 7), False),  # one sentence that asks nothing, and nothing after it
        ((5, 6, 8), True),  # a question
        ((5, 7, 6), True),
        ((5, 7, 6, 7), True),
        ((7, 7), True),
    ],
)
def test_a_lone_sentence_that_asks_nothing_does_not_end_a_reply(own: tuple[int, ...], ends: bool) -> None:
    options = DecodeOptions(repetition_penalty=1.0, no_repeat_ngram=0, min_tokens=0, lone_sentence=False)
    row = Begun([1, *own], len(own), 2, marks=((7, 8), (8,)))
    assert bool(barred(torch.zeros(1, 9), [row], options)[0, 2] == 0) is ends
    assert barred(torch.zeros(1, 9), [row], replace(options, lone_sentence=True))[0, 2] == 0


@pytest.mark.parametrize(
    ("own", "turns", "barred_ids"),
    [
        ((), 2, ()),
        ((5,), 2, (6, 3)),  # the first sentence began so in the latest turn, a later one in the turn before
        ((5,), 1, (6,)),
        ((5,), 0, ()),
        ((5, 4), 2, ()),  # in the midst of a sentence
        ((4, 7, 5), 2, (6, 3)),  # 7 ends a sentence
        ((4, 7, 4), 2, ()),
    ],
)
def test_no_sentence_begins_as_a_question_of_the_supporters_latest_turns(
    own: tuple[int, ...], turns: int, barred_ids: tuple[int, ...]
) -> None:
    said = Said(asked=(frozenset({(4, 1)}), frozenset({(4, 5), (5, 3)}), frozenset({(5, 6)})))
    options = DecodeOptions(repetition_penalty=1.0, no_repeat_ngram=0, min_tokens=0, fresh_questions=turns)
    row = Begun([1, *own], len(own), 2, said, marks=((7, 8), (8,)))
    left = barred(torch.zeros(1, 9), [row], options)[0]
    never = (5,) if own == (4, 7, 4) and turns == 2 else barred_ids
    assert left.isneginf().nonzero().flatten().tolist() == sorted(never)


def test_what_a_supporter_asked_is_known(net: Net) -> None:
    said = "What now? It is raining. How do you do?"
    turns = Turn(Speaker.SEEKER, "Hm?"), Turn(Speaker.SUPPORTER, said), Turn(Speaker.SEEKER, "It is.")
    found = said_before(Dialogue(turns, "Rain."), net.tokenizer)
    first, later = net.tokenizer.encode(said), net.tokenizer.encode(f"Oh. {said}")
    at = len(later) - len(first)
    assert len(found.asked) == 1
    assert {tuple(first[:2]), tuple(later[at : at + 2])} <= found.asked[0]
    assert found.asked[0] == net.tokenizer.asked("How do you do? What now?")
    assert net.tokenizer.asked("It is raining.") == net.tokenizer.asked("") == frozenset()


def test_the_marks_of_sentences_are_those_of_the_vocabulary(net: Net) -> None:
    tokenizer = net.tokenizer
    ends, questions = tokenizer.sentence_marks
    assert questions < ends
    assert {tokenizer.piece(i).strip() for i in ends} >= {".", "?", "!"}
    assert {tokenizer.piece(i).strip() for i in questions} >= {"?"}
    assert not ends & tokenizer.special
    assert marks_for(DecodeOptions(), tokenizer) == ((), ())
    assert marks_for(DecodeOptions(lone_sentence=False), tokenizer) == (ends, questions)
    assert marks_for(DecodeOptions(fresh_questions=1), tokenizer) == (ends, questions)
