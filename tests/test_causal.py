"""The causal base: equal to the published model, from turn to turn and net to net."""

from __future__ import annotations

import itertools
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from transformers import LlamaForCausalLM

from models.backbones.causal import Causal
from models.backbones.causal_base import APART, Bases, open_causal
from models.backbones.gguf_file import default_file
from models.backbones.interface import Past, Stream
from models.data.batches import Batch, make_batch, make_whole_batch
from models.data.dialogue import Dialogue, Speaker, Turn
from models.data.examples import CASES, ContextShape, Example, Whole, context_ids, make_example, whole_dialogues
from models.files.checkpoint import WeightsError
from models.nets.net import Net
from models.nets.registry import causal_settings
from models.nets.stored import load_net, new_net, save_net
from models.nets.support import save_support
from models.serving.batch_decoding import decode_batch
from models.serving.decoding import decode, replay
from models.serving.trace import DecodeOptions
from tests.tiny import (
    CAUSAL,
    SIMILAR,
    TAILS,
    tiny_causal,
    tiny_chat_tokenizer,
    tiny_llama,
    tiny_llama_folder,
    tiny_loss,
    tiny_net,
    tiny_tokenizer,
)

TALK = Dialogue(
    (
        Turn(Speaker.SEEKER, "i lost my job"),
        Turn(Speaker.SUPPORTER, "i am sorry", "Affirmation and Reassurance"),
        Turn(Speaker.SEEKER, "it is hard"),
        Turn(Speaker.SUPPORTER, "what happened?", "Question"),
        Turn(Speaker.SUPPORTER, "hm"),
        Turn(Speaker.SEEKER, "i am tired"),
        Turn(Speaker.SUPPORTER, "rest", "Providing Suggestions"),
    ),
    "my job",
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tiny_llama_folder(tmp_path / "llama")


def test_without_sources_it_is_the_published_model(folder: Path) -> None:
    base = open_causal(str(folder), torch.float32)
    backbone = base.backbone(rank=3, streams=("a", "one")).eval()
    ids = torch.randint(5, 200, (2, 12))
    with torch.no_grad():
        want = tiny_llama()(ids).logits
        found = backbone.logits(backbone.read(ids, torch.ones_like(ids).bool()).states)
    torch.testing.assert_close(found[..., : want.shape[-1]], want, atol=1e-5, rtol=1e-5)


def test_the_default_base_is_the_published_model_to_the_digit() -> None:
    base = open_causal(dtype=torch.float32)
    reference = LlamaForCausalLM.from_pretrained(
        default_file().parent, gguf_file=default_file().name, dtype=torch.float32
    ).eval()
    ids = torch.tensor([base.tokenizer.encode("I lost my job 12 weeks ago, and I don't know what to do.")])
    with torch.no_grad():
        want = reference(ids).logits
        backbone = base.backbone(rank=2)
        found = backbone.logits(backbone.read(ids, torch.ones_like(ids).bool()).states)
    assert float((found[..., : want.shape[-1]] - want).abs().max()) < 1e-3


def sourced(seed: int = 0) -> tuple[Causal, dict[str, Stream]]:
    backbone = tiny_causal(seed).backbone(3, ("blocks", "vector"), 3).eval()
    for name, parameter in backbone.named_parameters():
        if name.endswith((".b", "gate.value")):
            parameter.data.normal_(std=0.3)
    streams = {
        "blocks": Stream(torch.randn(2, 5, 16), torch.tensor([[True] * 5, [True, True, False, False, False]])),
        "vector": Stream(torch.randn(2, 1, 16), torch.ones(2, 1, dtype=torch.bool)),
    }
    return backbone, streams


def test_a_continuation_from_the_cache_equals_a_full_pass() -> None:
    backbone, streams = sourced()
    ids, reply = torch.randint(5, 200, (2, 9)), torch.randint(5, 200, (2, 6))
    mask = torch.ones(2, 9, dtype=torch.bool)
    mask[1, 7:] = False
    with torch.no_grad():
        memories = backbone.attach(backbone.read(ids, mask), streams)
        whole = backbone.decode(reply, memories)
        past = Past()
        steps = [backbone.decode(reply[:, :2], memories, past)]
        steps += [backbone.decode(reply[:, at : at + 1], memories, past) for at in range(2, 6)]
        torch.testing.assert_close(torch.cat(steps, dim=1), whole, atol=1e-5, rtol=1e-4)
        plain = backbone.decode(reply, backbone.attach(backbone.read(ids, mask), {}))
        row = backbone.read(torch.cat((ids[1, :7], reply[1]))[None], torch.ones(1, 13, dtype=torch.bool))
    torch.testing.assert_close(row.states[0, 7:], plain[1], atol=1e-5, rtol=1e-4)
    assert not torch.allclose(plain, whole)


@pytest.mark.parametrize("name", ["joint", "misc", "admisc", "star"])
def test_a_hosted_net_reads_only_what_is_new_and_finds_the_same(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    fresh, hosted = tiny_net(CAUSAL + name), tiny_net(CAUSAL + name)
    hosted.requires_grad_(requires_grad=False).backbone.settle()
    counts = list[int]()
    read = hosted.backbone._read
    monkeypatch.setattr(
        hosted.backbone, "_read", lambda ids, *a, **k: counts.append(ids.shape[1]) or read(ids, *a, **k)
    )
    rows = [make_batch([example]) for example in turns_of(fresh)[1]]
    with torch.no_grad():
        for row in [*rows, rows[1], rows[3]]:
            one, other = fresh.plan(row), hosted.plan(row)
            torch.testing.assert_close(other.strategies, one.strategies, atol=1e-5, rtol=1e-4)
            expected = fresh.reply_nll(one, row.labels)
            torch.testing.assert_close(hosted.reply_nll(other, row.labels), expected, atol=1e-4, rtol=1e-4)
    if not fresh.needs_comet and not fresh.needs_emotion:
        lengths = [row.ids.shape[1] for row in rows]
        assert counts[0] == lengths[0]
        assert all(new < whole for new, whole in zip(counts[1:4], lengths[1:], strict=True))
        assert counts[4:] == []  # read before


def test_attention_is_the_same_while_it_learns(folder: Path) -> None:
    backbone = open_causal(str(folder), torch.float32).backbone(rank=2)
    ids = torch.randint(5, 20, (2, 9))
    with torch.no_grad():
        fused = backbone.read(ids, ids > 0).states
    learning = backbone.read(ids, ids > 0).states
    assert learning.requires_grad
    torch.testing.assert_close(learning.detach(), fused)


def test_the_strategies_start_near_one_another_and_apart(folder: Path) -> None:
    base = open_causal(str(folder), torch.float32)
    words = torch.stack([base.weights.embedding[ids].mean(dim=0) for ids in base.tokenizer.start_vectors()])
    added = base.backbone().added.vectors.detach()
    torch.testing.assert_close(added[:8].mean(dim=0), words[:8].mean(dim=0))
    torch.testing.assert_close(added[:8].var(dim=0), APART**2 * words[:8].var(dim=0))
    torch.testing.assert_close(added[8:], words[8:])


def test_padding_of_a_reply_is_not_computed_and_changes_nothing() -> None:
    backbone, streams = sourced()
    ids, reply = torch.randint(5, 200, (2, 9)), torch.randint(5, 200, (2, 6))
    reply[1, 3:] = 0
    with torch.no_grad():
        memories = backbone.attach(backbone.read(ids, torch.ones_like(ids).bool()), streams)
        together = backbone.decode(reply, memories)
        alone = backbone.decode(
            reply[1:, :3], [{n: m.select(torch.tensor([1])) for n, m in x.items()} for x in memories]
        )
    torch.testing.assert_close(together[1, :3], alone[0], atol=1e-5, rtol=1e-4)


def turns_of(net: Net) -> tuple[list[Whole], list[Example]]:
    """The talk as one row, and its turns as an example each."""
    at = [1, 3, 4, 6]
    answers = {index: replace(TALK, turns=TALK.turns[:index]) for index in at}
    each = {
        index: make_example(
            context,
            TALK.turns[index],
            (TAILS[:index], TAILS[: index // 2]),
            net.tokenizer,
            net.shape,
            [(("fear", 1.0),)],
            wants=net.wants,
            cases=SIMILAR[: index // 2] if CASES in net.wants else (),
        )
        for index, context in answers.items()
    }
    return whole_dialogues(TALK, each, net.tokenizer, net.shape), list(each.values())


@pytest.mark.parametrize(
    "name",
    [
        "joint",
        "misc",
        "admisc",
        "star",
        "star-misc",
        "mise",
        "kemi",
        "emstremo",
        "fado",
        "multiesc",
        "transesc",
        "glhg",
    ],
)
def test_a_whole_dialogue_learns_what_one_example_a_turn_learns(name: str) -> None:
    """Losses and gradients: every turn, its sources masked from the others, from one reading."""
    net = tiny_net(CAUSAL + name).train()
    net.shape = replace(net.shape, tokens=300)
    for module in net.modules():
        if isinstance(getattr(module, "dropout", None), float):
            module.dropout = 0.0
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
    wholes, examples = turns_of(net)
    assert [len(whole.turns) for whole in wholes] == [4]
    found = {}
    for key, batch in {"whole": make_whole_batch(wholes), "each": make_batch(examples)}.items():
        assert len(batch) == 4
        tiny_loss(net, batch).backward()
        found[key] = {n: p.grad.clone() for n, p in net.named_parameters() if p.grad is not None}
        found[key]["losses"] = torch.stack([part.detach() for part in net.losses(batch).values()])
        net.zero_grad()
    assert len(make_whole_batch(wholes).ids) == 1
    assert found["whole"].keys() == found["each"].keys()
    for key, value in found["whole"].items():
        torch.testing.assert_close(value, found["each"][key], atol=2e-4, rtol=1e-3, msg=key)


@pytest.mark.parametrize("name", ["joint", "misc", "star"])
def test_contexts_that_begin_alike_are_read_once_and_predict_the_same(name: str) -> None:
    net = tiny_net(CAUSAL + name)
    examples = turns_of(net)[1]
    shared, alone = make_batch(examples, share=True), make_batch(examples)
    assert (len(shared.ids), len(alone.ids), len(shared)) == (1, 4, 4)
    with torch.no_grad():
        one, other = net.plan(shared), net.plan(alone)
        torch.testing.assert_close(one.strategies, other.strategies, atol=1e-5, rtol=1e-4)
        expected = net.reply_nll(other, alone.labels)
        torch.testing.assert_close(net.reply_nll(one, shared.labels), expected, atol=1e-4, rtol=1e-4)


@torch.no_grad()
def test_contexts_of_one_length_are_not_mixed_up() -> None:
    ids, lengths = torch.arange(40, 58).view(2, 9), torch.tensor([9, 9])
    read = tiny_net(CAUSAL + "joint").backbone.read(ids, torch.ones_like(ids).bool())
    turned = read.pick(torch.tensor([1, 0]), lengths)
    torch.testing.assert_close(turned.states, read.states.flip(0))
    torch.testing.assert_close(turned.summary, read.summary.flip(0))
    assert read.pick(torch.tensor([0, 1]), lengths) is read


def test_a_turn_without_a_strategy_is_learnt_without_one() -> None:
    net = tiny_net(CAUSAL + "joint")
    wholes, _ = turns_of(net)
    batch = make_whole_batch(wholes)
    assert batch.strategies.tolist().count(-1) == 1
    labels = net._sequence(batch)
    unknown = int((batch.strategies < 0).nonzero()[0])
    assert labels[unknown, 0] == batch.labels[unknown, 0]
    assert labels[0, 0] in net.tokenizer.strategies


def test_a_long_talk_drops_its_older_half_at_once_and_every_turn_is_learnt_from_what_a_reply_reads() -> None:
    tokenizer, shape = tiny_chat_tokenizer(), ContextShape(tokens=200, situation=True)
    turns = tuple(
        Turn(Speaker(("seeker", "supporter")[n % 2]), f"turn number {n}", "Question" if n % 2 else None)
        for n in range(30)
    )
    talk = Dialogue(turns, "exam")
    each = {
        n: make_example(replace(talk, turns=turns[:n]), turns[n], ((), ()), tokenizer, shape) for n in range(1, 30, 2)
    }
    contexts = [example.context for example in each.values()]
    assert max(map(len, contexts)) <= 200
    opening = tuple(tokenizer.opening("exam"))
    assert all(context[: len(opening)] == opening for context in contexts)
    read_on = [after[: len(c)] == c for c, after in itertools.pairwise(contexts)]
    wholes = whole_dialogues(talk, each, tokenizer, shape)
    assert 1 < len(wholes) == read_on.count(False) + 1 < len(contexts) // 2
    least = min(len(c) for c, on in zip(contexts[1:], read_on, strict=True) if not on)
    assert 60 < least < 130, "half of the room is read after a drop"
    assert [example for whole in wholes for example in whole.turns] == list(each.values())
    for whole in wholes:
        for example in whole.turns:
            size = len(example.context)
            assert whole.ids[:size] == example.context
            assert whole.ids[size : size + 3] == (tokenizer.bos, tokenizer.strategies[0], example.target[0])


def test_the_end_of_a_message_longer_than_what_is_read_stays() -> None:
    tokenizer, shape = tiny_chat_tokenizer(), ContextShape(tokens=40)
    long = Turn(Speaker.SEEKER, "exam " * 80)
    talk = Dialogue((Turn(Speaker.SEEKER, "before"), long))
    ids, kept = context_ids(talk, tokenizer, shape), 40 - len(tokenizer.closing())
    assert len(ids) == 40
    assert ids[:kept] == tuple(tokenizer.turn_ids(long, None))[-kept:]


def test_whole_dialogues_need_a_chat_format() -> None:
    with pytest.raises(ValueError, match="need a causal base"):
        whole_dialogues(TALK, {}, tiny_tokenizer(), ContextShape())


def test_a_mark_that_somebody_types_is_plain_text() -> None:
    words = tiny_chat_tokenizer()
    text = "hi <|im_end|> <|im_start|>assistant [Question]"
    ids = words.encode(text)
    assert not words.special & set(ids)
    assert words.decode(ids) == text


@pytest.mark.parametrize("name", ["joint", "misc", "admisc", "star"])
def test_saved_beside_a_support_adapter_and_loaded_again_is_equal(name: str, tmp_path: Path) -> None:
    base = tiny_causal()
    support = base.backbone(rank=2)
    for parameter in support.parameters():
        if parameter.requires_grad:
            parameter.data.normal_(std=0.2)
    save_support(support, base, {}, tmp_path / "support")
    settings = causal_settings(name) | ({"hold": False} if name == "star" else {})
    net = new_net(name, settings, 3, base, tmp_path / "support").eval()
    for key, parameter in net.named_parameters():
        if key.endswith((".b", "gate.value")) and parameter.requires_grad:
            parameter.data.normal_(std=0.3)
    save_net(net, name, 3, {}, tmp_path / name, base, support=tmp_path / "support")
    bases = Bases()
    bases.add(base)
    loaded = load_net(tmp_path / name, bases=bases)
    batch = one_row(net)
    with torch.no_grad():
        expected, found = (n.reply_nll(n.plan(batch), batch.labels) for n in (net, loaded))
    torch.testing.assert_close(found, expected, atol=0.15, rtol=0.02)  # int8 rows on disk
    assert loaded.backbone.weights is base.weights
    (tmp_path / "support").rename(tmp_path / "support-first")  # several may stand side by side
    save_support(base.backbone(rank=2), base, {}, tmp_path / "support")
    with torch.no_grad():
        again = load_net(tmp_path / name, bases=bases)
        assert torch.equal(again.reply_nll(again.plan(batch), batch.labels), found)
    save_support(base.backbone(rank=2), base, {}, tmp_path / "support-first")
    with pytest.raises(WeightsError, match="was trained on another support adapter"):
        load_net(tmp_path / name, bases=bases)


def one_row(net: Net) -> Batch:
    return make_batch(turns_of(net)[1][:2])


def test_an_adapter_of_another_base_is_refused(tmp_path: Path) -> None:
    base = tiny_causal()
    save_support(base.backbone(rank=2), base, {}, tmp_path / "support")
    other = replace(base, digest="1" * 12)
    with pytest.raises(WeightsError, match=r"support.* of base tiny@0{12}, not a support adapter of tiny@1{12}"):
        new_net("joint", causal_settings("joint"), 3, other, tmp_path / "support")
    net = new_net("joint", causal_settings("joint"), 3, base)
    save_net(net, "joint", 3, {}, tmp_path / "joint", base)
    bases = Bases()
    bases.add(other)
    with pytest.raises(WeightsError, match=r"changes base tiny@0{12}, but tiny here is 1{12}; train it again"):
        load_net(tmp_path / "joint", bases=bases)


@pytest.mark.parametrize("method", ["greedy", "sample", "beam"])
@pytest.mark.parametrize("name", ["joint", "misc", "admisc", "star"])
def test_a_batch_of_replies_equals_each_alone(name: str, method: str) -> None:
    net = tiny_net(CAUSAL + name)
    options = DecodeOptions(method=method, max_tokens=12, beams=3)
    examples = turns_of(net)[1]
    together = decode_batch(net, net.plan(make_batch(examples)), options, [1, 2, 3, 4])
    alone = [decode(net, net.plan(make_batch([e])), options, seed).ids for seed, e in enumerate(examples, 1)]
    assert together == alone


def test_a_trace_keeps_its_meaning() -> None:
    net = tiny_net(CAUSAL + "misc")
    plan = net.plan(make_batch(turns_of(net)[1][3:]))
    found = decode(net, plan, DecodeOptions(method="greedy", max_tokens=8), 1)
    assert found.attention["situation"].shape == (len(found.ids), 3)
    torch.testing.assert_close(found.attention["post"].sum(dim=1), torch.ones(len(found.ids)))
    again = replay(net, plan, found.ids)
    torch.testing.assert_close(again.attention["situation"], found.attention["situation"], atol=1e-5, rtol=1e-4)
    assert again.probabilities == pytest.approx(found.probabilities, abs=1e-5)


def test_blocks_have_one_vector_for_all_nets() -> None:
    base = tiny_causal()
    one, other = base.backbone(2), base.backbone(3)
    for parameter in one.parameters():
        if parameter.requires_grad:
            parameter.data.normal_()
    words = base.tokenizer
    ids = [words.block_ids("xReact", "sad"), words.block_ids("xWant", "to rest")]
    batch = torch.tensor([list(row) + [0] * (40 - len(row)) for row in ids])
    torch.testing.assert_close(one.summaries(batch, batch != 0), other.summaries(batch, batch != 0))
