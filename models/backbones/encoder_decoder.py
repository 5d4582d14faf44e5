"""The papers' encoder-decoder: transformers' BlenderbotSmall, subclassed, with memory streams.

The published nets differ in what the decoder attends to besides the context (COMET blocks, a strategy vector, emotion
states). Here a decoder layer sums the residual and one attention per *stream* under the single layer norm that
BlenderbotSmall has (MISC, eq. 7): `O' = LN(O + A^c + A^s + A^x + A^g)`. Keys and values of every stream are
projected once per reply (`project`), so a decoding step only computes the query side.
Shapes: B batch, S source tokens, T target tokens, D width, H heads, V vocabulary.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from transformers import BlenderbotSmallConfig
from transformers.models.blenderbot_small.modeling_blenderbot_small import (
    BlenderbotSmallAttention,
    BlenderbotSmallDecoderLayer,
    BlenderbotSmallEncoderLayer,
    BlenderbotSmallForConditionalGeneration,
)

from models.backbones.interface import (
    CONTEXT,
    Memories,
    Memory,
    Past,
    Reading,
    Stream,
    attend,
    join_heads,
    split_heads,
)


class StreamDecoderLayer(BlenderbotSmallDecoderLayer):
    """A BlenderbotSmall decoder layer that attends to any number of streams besides the context."""

    def __init__(self, config: BlenderbotSmallConfig, layer_idx: int, streams: tuple[str, ...] = ()) -> None:
        super().__init__(config, layer_idx=layer_idx)
        self.index = layer_idx
        self.extra_attn = nn.ModuleDict(
            {
                name: BlenderbotSmallAttention(
                    config.d_model, config.decoder_attention_heads, is_decoder=True, config=config, layer_idx=layer_idx
                )
                for name in streams
            }
        )

    def attention(self, stream: str) -> BlenderbotSmallAttention:
        """The attention module that reads `stream`."""
        attn = self.encoder_attn if stream == CONTEXT else self.extra_attn[stream]
        assert isinstance(attn, BlenderbotSmallAttention)
        return attn

    def project(self, streams: Mapping[str, Stream]) -> dict[str, Memory]:
        """Keys and values of every stream, computed once per reply."""
        memories = {}
        for name, stream in streams.items():
            attn = self.attention(name)
            values = attn.v_proj(stream.states)
            memories[name] = Memory(
                split_heads(attn.k_proj(stream.states), attn.num_heads),
                split_heads(values, attn.num_heads),
                stream.mask[:, None, None, :],
                ~stream.mask.any(dim=1)[:, None, None],
                attn.out_proj(values) if values.shape[1] == 1 else None,
            )
        return memories

    def forward(  # type: ignore[override]
        self,
        x: Tensor,  # (B, T, D)
        memories: Mapping[str, Memory],
        past: Past | None = None,
        record: dict[str, list[Tensor]] | None = None,
    ) -> Tensor:
        """One layer over T new tokens. With `record`, appends each stream's attention (B, T, S), mean over heads."""
        x = self.self_attn_layer_norm(x + self._drop(self._attend_self(x, past)))
        total = x
        for name, memory in memories.items():
            total = total + self._drop(self._attend_stream(name, x, memory, record))
        x = self.encoder_attn_layer_norm(total)
        hidden = self.fc2(self.activation_fn(self.fc1(x)))
        return self.final_layer_norm(x + self._drop(hidden))

    def _drop(self, x: Tensor) -> Tensor:
        return F.dropout(x, self.dropout) if self.training and self.dropout else x

    def _attend_self(self, x: Tensor, past: Past | None) -> Tensor:
        attn = self.self_attn
        q, k, v = (split_heads(p(x), attn.num_heads) for p in (attn.q_proj, attn.k_proj, attn.v_proj))
        earlier = past.length if past is not None and self.index in past.keys else 0
        if past is not None:
            k, v = past.extend(self.index, k, v)
        if earlier and x.shape[1] > 1:
            raise ValueError("decode one token at a time after the prefix")
        steps = x.shape[1]
        causal = torch.ones(steps, steps, dtype=torch.bool, device=x.device).tril() if steps > 1 else None
        out, _ = attend(q, k, v, causal)
        return attn.out_proj(join_heads(out))

    def _attend_stream(self, name: str, x: Tensor, memory: Memory, record: dict[str, list[Tensor]] | None) -> Tensor:
        attn = self.attention(name)
        if memory.constant is not None:
            if record is not None:
                record.setdefault(name, []).append((~memory.empty).to(x.dtype).expand(-1, x.shape[1], 1))
            return memory.constant.masked_fill(memory.empty, 0.0)
        q = split_heads(attn.q_proj(x), attn.num_heads)
        mask = memory.mask | memory.empty[..., None]  # a fully masked row would be nan: let it attend, then drop it
        out, weights = attend(q, memory.keys, memory.values, mask)
        if record is not None:
            record.setdefault(name, []).append(weights.mean(dim=1).masked_fill(memory.empty, 0.0))
        return attn.out_proj(join_heads(out)).masked_fill(memory.empty, 0.0)


