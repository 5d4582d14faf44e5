"""Tiny nets for tests: a vocabulary of letters and a few words, bases 16 wide, random weights from a seed."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import torch
from tokenizers import pre_tokenizers
from torch import Tensor
from transformers import (
    BlenderbotSmallConfig,
    BlenderbotSmallForConditionalGeneration,
    LlamaConfig,
    LlamaForCausalLM,
    PreTrainedTokenizerFast,
)

from models.backbones.causal_base import Bases, CausalBase
from models.backbones.encoder_decoder import EncoderDecoder
from models.backbones.llama_weights import LlamaShape, LlamaWeights
from models.data.batches import Batch, make_batch
from models.data.chat_tokenizer import BEGIN, END, ChatTokenizer, byte_level_bpe
from models.data.dialogue import Dialogue, Speaker, Turn
from models.data.examples import OUTCOME, REPLY_EMOTION, ContextShape, Example, make_example
from models.data.outcome import Outcome
from models.data.tokenizer import ADDED_TOKENS, BASE_TOKENS, Tokenizer, wordpiece
from models.knowledge.cases import Case
from models.knowledge.comet import Comet, Query
from models.knowledge.emotion import EMOTIONS, GO_EMOTIONS, Reading
from models.nets.net import Net
from models.nets.registry import CAUSAL as ON_A_BASE
from models.nets.registry import base_name, build_net, causal_settings, net_class, streams_of
from models.nets.stored import causal_net

WORDS = (
    *("i", "you", "feel", "sad", "am", "sorry", "to", "hear", "that", "what", "happened", "lost", "my", "job"),
    *("tired", "it", "is", "hard", "hello", "thank", ".", "?", ",", "'", "!", "(", ")"),
)
LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789"


def tiny_tokenizer() -> Tokenizer:
    """Words above, single letters and letter continuations."""
    pieces = (*BASE_TOKENS, *ADDED_TOKENS, *WORDS, *LETTERS, *(f"##{letter}" for letter in LETTERS))
    return Tokenizer(wordpiece({piece: number for number, piece in enumerate(dict.fromkeys(pieces))}))


def tiny_config(vocabulary: int = 0) -> BlenderbotSmallConfig:
    """16 wide, 2 + 2 layers."""
    return BlenderbotSmallConfig(
        vocab_size=vocabulary or len(tiny_tokenizer()),
        d_model=16,
        encoder_layers=2,
        decoder_layers=2,
        encoder_attention_heads=2,
        decoder_attention_heads=2,
        encoder_ffn_dim=32,
        decoder_ffn_dim=32,
        max_position_embeddings=128,
        dropout=0.0,
    )


def tiny_backbone(streams: tuple[str, ...] = (), seed: int = 0) -> EncoderDecoder:
    """Random weights, large enough that outputs differ clearly."""
    torch.manual_seed(seed)
    config = tiny_config()
    config.streams = list(streams)
    backbone = EncoderDecoder(config)
    with torch.no_grad():
        for parameter in backbone.parameters():
            if parameter.ndim > 1:
                parameter.normal_(std=0.3)
    return backbone.eval()


def tiny_checkpoint(folder: Path, seed: int = 0) -> str:
    """The papers' backbone at that size, as the Hub has it: config, weights, vocab.json, merges.txt."""
    folder.mkdir(parents=True, exist_ok=True)
    marks = ["__null__", "__start__", "__end__", "__unk__"]
    pieces = [*marks, *LETTERS, *(f"{letter}@@" for letter in LETTERS), "sad", ".", "?", "'"]
    (folder / "vocab.json").write_text(json.dumps({piece: number for number, piece in enumerate(pieces)}))
    (folder / "merges.txt").write_text("#version: 0.2\ns a\nsa d</w>\n")
    torch.manual_seed(seed)
    BlenderbotSmallForConditionalGeneration(tiny_config(vocabulary=len(pieces))).save_pretrained(folder)
    return str(folder)


CAUSAL = "causal/"
"""before the name of a net: it stands on `tiny_causal`"""


def on_each_backbone(names: Sequence[str]) -> list[str]:
    """Names of nets for `tiny_net`, on the encoder-decoder and, but for those from scratch, on the causal base."""
    return [*names, *(CAUSAL + name for name in names if not net_class(name)[1].from_scratch)]


def tiny_chat_tokenizer() -> ChatTokenizer:
    """Bytes and the marks of the chat format."""
    marks = ["<|endoftext|>", BEGIN, END]
    return ChatTokenizer(byte_level_bpe([*marks, *sorted(pre_tokenizers.ByteLevel.alphabet())], []), marks)


def tiny_causal(seed: int = 0) -> CausalBase:
    """16 wide, 2 layers, 4 query heads to 2 key heads; random weights, large enough that outputs differ clearly."""
    torch.manual_seed(seed)
    words = tiny_chat_tokenizer()
    weights = LlamaWeights(LlamaShape(16, 2, 4, 2, 4, 32, words.known, 512), torch.float32)
    for name, parameter in weights.named_parameters():
        parameter.data = torch.ones_like(parameter) if "norm" in name else torch.randn_like(parameter) * 0.3
    return CausalBase("tiny", "0" * 12, weights, words)


class Moved(Bases):
    """Gives one base whatever is asked for: its name in a card is not where a test's checkpoint lies."""

    def __init__(self, base: CausalBase) -> None:
        super().__init__()
        self.base = base

    def open(self, source: str) -> CausalBase:
        return self.base


