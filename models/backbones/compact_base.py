"""The compact base: a small BlenderbotSmall trained by us, `models/weights/compact`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from transformers import BlenderbotSmallConfig

from models.backbones.encoder_decoder import EncoderDecoder
from models.data.tokenizer import Tokenizer
from models.files.checkpoint import CARD, WEIGHTS, WeightsError, load_packed, save_packed

BASE = WEIGHTS / "compact"
TOKENIZER = "tokenizer.json"
ARCHITECTURE = (
    *(
        "vocab_size",
        "d_model",
        "encoder_layers",
        "decoder_layers",
        "encoder_attention_heads",
        "decoder_attention_heads",
    ),
    *("encoder_ffn_dim", "decoder_ffn_dim", "max_position_embeddings", "scale_embedding", "activation_function"),
    *("layer_norm_eps", "dropout", "forced_eos_token_id"),
)
"""settings of a BlenderbotSmall that its card keeps"""


def load_base(folder: Path = BASE, streams: tuple[str, ...] = ()) -> tuple[Tokenizer, EncoderDecoder]:
    """Tokenizer and backbone of a compact base folder; extra streams start as copies of the context attention."""
    tensors, card = load_packed(folder)
    tokenizer = Tokenizer.load(folder / TOKENIZER)
    backbone = _empty_backbone(BlenderbotSmallConfig(**card["backbone"] | {"streams": list(streams)}))
    fill(backbone, tensors)
    return tokenizer, backbone.eval()


def _empty_backbone(config: BlenderbotSmallConfig) -> EncoderDecoder:
    """A backbone whose weights are still to be filled in: drawing random ones takes longer than reading them."""
    with torch.device("meta"):
        backbone = EncoderDecoder(config)
    backbone.to_empty(device="cpu")
    backbone.tie_weights()
    backbone.final_logits_bias.zero_()
    return backbone


def fill(backbone: EncoderDecoder, tensors: dict[str, Tensor]) -> None:
    """Copy base tensors into a backbone that may have extra streams."""
    named = {n: p for n, p in backbone.named_parameters() if "extra_attn" not in n}
    if named.keys() != tensors.keys():
        raise WeightsError(f"the base weights do not fit the backbone: {sorted(named.keys() ^ tensors.keys())[:4]}")
    with torch.no_grad():
        for name, parameter in named.items():
            parameter.copy_(tensors[name])
    backbone.copy_context_attention()


def save_base(backbone: EncoderDecoder, tokenizer: Tokenizer, card: dict[str, Any], folder: Path = BASE) -> None:
    """Pack a trained backbone, its vocabulary and its card."""
    known = backbone.config.to_dict()
    kept = {name: known[name] for name in ARCHITECTURE if name in known}
    tensors = {name: parameter.detach() for name, parameter in backbone.named_parameters()}
    save_packed(folder, tensors, card | {"backbone": kept}, {TOKENIZER: tokenizer.fast.to_str()})


def is_compact(source: str | Path) -> bool:
    """Whether `source` is a packed compact base, present or missing from its usual place."""
    return (Path(source) / CARD).is_file() or Path(source) == BASE
