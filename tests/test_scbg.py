"""SCBG: which word is the keyword, the way back from it, and replies that begin with both."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from escdemo.inside.reasons import percent, why
from models.backbones.blenderbot_90m import FullTokenizer
from models.data.batches import make_batch, make_whole_batch
from models.data.chat_tokenizer import BEGIN, BREAK, END, ChatTokenizer, byte_level_bpe
from models.data.dialogue import Dialogue, Speaker, Turn
from models.data.examples import Said, make_example, whole_dialogues
from models.knowledge.comet import NoComet
from models.nets import scbg
from models.nets.scbg import KEYWORD, SHOWN, Scbg, words_of
from models.serving.choosing import Begun, choose
from models.serving.decoding import decode
from models.serving.hosting import NetResponder, Sources
from models.serving.trace import DecodeOptions
from tests.tiny import CAUSAL, tiny_batch, tiny_checkpoint, tiny_examples, tiny_loss, tiny_net, tiny_tokenizer

GREEDY = DecodeOptions("greedy", min_tokens=0, max_tokens=30, no_repeat_ngram=0, repetition_penalty=1.0)


@pytest.fixture(params=["scbg", f"{CAUSAL}scbg"])
def net(request: pytest.FixtureRequest) -> Scbg:
    return made(request.param)


def made(name: str, **settings: object) -> Scbg:
    found = tiny_net(name, **settings)
    assert isinstance(found, Scbg)
    return found


def keyword_of(net: Scbg, said: str, reply: str) -> str | None:
    """The keyword that a reply teaches after what was said."""
    talk, answer = Dialogue((Turn(Speaker.SEEKER, said),)), Turn(Speaker.SUPPORTER, reply, "Others")
    batch = make_batch([make_example(talk, answer, ((), ()), net.tokenizer, net.shape)])
    places, there = net.keyword_places(batch.labels, net._said(batch))
    return net.tokenizer.decode([int(batch.labels[0, places[0]])]).lower() if bool(there[0]) else None


def test_the_keyword_is_what_the_talk_has_else_the_rarest() -> None:
    net = made("scbg")
    assert keyword_of(net, "i lost my job", "i am sorry that you lost it. it is hard") == "lost"
    assert keyword_of(net, "hello", "i am sorry that you lost it. it is hard") == "hard"
    assert keyword_of(net, "my job", "you lost a job?") == "job"
    assert keyword_of(net, "hello", "you are lost") == "lost"  # "are" is letters: none of them is a word
    assert keyword_of(net, "hello", "is it?") is None


def test_parts_of_words_are_no_keywords() -> None:
    net = made("scbg")
    assert keyword_of(net, "my job", "jobs? sad") == "sad"
    assert keyword_of(net, "my job", "jobs") is None


def test_what_is_learnt_is_written_from_the_keyword_to_both_ends() -> None:
    """The keyword is the most probable one, the start leads up to it, the rest follows: replies learnt by heart."""
    torch.manual_seed(2)
    net = made("scbg")
    batch = tiny_batch(net)
    net.train()
    optimiser = torch.optim.AdamW(net.parameters(), lr=1e-2, weight_decay=0.0)
    for _ in range(100):
        tiny_loss(net, batch).backward()
        optimiser.step()
        optimiser.zero_grad()
    net.eval()
    with torch.no_grad():
        plan = net.plan(batch)
    places, there = net.keyword_places(batch.labels, net._said(batch))
    assert bool(there.all())
    assert len(set(places.tolist())) > 1  # starts of several lengths
    for row, place in enumerate(places.tolist()):
        gold = batch.labels[row][batch.labels[row] >= 0].tolist()
        assert list(plan.opening_of(row)) == gold[: place + 1]
        assert int(plan.words[KEYWORD][0][row, 0]) == gold[place]
        alone = plan.select(torch.tensor([row]))
        assert list(decode(net, alone, GREEDY, 1).ids) == gold[:-1]


def test_starts_are_written_as_they_are_learnt(net: Scbg, monkeypatch: pytest.MonkeyPatch) -> None:
    """Piece by piece in a batch: what one teacher-forced pass over each start finds the most probable, and its loss."""
    monkeypatch.setattr(scbg, "_repeats", lambda ids: [])
    net.config = replace(net.config, start_tokens=6)
    batch = tiny_batch(net)
    with torch.no_grad():
        plan = net.plan(batch)
        for row, opening in enumerate(plan.opening):
            memories = plan.select(torch.tensor([row])).memories
            back = torch.tensor([[net.tokenizer.eos, *reversed(opening)]])
            scores = net.backbone.logits(net.backbone.decode(back, memories)[:, 1:])[0].float()
            likely = scores.masked_fill(net.banned, -torch.inf).argmax(dim=1).tolist()
            assert likely[: len(opening) - 1] == list(reversed(opening[:-1]))
            labels, last = torch.tensor([[*opening, net.tokenizer.eos]]), torch.tensor([len(opening) - 1])
            loss, count = net._start_loss(memories, labels, last, torch.tensor([True]))
            gold = torch.tensor([*reversed(opening[:-1]), net.tokenizer.eos])
            assert int(count) == len(opening)
            torch.testing.assert_close(loss, torch.nn.functional.cross_entropy(scores, gold, reduction="sum"))


def test_a_reply_without_a_keyword_teaches_its_words_alone(net: Scbg) -> None:
    batch = tiny_batch(net)
    none = replace(batch, labels=torch.full_like(batch.labels, net.tokenizer.encode("?")[0]))
    parts = net.losses(none)
    assert float(parts["start"].detach()) == float(parts["keyword"].detach()) == 0.0
    assert float(parts["reply"].detach()) > 0
    sum(parts.values()).backward()
    assert all(bool(p.grad.isfinite().all()) for p in net.parameters() if p.grad is not None)


def test_whole_dialogues_teach_what_an_example_each_does() -> None:
    """On a causal base a talk is read once; the replies are learnt in place, the starts beside them."""
    net = made(f"{CAUSAL}scbg")
    turns = []
    for asked, reply in (("hello", "i am sorry."), ("i lost my job", "it is hard to hear")):
        turns += [Turn(Speaker.SEEKER, asked), Turn(Speaker.SUPPORTER, reply, "Others")]
    talk = Dialogue(tuple(turns))
    shape = replace(net.shape, tokens=256)
    examples = {
        at: make_example(replace(talk, turns=talk.turns[:at]), talk.turns[at], ((), ()), net.tokenizer, shape)
        for at in (1, 3)
    }
    whole = make_whole_batch(whole_dialogues(talk, examples, net.tokenizer, shape))
    with torch.no_grad():
        found, expected = net.losses(whole), net.losses(make_batch(list(examples.values())))
    assert found.keys() == expected.keys()
    for name, part in found.items():
        torch.testing.assert_close(part, expected[name], atol=1e-4, rtol=1e-4)


def test_a_start_that_does_not_end_is_cut_where_its_end_was_likeliest(net: Scbg) -> None:
    batch = tiny_batch(net)
    logits, bias = net.backbone.logits, torch.zeros(len(net.tokenizer))
    bias[net.tokenizer.eos] = -1e4
    net.backbone.logits = lambda states: logits(states) + bias  # type: ignore[method-assign]
    with torch.no_grad():
        free = net.plan(batch).opening
        net.config = replace(net.config, start_tokens=0)
        nothing = net.plan(batch)
    assert all(1 <= len(ids) <= 17 for ids in free)
    assert nothing.opening == tuple((k,) for k in nothing.words[KEYWORD][0][:, 0].tolist())


@pytest.mark.parametrize("method", ["greedy", "sample", "guided", "beam"])
def test_every_reply_begins_with_its_opening(net: Scbg, method: str) -> None:
    options = DecodeOptions(method, min_tokens=3, max_tokens=40, no_repeat_ngram=0, top_p=1.0, temperature=2.0)
    for example in tiny_examples(net):
        with torch.no_grad():
            plan = net.plan(make_batch([example]))
        opening = plan.opening_of(0)
        assert int(plan.words[KEYWORD][0][0, 0]) == opening[-1]
        assert decode(net, plan, options, 3).ids[: len(opening)] == opening


def test_an_opening_is_left_where_it_is_barred() -> None:
    scores = torch.zeros(1, 9)
    scores[0, 8] = 5.0

    def after(made: list[int], opening: tuple[int, ...], options: DecodeOptions, said: tuple[int, ...] = ()) -> int:
        return choose(scores, None, [Begun([1, *made], len(made), 2, Said((said,)), opening=opening)], options)[0]

    plain = DecodeOptions("greedy", min_tokens=0, no_repeat_ngram=0)
    assert after([], (4, 5, 6), plain) == 4
    assert after([4], (4, 5, 6), plain) == 5
    assert after([4, 7], (4, 5, 6), plain) == 8  # it was left
    assert after([4, 5, 6], (4, 5, 6), plain) == 8  # it is over
    copying = replace(plain, no_copy_ngram=2)
    assert after([4], (4, 5, 6), copying, said=(3, 4, 5)) == 8
    assert after([4], (4, 5, 6), copying, said=(4, 6)) == 5


def test_likelihoods_do_not_depend_on_the_opening(net: Scbg) -> None:
    batch = tiny_batch(net)
    with torch.no_grad():
        plan, bare = net.plan(batch), net.training_plan(batch)
        assert plan.opening
        assert not bare.opening
        torch.testing.assert_close(net.reply_nll(plan, batch.labels), net.reply_nll(bare, batch.labels))


def test_a_trace_tells_the_keyword_and_its_rivals(net: Scbg) -> None:
    hosted = NetResponder("scbg", net, "0123456789ab", Sources(NoComet(), None))
    said: list[str] = []
    dialogue = Dialogue((Turn(Speaker.SEEKER, "i am sad"),))
    reply = hosted.respond(dialogue, GREEDY, 1, said.append)
    (row,) = (row for row in reply.trace.extras if row.name == KEYWORD)
    assert len(row.labels) == SHOWN
    assert list(row.values) == sorted(row.values, reverse=True)
    assert 0 < sum(row.values) <= 1.0001
    assert row.labels[0].lower() in reply.text.lower()
    (told,) = (one for one in why("A", reply.trace) if "wrote its reply around" in one)
    assert f"\u201c{row.labels[0]}\u201d ({percent(row.values[0])})" in told
    barred = replace(reply.trace, tokens=tuple(t for t in reply.trace.tokens if t.text.strip() != row.labels[0]))
    (other,) = (one for one in why("A", barred) if "its reply around" in one)
    assert other.startswith(f"It set out to write its reply around \u201c{row.labels[0]}\u201d")
    assert "but the word is not in it" in other
    assert len(said) > 1  # it streams
    assert said[-1] == reply.text


def test_whole_words_of_vocabularies_that_mark_them_differently(tmp_path: Path) -> None:
    def words(tokenizer: object) -> set[str]:
        usable = words_of(tokenizer)[0].nonzero()[:, 0].tolist()  # type: ignore[arg-type]
        return {tokenizer.piece(i) for i in usable}  # type: ignore[attr-defined]

    content = {"feel", "sad", "sorry", "hear", "happened", "lost", "job", "tired", "hard", "hello", "thank"}
    assert words(tiny_tokenizer()) == {f" {word}" for word in content}
    marks = ["<|endoftext|>", BEGIN, END]
    pieces = [*marks, *(chr(c) for c in range(33, 127)), "\u0120", BREAK]
    grown = ["jo", "job", "\u0120job", "\u0120an", "\u0120anx", "\u0120the", "ing", "\u0120go"]
    merges = ["j o", "jo b", "\u0120 job"]
    chat = ChatTokenizer(byte_level_bpe([*pieces, *grown], merges), marks)
    assert words(chat) == {" job", " anx"}  # that a word goes on after " anx" only the next piece tells
    assert chat.joins(chat._id("ing")) == (True, False)
    full = FullTokenizer(tiny_checkpoint(tmp_path / "full"))
    assert words(full) == {" sad"}
    assert full.joins(full._id("s@@")) == (False, True)


def test_settings_that_cannot_work_are_refused() -> None:
    with pytest.raises(ValueError, match=r"start_tokens is -1, keyword_weight 0\.5; allowed: 0 or more each"):
        made("scbg", start_tokens=-1)
