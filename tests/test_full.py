"""The full backbone through the real Hub code, on a tiny BlenderbotSmall checkpoint saved to disk."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from transformers import BlenderbotSmallForConditionalGeneration

from models.backbones.blenderbot_90m import load_full
from models.backbones.interface import CONTEXT, Stream
from models.data.batches import make_batch
from models.files.checkpoint import WeightsError
from models.nets.registry import NETS, VARIANTS, net_config
from models.nets.stored import load_net, new_net, save_net, start_net
from models.serving.decoding import decode
from models.serving.trace import DecodeOptions
from tests.tiny import tiny_batch, tiny_causal, tiny_checkpoint, tiny_examples, tiny_loss

ON_IT = [name for name, (_, net) in sorted(NETS.items()) if not net.from_scratch]


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> str:
    return tiny_checkpoint(tmp_path_factory.mktemp("blenderbot_small-tiny"))


def test_tokenizer(checkpoint: str) -> None:
    tokenizer, backbone = load_full(checkpoint)
    assert tokenizer.decode(tokenizer.encode("I am SAD.")) == "I am sad."
    assert [tokenizer.piece(i).strip() for i in tokenizer.encode("sad")] == ["sad"]
    assert not set(tokenizer.encode("[Question] [CLS] hello")) & (tokenizer.special - {tokenizer.unk})
    assert backbone.model.shared.num_embeddings == len(tokenizer)
    assert tokenizer.pieces("am i") == ["a@@", "m", "i"]
    assert "streams" not in json.loads((Path(checkpoint) / "config.json").read_text()), "the Hub has none"


def test_the_weights_are_the_checkpoints(checkpoint: str) -> None:
    plain = BlenderbotSmallForConditionalGeneration.from_pretrained(checkpoint).eval()
    _, backbone = load_full(checkpoint, ("post",))
    ids, reply = torch.tensor([[5, 6, 7, 2]]), torch.tensor([[1, 8, 9]])
    with torch.no_grad():
        expected = plain(input_ids=ids, decoder_input_ids=reply).logits
        states = backbone.encode(ids, ids > 0)
        found = backbone.logits(backbone.decode(reply, backbone.project({CONTEXT: Stream(states, ids > 0)})))
    torch.testing.assert_close(found[..., : expected.shape[-1]], expected, atol=1e-5, rtol=1e-4)
    layer = backbone.model.decoder.layers[1]
    assert torch.equal(layer.extra_attn["post"].v_proj.weight, layer.encoder_attn.v_proj.weight)


@pytest.mark.parametrize("rank", [0, 2])
@pytest.mark.parametrize("name", ON_IT)
def test_nets_train_save_load_and_answer_on_it(checkpoint: str, name: str, rank: int, tmp_path: Path) -> None:
    torch.manual_seed(1)
    net = new_net(name, {}, rank, checkpoint).train()
    optimiser = torch.optim.AdamW([p for p in net.parameters() if p.requires_grad], lr=1e-2)
    tiny_loss(net, tiny_batch(net)).backward()
    optimiser.step()
    save_net(net.eval(), name, rank, {}, tmp_path / name, checkpoint)
    loaded = load_net(tmp_path / name)
    row = make_batch([tiny_examples(net)[1]])
    with torch.no_grad():
        torch.testing.assert_close(loaded.plan(row).strategies, net.plan(row).strategies, atol=1e-4, rtol=1e-3)
        assert decode(loaded, loaded.plan(row), DecodeOptions(method="greedy"), 1).ids


@pytest.mark.parametrize("name", ["joint", "misc", "admisc", "misc-wo-g"])
def test_training_on_it_starts_from_the_published_settings_and_trains_all_of_it(checkpoint: str, name: str) -> None:
    net, rank = start_net(name, {}, None, checkpoint, None)
    assert net.config == net_config(name, {})
    assert rank == 0
    assert all(p.requires_grad for p in net.backbone.parameters())
    told, rank = start_net(name, {"shape": {"tokens": 64}}, 2, checkpoint, None)
    assert (told.shape.tokens, rank) == (64, 2)
    assert all(getattr(net.config, setting) == value for setting, value in VARIANTS.get(name, ("", {}))[1].items())


def test_star_on_it_goes_on_a_net_on_it(checkpoint: str, tmp_path: Path) -> None:
    net, rank = start_net("joint", {}, None, checkpoint, None)
    save_net(net, "joint", rank, {}, tmp_path / "joint", checkpoint)
    star, rank = start_net("star", {}, None, checkpoint, tmp_path / "joint")
    assert (star.config.pool_width, star.shape, rank) == (512, net.shape, 0)
    base = tiny_causal()
    causal, rank = start_net("joint", {}, None, base, None)
    assert rank == 4
    save_net(causal, "joint", rank, {}, tmp_path / "other", base)
    with pytest.raises(WeightsError, match=r"other changes base tiny@0{12}, but .*blenderbot_small-tiny.*--base"):
        start_net("star", {}, None, checkpoint, tmp_path / "other")


def test_a_net_from_scratch_does_not_stand_on_it(checkpoint: str) -> None:
    for base in (checkpoint, tiny_causal()):
        with pytest.raises(ValueError, match="moel is trained from scratch and stands on no base; leave --base out"):
            start_net("moel", {}, None, base, None)


def test_a_checkpoint_that_cannot_be_had_says_what_to_do() -> None:
    with pytest.raises(ValueError, match=r"'nobody/nothing' cannot be loaded.*give its folder"):
        load_full("nobody/nothing")
