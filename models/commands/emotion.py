"""Train, measure and use the compact emotion detector: `python -m models emotion`.

    python -m models emotion --text "I am so worried about my exam"                 ask
    python -m models emotion --train runs/emotion --data DIR --minutes 8            train, pack into --emotion, measure
    python -m models emotion --evaluate --data DIR                                  measure on GoEmotions' test set

DIR holds goemotions_{train,dev,test}.tsv[.gz] with a header line; one made-up row: text, label names, id.
    text                    labels              id
    I hate this so much     anger,annoyance     abc1
"""

from __future__ import annotations

import csv
import gzip
import platform
import random
from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from models.backbones.compact_base import BASE, load_base
from models.data.batches import pad_with_mask
from models.data.tokenizer import Tokenizer
from models.knowledge.emotion import GO_EMOTIONS, EmotionDetector
from models.knowledge.emotion_compact import EMOTION, CompactEmotion, EmotionNet, load_emotion, save_emotion, text_ids
from models.knowledge.shipped_or_hub import is_packed, open_emotion
from models.training.device import add_device_argument, device_of, pick_device
from models.training.fit import Fit, FitConfig, parameter_groups
from models.training.run_state import data_hash

POOL = 50
"""batches drawn together and sorted by length"""
THRESHOLDS = tuple(n / 100 for n in range(5, 71, 1))
"""tried on the dev set, per label"""

Example = tuple[list[int], list[int]]
"""(encoder ids, label numbers)"""


def add_arguments(parser: ArgumentParser) -> None:
    """Flags of `python -m models emotion`."""
    parser.add_argument("--text", action="append", default=[], help="print the reading of this text; may be repeated")
    parser.add_argument("--train", metavar="FOLDER", help="train; the resumable state goes to this folder")
    parser.add_argument("--evaluate", action="store_true", help="measure on GoEmotions' test set")
    parser.add_argument("--data", help="folder with goemotions_{train,dev,test}.tsv[.gz]")
    parser.add_argument(
        "--emotion",
        default=str(EMOTION),
        help="packed weights, read or written; to ask also a GoEmotions classifier, Hub name or folder",
    )
    parser.add_argument("--base", default=str(BASE), help="folder of the packed base")
    parser.add_argument("--minutes", type=float, default=8.0, help="wall-clock limit of the training, minutes")
    parser.add_argument("--steps", type=int, default=1_000_000, help="optimiser steps at most")
    parser.add_argument("--batch", type=int, default=64, help="texts a step")
    parser.add_argument("--lr", type=float, default=2e-3, help="peak learning rate")
    parser.add_argument("--dropout", type=float, default=0.1, help="dropout rate while training")
    parser.add_argument("--seed", type=int, default=13, help="seed of batches and dropout")
    add_device_argument(parser)


def run(args: Namespace) -> int:
    """Do what the flags say. Raises ValueError when they ask for nothing, or --data is needed and not given."""
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
    detector = load_emotion(Path(args.emotion), Path(args.base))
    detector.net.to(device)
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


class EmotionMix:
    """Tokenised examples in shuffled epochs; batch number n is always the same."""

    def __init__(self, rows: Sequence[tuple[str, list[int]]], tokenizer: Tokenizer) -> None:
        self.examples: list[Example] = [(text_ids(tokenizer, text), labels) for text, labels in rows]
        self.pad = tokenizer.pad
        self._pool: tuple[tuple[int, ...], list[list[Example]]] = ((), [])
        self._epoch: tuple[tuple[int, ...], list[int]] = ((), [])

    def batch(self, step: int, size: int, seed: int) -> tuple[Tensor, Tensor, Tensor]:
        """ids (B, S), mask (B, S), labels (B, 28) float of batch number `step`."""
        number = step // POOL
        if self._pool[0] != (number, size, seed):
            start = number * POOL * size
            pool = [self.examples[self._at(i, seed)] for i in range(start, start + POOL * size)]
            pool.sort(key=lambda example: len(example[0]))
            batches = [pool[i * size : (i + 1) * size] for i in range(POOL)]
            random.Random(f"{seed}:{number}").shuffle(batches)
            self._pool = ((number, size, seed), batches)
        rows = self._pool[1][step % POOL]
        ids, mask = pad_with_mask([ids for ids, _ in rows], self.pad, torch.device("cpu"))
        labels = torch.zeros(len(rows), len(GO_EMOTIONS))
        for n, (_, numbers) in enumerate(rows):
            labels[n, numbers] = 1.0
        return ids, mask, labels

    def _at(self, position: int, seed: int) -> int:
        epoch, place = divmod(position, len(self.examples))
        if self._epoch[0] != (epoch, seed):
            order = list(range(len(self.examples)))
            random.Random(f"{seed}:epoch:{epoch}").shuffle(order)
            self._epoch = ((epoch, seed), order)
        return self._epoch[1][place]


def emotion_loss(net: EmotionNet, batch: tuple[Tensor, Tensor, Tensor]) -> dict[str, Tensor]:
    """Binary cross-entropy, summed over labels and averaged over texts."""
    ids, mask, labels = (part.to(device_of(net)) for part in batch)
    return {"loss": F.binary_cross_entropy_with_logits(net(ids, mask).float(), labels, reduction="sum") / len(ids)}


def _train(args: Namespace) -> None:
    tokenizer, backbone = load_base(Path(args.base))
    net = EmotionNet(backbone, dropout=args.dropout)
    backbone.set_dropout(args.dropout)
    rows = read_goemotions(_folder(args), "train")
    mix = EmotionMix(rows, tokenizer)
    config = FitConfig(minutes=args.minutes, max_steps=args.steps, lr=args.lr, seed=args.seed, device=args.device)
    groups = parameter_groups([(net.backbone, 1.0), (net, 0.5)], config.weight_decay)
    about = {"task": "emotion", "batch": args.batch, "dropout": args.dropout, "data": data_hash({"train": rows})}
    fit = Fit(net, groups, config, Path(args.train), about=about)
    fit.resume()
    fit.run(lambda step: mix.batch(step, args.batch, args.seed), lambda batch: emotion_loss(net, batch))
    if not fit.is_main:
        return
    card = {
        "data": f"GoEmotions train, {len(rows)} texts (Apache-2.0)",
        "command": f"python -m models emotion --train --minutes {args.minutes} --batch {args.batch} --lr {args.lr}"
        f" --dropout {args.dropout} --seed {args.seed}",
        "hardware": f"{fit.device.type}, {torch.get_num_threads()} threads, {platform.machine()}",
        "minutes": round(fit.used_s / 60, 1),
        "steps": fit.step,
    }
    save_emotion(net, card, Path(args.emotion), Path(args.base))
    metrics = measure(load_emotion(Path(args.emotion), Path(args.base)), _folder(args))
    save_emotion(net, card | {"metrics": metrics}, Path(args.emotion), Path(args.base))


def measure(detector: CompactEmotion, folder: Path) -> dict[str, float]:
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
    """F1 of each column, in percent; 0 for a label neither predicted nor there."""
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
