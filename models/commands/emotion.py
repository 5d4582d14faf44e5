"""Train, measure and use the shipped emotion detector: `python -m models emotion`.

    python -m models emotion --text "I am so worried about my exam"                 ask
    python -m models emotion --train runs/emotion --data DIR                        train, pack into --emotion, measure
    python -m models emotion --evaluate --data DIR                                  measure on GoEmotions' test set

DIR holds goemotions_{train,dev,test}.tsv[.gz] with a header line; one made-up row: text, label names, id.
    text                    labels              id
    I hate this so much     anger,annoyance     abc1
"""

from __future__ import annotations

import csv
import gzip
import platform
from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor
from tqdm import tqdm

from models.backbones.causal_base import DEFAULT, Bases, open_causal
from models.knowledge.emotion import GO_EMOTIONS, EmotionDetector
from models.knowledge.emotion_shipped import (
    EMOTION,
    LAYERS,
    EmotionHead,
    ShippedEmotion,
    TextReader,
    load_emotion,
    save_emotion,
)
from models.knowledge.shipped_or_hub import is_packed, open_emotion
from models.training.device import add_device_argument, device_of, pick_device
from models.training.fit import Fit, FitConfig, parameter_groups
from models.training.run_state import data_hash

WARMUP = 15
"""steps of linear warm-up"""
STEPS = 6000
"""about nine epochs of GoEmotions in batches of 64"""
THRESHOLDS = tuple(n / 100 for n in range(5, 71, 1))
"""tried on the dev set, per label"""


def add_arguments(parser: ArgumentParser) -> None:
    """Add the flags of `python -m models emotion`."""
    parser.add_argument("--text", action="append", default=[], help="print the reading of this text; may be repeated")
    parser.add_argument("--train", metavar="FOLDER", help="train; the resumable state goes to this folder")
    parser.add_argument("--evaluate", action="store_true", help="measure on GoEmotions' test set")
    parser.add_argument("--data", help="folder with goemotions_{train,dev,test}.tsv[.gz]")
    parser.add_argument(
        "--emotion",
        default=str(EMOTION),
        help="packed weights, read or written; to ask also a GoEmotions classifier, Hub name or folder",
    )
    parser.add_argument(
        "--base", default=DEFAULT, help="causal base to train on: smollm2, a GGUF file, a folder or a Hub name"
    )
    parser.add_argument("--layers", type=int, default=LAYERS, help="layers of the base that read a text")
    parser.add_argument("--minutes", type=float, default=10.0, help="minutes of steps at most, once texts are read")
    parser.add_argument("--steps", type=int, default=STEPS, help="optimiser steps at most")
    parser.add_argument("--batch", type=int, default=64, help="texts a step")
    parser.add_argument("--lr", type=float, default=1e-3, help="peak learning rate")
    parser.add_argument("--dropout", type=float, default=0.3, help="dropout rate while training")
    parser.add_argument("--seed", type=int, default=13, help="seed of batches and dropout")
    add_device_argument(parser)


def run(args: Namespace) -> int:
    """Do what the flags ask for. Raises ValueError when they ask for nothing, or --data is needed and not given."""
    if not (args.train or args.text or args.evaluate):
        raise ValueError("nothing to do; give --text TEXT, --train FOLDER or --evaluate")
    if args.train:
        _train(args)
    device = pick_device(args.device)
    if not is_packed(args.emotion):
        if args.evaluate:
            raise ValueError(f"--evaluate measures packed weights, {args.emotion} is something else; give --text TEXT")
        _print_readings(args.text, open_emotion(args.emotion, device))
        return 0
    bases = Bases()
    bases.add(open_causal(args.base, device=args.device))
    detector = load_emotion(Path(args.emotion), bases).to(device)
    _print_readings(args.text, detector)
    if args.evaluate:
        for name, value in measure(detector, _folder(args)).items():
            print(f"{name:24} {value:6.2f}")
    return 0


def _print_readings(texts: Sequence[str], detector: EmotionDetector) -> None:
    for text, reading in zip(texts, detector.read(texts), strict=True):
        print(text, "  " + ", ".join(f"{emotion} {share:.2f}" for emotion, share in reading), sep="\n")


def _folder(args: Namespace) -> Path:
    if not args.data:
        raise ValueError("--data is missing; it names the folder with goemotions_train.tsv, _dev.tsv and _test.tsv")
    return Path(args.data)


def read_goemotions(folder: Path, part: str) -> list[tuple[str, list[int]]]:
    """(text, label numbers) of "train", "dev" or "test". Raises FileNotFoundError or ValueError naming the file."""
    found = [p for p in (folder / f"goemotions_{part}.tsv", folder / f"goemotions_{part}.tsv.gz") if p.is_file()]
    if not found:
        raise FileNotFoundError(f"goemotions_{part}.tsv[.gz] is missing in {folder}")
    opener = gzip.open if found[0].suffix == ".gz" else open
    with opener(found[0], "rt", encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE))
    try:
        return [(row["text"], [GO_EMOTIONS.index(name) for name in row["labels"].split(",")]) for row in rows]
    except (KeyError, ValueError, AttributeError) as fault:
        raise ValueError(f"{found[0]}: not rows of text and GoEmotions labels ({fault})") from fault