class EncoderDecoder(BlenderbotSmallForConditionalGeneration):
    """BlenderbotSmall with stream attention, a `Backbone`; loads any BlenderbotSmall checkpoint from the Hub unchanged.

    `config.streams` names the extra streams of the decoder.
    """

    causal = False

    def __init__(self, config: BlenderbotSmallConfig) -> None:
        super().__init__(config)
        self.width, self.heads, self.ffn_width = config.d_model, config.encoder_attention_heads, config.encoder_ffn_dim
        self.longest_reply = config.max_position_embeddings - 2
        streams = tuple(getattr(config, "streams", ()))
        self.model.decoder.layers = nn.ModuleList(
            StreamDecoderLayer(config, index, streams) for index in range(config.decoder_layers)
        )
        self.post_init()

    def copy_context_attention(self) -> None:
        """Start every extra stream as a copy of the (pre-trained) attention to the context, with zero output.

        With full copies, the four summed attentions of MISC doubled the initial reply loss (3.6 -> 7.5 per token); with
        a zero output projection, the net starts as its backbone and learns what to add.
        """
        for layer in self.model.decoder.layers:
            for attention in layer.extra_attn.values():
                attention.load_state_dict(layer.encoder_attn.state_dict())
                nn.init.zeros_(attention.out_proj.weight)
                nn.init.zeros_(attention.out_proj.bias)

    def set_dropout(self, rate: float) -> None:
        """Sets the dropout rate of every layer for training."""
        self.config.dropout = rate
        for module in self.modules():  # MoEL's listeners are decoder layers inside another one
            if isinstance(module, StreamDecoderLayer):
                module.dropout = rate

    def lay_out(self) -> None:
        """See `interface`: nothing to do, all of its weights may train."""

    @property
    def encoder_layers(self) -> list[BlenderbotSmallEncoderLayer]:
        """The encoder's layers, for nets that do something between them (MISC refines blocks per layer)."""
        return list(self.model.encoder.layers)

    def embed(self, ids: Tensor) -> Tensor:
        """(B, S) ids -> (B, S, D) encoder input: LN(token + position)."""
        encoder = self.model.encoder
        x = self.model.shared(ids) * encoder.embed_scale
        return self._drop(encoder.layernorm_embedding(x + encoder.embed_positions.weight[: ids.shape[1]]))

    def encode(self, ids: Tensor, mask: Tensor) -> Tensor:
        """Encoder states (B, S, D) of `ids` (B, S) under `mask` (B, S) bool, True = token."""
        x = self.embed(ids)
        for layer in self.encoder_layers:
            x = self.encode_layer(layer, x, mask)
        return x

    def read(self, ids: Tensor, mask: Tensor) -> Reading:
        """See `interface`; the summary is the state of each context's first token, [CLS]."""
        states = self.encode(ids, mask)
        return Reading(states, mask, states[:, 0])

    @torch.no_grad()
    def summaries(self, ids: Tensor, mask: Tensor) -> Tensor:
        """See `interface`: the states of the first tokens (MISC, eq. 3)."""
        return self.encode(ids, mask)[:, 0]

    def attach(self, reading: Reading, streams: Mapping[str, Stream]) -> Memories:
        """See `interface`."""
        return self.project({CONTEXT: reading.stream} | dict(streams))

    def encode_layer(self, layer: BlenderbotSmallEncoderLayer, x: Tensor, mask: Tensor) -> Tensor:
        """One encoder layer: (B, S, D) -> (B, S, D)."""
        attn = layer.self_attn
        q, k, v = (split_heads(p(x), attn.num_heads) for p in (attn.q_proj, attn.k_proj, attn.v_proj))
        out, _ = attend(q, k, v, mask[:, None, None, :])
        x = layer.self_attn_layer_norm(x + self._drop(attn.out_proj(join_heads(out))))
        hidden = layer.fc2(layer.activation_fn(layer.fc1(x)))
        return layer.final_layer_norm(x + self._drop(hidden))

    def project(self, streams: Mapping[str, Stream]) -> Memories:
        """Keys and values of every stream in every decoder layer."""
        return [layer.project(streams) for layer in self.model.decoder.layers]

    def decode(
        self,
        ids: Tensor,
        memories: Memories,
        past: Past | None = None,
        record: dict[str, list[Tensor]] | None = None,
    ) -> Tensor:
        """Decoder states (B, T, D) of `ids` (B, T); with `past`, they continue what was decoded before."""
        decoder = self.model.decoder
        start = past.length if past is not None else 0
        # BlenderbotSmall normalises the token embedding before adding the position (unlike its encoder). The scale,
        # which transformers 5 omits here, keeps small embeddings well above the norm's epsilon, as in pre-training.
        x = decoder.layernorm_embedding(self.model.shared(ids) * decoder.embed_scale)
        x = self._drop(x + decoder.embed_positions.weight[start : start + ids.shape[1]])
        for layer, memory in zip(decoder.layers, memories, strict=True):
            x = layer(x, memory, past, record)
        return x

    def logits(self, states: Tensor) -> Tensor:
        """Next-token scores (..., V) of decoder states (..., D)."""
        return F.linear(states, self.model.shared.weight, self.final_logits_bias[0])

    def _drop(self, x: Tensor) -> Tensor:
        return F.dropout(x, self.config.dropout) if self.training and self.config.dropout else x
