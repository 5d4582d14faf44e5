"""What the nets that the papers train from scratch have in common (Transformer, MT Transformer, MoEL, MIME).

They have a small, randomly initialised backbone of their own, with word pieces learnt from the training part
(`models.data.tokenizer.learn_vocabulary`): a folder with their weights is complete. The published code (of MoEL, which
MIME builds on) has pre-layer-norm layers, sinusoidal positions, GloVe vectors, 20 dimensions a head and an embedding of
the speaker at every token. Here the layers are BlenderbotSmall's (post-layer-norm, learned positions, width / heads
dimensions a head), embeddings start at random, and speaker marks say who speaks. None of these nets has strategies.
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor
from transformers import BlenderbotSmallConfig

from models.backbones.encoder_decoder import EncoderDecoder
from models.backbones.interface import Stream, token_loss
from models.data.batches import Batch
from models.data.examples import ContextShape
from models.nets.net import Net, Plan


@dataclass(frozen=True)
class Size:
    """Size of a backbone trained from scratch; the defaults are those of MoEL's published runs."""

    width: int = 300
    """width of embeddings and states"""
    layers: int = 1
    """encoder layers, and decoder layers"""
    heads: int = 2
    """attention heads"""
    ffn: int = 50
    """inner width of the feed-forward networks"""
    positions: int = 512
    """longest context or reply, in tokens"""


WHOLE_CONTEXT = ContextShape(tokens=512, strategies=False)
"""as published: all utterances, no strategy history"""


def fresh_backbone(size: Size, shape: ContextShape, vocabulary: int) -> EncoderDecoder:
    """A backbone with random weights. Raises ValueError when the context is longer than the positions."""
    if shape.tokens > size.positions:
        raise ValueError(f"the context has up to {shape.tokens} tokens, size.positions is {size.positions}; raise it")
    if size.width % size.heads:
        raise ValueError(f"size.width is {size.width}; it must be a multiple of size.heads ({size.heads})")
    return EncoderDecoder(
        BlenderbotSmallConfig(
            vocab_size=vocabulary,
            d_model=size.width,
            encoder_layers=size.layers,
            decoder_layers=size.layers,
            encoder_attention_heads=size.heads,
            decoder_attention_heads=size.heads,
            encoder_ffn_dim=size.ffn,
            decoder_ffn_dim=size.ffn,
            max_position_embeddings=size.positions,
            activation_function="relu",
            scale_embedding=False,
            eos_token_id=2,
            forced_eos_token_id=None,
        )
    )


class ScratchNet(Net):
    """Base of these nets; `config` has `size` and `smoothing` besides its own settings."""

    from_scratch = True
    predicts_strategy = False

    def encode(self, batch: Batch) -> Stream:
        """The context states; the first, that of [CLS], stands for the whole context (q_h of the published code)."""
        return Stream(self.backbone.encode(batch.ids, batch.mask), batch.mask)

    def reply_loss(self, plan: Plan, labels: Tensor) -> Tensor:
        """Mean loss per token of the reply, with label smoothing (validation and perplexity use none)."""
        states = self.reply_states(plan, labels)
        total, count = token_loss(self.backbone, states, labels, self.config.smoothing)
        return total / count