@dataclass(frozen=True)
class EmotionMix:
    """Texts as vectors, in shuffled epochs; with the same seed, batch number n is always the same."""

    found: Tensor
    """(N, 2 D)"""
    labels: Tensor
    """(N, 28) float"""

    def batch(self, step: int, size: int, seed: int) -> tuple[Tensor, Tensor]:
        """(B, 2 D) and labels (B, 28) of batch number `step`."""
        rows = torch.tensor([self._at(i, seed) for i in range(step * size, (step + 1) * size)])
        return self.found[rows], self.labels[rows]

    def _at(self, position: int, seed: int) -> int:
        epoch, place = divmod(position, len(self.found))
        known: dict[tuple[int, int], Tensor] = self.__dict__.setdefault("_orders", {})
        if (epoch, seed) not in known:
            known.clear()
            known[epoch, seed] = torch.randperm(len(self.found), generator=torch.Generator().manual_seed(seed + epoch))
        return int(known[epoch, seed][place])


def emotion_loss(head: EmotionHead, batch: tuple[Tensor, Tensor]) -> dict[str, Tensor]:
    """Binary cross-entropy, summed over labels and averaged over texts."""
    found, labels = (part.to(device_of(head)) for part in batch)
    return {"loss": F.binary_cross_entropy_with_logits(head(found).float(), labels, reduction="sum") / len(found)}


def read_all(reader: TextReader, rows: Sequence[tuple[str, list[int]]], name: str) -> Tensor:
    """Vectors (N, 2 D) of the texts; shows a progress bar."""
    with tqdm(total=len(rows), unit="text", desc=name) as bar:
        return reader.read([text for text, _ in rows], bar.update)


def _train(args: Namespace) -> None:
    base = open_causal(args.base, device=args.device)
    reader = TextReader.of(base, args.layers)
    reader.backbone.to(pick_device(args.device))
    rows = read_goemotions(_folder(args), "train")
    torch.manual_seed(args.seed)
    head = EmotionHead(base.weights.shape.width, args.dropout)
    mix = EmotionMix(read_all(reader, rows, "texts"), torch.tensor(_matrix(rows)).float())
    config = FitConfig(
        minutes=args.minutes, max_steps=args.steps, lr=args.lr, warmup=WARMUP, seed=args.seed, device=args.device
    )
    about = {"task": "emotion", "batch": args.batch, "dropout": args.dropout, "layers": reader.layers}
    about["data"] = data_hash({"train": rows})
    fit = Fit(head, parameter_groups([(head, 1.0)], config.weight_decay), config, Path(args.train), about=about)
    fit.resume()
    fit.run(lambda step: mix.batch(step, args.batch, args.seed), lambda batch: emotion_loss(head, batch))
    if not fit.is_main:
        return
    card = {
        "data": f"GoEmotions train, {len(rows)} texts (Apache-2.0)",
        "command": f"python -m models emotion --train --steps {args.steps} --batch {args.batch} --lr {args.lr}"
        f" --dropout {args.dropout} --layers {args.layers} --seed {args.seed}",
        "hardware": f"{fit.device.type}, {torch.get_num_threads()} threads, {platform.machine()}",
        "minutes": round(fit.used_s / 60, 1),
        "steps": fit.step,
    }
    save_emotion(head, base, reader.layers, card, Path(args.emotion))
    bases = Bases()
    bases.add(base)
    metrics = measure(load_emotion(Path(args.emotion), bases), _folder(args))
    save_emotion(head, base, reader.layers, card | {"metrics": metrics}, Path(args.emotion))


def measure(detector: ShippedEmotion, folder: Path) -> dict[str, float]:
    """Macro-F1 (percent) over the 28 labels of the test set, thresholds chosen on the dev set."""
    dev, test = read_goemotions(folder, "dev"), read_goemotions(folder, "test")
    dev_gold, test_gold = _matrix(dev), _matrix(test)
    dev_scores = detector.probabilities([text for text, _ in dev]).numpy()
    test_scores = detector.probabilities([text for text, _ in test]).numpy()
    one, each = thresholds(dev_scores, dev_gold)
    results = {
        "macro-F1, one threshold": macro_f1(test_scores > one, test_gold),
        "macro-F1, per label": macro_f1(test_scores > each, test_gold),
        "threshold": float(one),
    }
    return {name: round(value, 2) for name, value in results.items()}


def thresholds(scores: np.ndarray, gold: np.ndarray) -> tuple[float, np.ndarray]:
    """The single threshold with the best macro-F1, and the best one per label; scores and gold (N, labels)."""
    found = np.stack([f1_per_label(scores > threshold, gold) for threshold in THRESHOLDS])
    return THRESHOLDS[int(found.mean(axis=1).argmax())], np.array(THRESHOLDS)[found.argmax(axis=0)]


def f1_per_label(predicted: np.ndarray, gold: np.ndarray) -> np.ndarray:
    """F1 of each column, in percent; 0 for a label that is neither predicted nor annotated."""
    hits = (predicted & gold).sum(axis=0)
    return 200 * hits / np.maximum(predicted.sum(axis=0) + gold.sum(axis=0), 1)


def macro_f1(predicted: np.ndarray, gold: np.ndarray) -> float:
    """Mean over labels of `f1_per_label`."""
    return float(f1_per_label(predicted, gold).mean())


def _matrix(rows: Sequence[tuple[str, list[int]]]) -> np.ndarray:
    gold = np.zeros((len(rows), len(GO_EMOTIONS)), dtype=bool)
    for n, (_, labels) in enumerate(rows):
        gold[n, labels] = True
    return gold
