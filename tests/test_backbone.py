"""The encoder-decoder computes what transformers' BlenderbotSmall computes."""

from __future__ import annotations

import torch
from transformers.models.blenderbot_small.modeling_blenderbot_small import BlenderbotSmallForConditionalGeneration

from models.backbones.encoder_decoder import EncoderDecoder
from models.backbones.interface import CONTEXT, Past, Stream
from tests.tiny import tiny_backbone, tiny_config

IDS = torch.tensor([[4, 30, 31, 32, 2], [4, 33, 34, 2, 0]])
MASK = IDS != 0
REPLY = torch.tensor([[1, 40, 41, 42], [1, 43, 44, 45]])


@torch.no_grad()
def test_equals_transformers() -> None:
    ours = tiny_backbone()
    theirs = BlenderbotSmallForConditionalGeneration(tiny_config()).eval()
    theirs.load_state_dict(ours.state_dict())
    memories = ours.project({CONTEXT: Stream(ours.encode(IDS, MASK), MASK)})
    expected = theirs(input_ids=IDS, attention_mask=MASK.long(), decoder_input_ids=REPLY).logits
    torch.testing.assert_close(ours.logits(ours.decode(REPLY, memories)), expected, atol=1e-4, rtol=1e-4)


@torch.no_grad()
def test_a_scaled_embedding_is_scaled_in_the_decoder_too() -> None:
    """As the full checkpoint was trained and older transformers have it: small embeddings are not damped."""
    config = tiny_config()
    config.scale_embedding = True
    torch.manual_seed(0)
    ours = EncoderDecoder(config).eval()
    ours.model.shared.weight.normal_(std=0.01)  # variance 1e-4, the norm's epsilon is 1e-5
    theirs = BlenderbotSmallForConditionalGeneration(config).eval()
    theirs.load_state_dict(ours.state_dict())
    memories = ours.project({CONTEXT: Stream(ours.encode(IDS, MASK), MASK)})
    scaled = theirs.model.shared(REPLY) * config.d_model**0.5
    expected = theirs(input_ids=IDS, attention_mask=MASK.long(), decoder_inputs_embeds=scaled).logits
    torch.testing.assert_close(ours.logits(ours.decode(REPLY, memories)), expected, atol=1e-6, rtol=1e-4)


@torch.no_grad()
def test_token_by_token_equals_all_at_once() -> None:
    backbone = tiny_backbone(("post",))
    states = backbone.encode(IDS, MASK)
    memories = backbone.project({CONTEXT: Stream(states, MASK), "post": Stream(states[:, :2], MASK[:, :2])})
    whole = backbone.decode(REPLY, memories)
    past = Past()
    steps = [backbone.decode(REPLY[:, t : t + 1], memories, past) for t in range(4)]
    torch.testing.assert_close(torch.cat(steps, dim=1), whole, atol=1e-5, rtol=1e-4)


@torch.no_grad()
def test_an_empty_stream_adds_nothing_and_recorded_attention_sums_to_one() -> None:
    backbone = tiny_backbone(("post",))
    states = backbone.encode(IDS, MASK)
    empty = Stream(states[:, :2], torch.tensor([[True, True], [False, False]]))
    record: dict[str, list[torch.Tensor]] = {}
    both = backbone.decode(REPLY, backbone.project({CONTEXT: Stream(states, MASK), "post": empty}), record=record)
    context_only = backbone.decode(REPLY, backbone.project({CONTEXT: Stream(states, MASK)}))
    torch.testing.assert_close(both[1], context_only[1])
    assert not torch.allclose(both[0], context_only[0])
    sums = record["post"][0].sum(dim=-1)
    torch.testing.assert_close(sums, torch.tensor([[1.0] * 4, [0.0] * 4]))


@torch.no_grad()
def test_a_stream_of_one_vector_is_a_constant_of_the_reply() -> None:
    backbone = tiny_backbone(("strategy",))
    states = backbone.encode(IDS, MASK)
    one = Stream(states[:, :1], torch.ones(2, 1, dtype=torch.bool))
    quick = backbone.project({CONTEXT: Stream(states, MASK), "strategy": one})
    slow = backbone.project({CONTEXT: Stream(states, MASK), "strategy": one})
    for layer in slow:
        layer["strategy"].constant = None
    torch.testing.assert_close(backbone.decode(REPLY, quick), backbone.decode(REPLY, slow), atol=1e-5, rtol=1e-4)