def tiny_llama(seed: int = 1, **settings: int) -> LlamaForCausalLM:
    """Another Llama of that size, as transformers has it."""
    torch.manual_seed(seed)
    sizes = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2}
    words = tiny_chat_tokenizer().known
    config = LlamaConfig(**sizes | {"intermediate_size": 32, "vocab_size": words} | settings, tie_word_embeddings=True)
    return LlamaForCausalLM(config).eval()


def tiny_llama_folder(place: Path, seed: int = 1) -> Path:
    """A checkpoint of it, saved to disk as the Hub's are."""
    tiny_llama(seed).save_pretrained(place)
    marks = {"bos_token": BEGIN, "eos_token": END, "pad_token": "<|endoftext|>"}
    PreTrainedTokenizerFast(tokenizer_object=tiny_chat_tokenizer().fast, **marks).save_pretrained(place)
    return place


def tiny_net(name: str, **settings: object) -> Net:
    """A net of the registry on a tiny backbone, with its settings on a causal base unless told otherwise.

    Low-rank changes on the causal base are not nothing at first, so that tests see them.
    """
    if name.startswith(CAUSAL):
        name, base = name.removeprefix(CAUSAL), tiny_causal()
        chosen = {**causal_settings(name), **settings}
        chosen["shape"] = replace(chosen["shape"], tokens=160)  # a letter is a token
        net = causal_net(name, chosen, 3, base)
        for key, parameter in net.backbone.named_parameters():
            if key.endswith((".b", "gate.value")) and parameter.requires_grad:
                parameter.data.normal_(std=0.3)
        return net.eval()
    usual = causal_settings(name) if base_name(name) in ON_A_BASE else {}
    chosen = {**usual, "shape": replace(ContextShape(), tokens=48), **settings}
    return build_net(name, chosen, tiny_backbone(streams_of(name, chosen)), tiny_tokenizer()).eval()


def settled_nets(*names: str) -> list[Net]:
    """Nets on one `tiny_causal` as `load_net` leaves them, ready to be hosted; float32 and unpacked."""
    base, nets = tiny_causal(), []
    for seed, name in enumerate(names):
        torch.manual_seed(seed)
        settings = causal_settings(name)
        settings["shape"] = replace(settings["shape"], tokens=160)
        net = causal_net(name, settings, 3, base)
        for key, parameter in net.backbone.named_parameters():
            if key.endswith((".b", "gate.value")) and parameter.requires_grad:
                parameter.data.normal_(std=0.3)
        net.eval().requires_grad_(requires_grad=False).backbone.settle()
        nets.append(net)
    return nets


TAILS = tuple(
    SimpleNamespace(relation=r, text=t) for r, t in [("xReact", "sad"), ("xWant", "to hear"), ("oReact", "sorry")]
)

SIMILAR = (
    Case("1", "i am tired", "Question", "what happened to you?"),
    Case("2", "i lost it", "Others", "hello"),
)


def tiny_examples(net: Net, tails: int = 3) -> list[Example]:
    """Four supporter turns of different lengths and strategies."""
    texts = ["hello", "i lost my job. i am sad", "it is hard to hear that you feel tired", "what happened to you?"]
    replies = ["i am sorry.", "what happened?", "that is hard. i am sorry to hear that", "thank you"]
    strategies = ["Others", "Question", "Reflection of feelings", "Information"]
    emotions = ["sadness", "anxiety", "", "Anger"]
    examples = []
    for number, (text, reply, strategy) in enumerate(zip(texts, replies, strategies, strict=True)):
        earlier = (Turn(Speaker.SEEKER, "hello"), Turn(Speaker.SUPPORTER, "hello", "Others")) * (number % 2)
        dialogue = Dialogue((*earlier, Turn(Speaker.SEEKER, text)), "i lost my job", emotions[number], "job crisis")
        answer = Turn(Speaker.SUPPORTER, reply, strategy)
        known = (TAILS[: max(0, tails - number)], TAILS[:tails])
        heard: list[Reading] = [(("sadness", 0.7), ("neutral", 0.3)), (("fear", 1.0),)][: number % 2 + 1]
        listened = heard if tails and number != 2 else []  # nets have to cope without a detector
        example = make_example(
            dialogue,
            answer,
            known,
            net.tokenizer,
            net.shape,
            listened,
            wants=net.wants,
            cases=SIMILAR[: max(0, tails - 1)],
        )
        labels = tuple(float(label == number) for label in range(len(GO_EMOTIONS)))
        outcome = Outcome(rating=number + 2, relief=number - 1, later=(number, 3)[:number])
        followed = {REPLY_EMOTION: labels, OUTCOME: outcome}
        examples.append(replace(example, **{want: told for want, told in followed.items() if want in net.wants}))
    return examples


class MadeUpComet(Comet):
    """Answers every query with the same tail."""

    version = "made up"

    def answer(self, queries: Sequence[Query]) -> list[tuple[str, ...]]:
        """One tail per query."""
        return [("sad",)] * len(queries)


class MadeUpEmotions:
    """A detector that hears every emotion in every text."""

    version = "made up"

    def read(self, texts: Sequence[str]) -> list[Reading]:
        """The same reading for each text, anxiety first."""
        return [tuple((emotion, 1 / len(EMOTIONS)) for emotion in EMOTIONS) for _ in texts]


def tiny_batch(net: Net, tails: int = 3) -> Batch:
    """The four examples as a batch."""
    return make_batch(tiny_examples(net, tails))


def tiny_loss(net: Net, batch: Batch) -> Tensor:
    """The parts of a net's loss, combined as its own weighting does at the start."""
    return net.weighting().combine(net.losses(batch))
