"""Commonsense triples -> heads with their tails -> batches, for training and measuring the shipped COMET.

Place in the flow: triple files -> Head -> HeadBatch -> models.commands.comet. The files are tab-separated with a header
line that names the columns, gzipped or not; one made-up row of each kind:
    kind       split  head                       relation  tail         tails for texts of ESConv, by ESConv's split D
    utterance  train  My boss yelled at me       xReact    upset
    split  head                    relation  tail                       Event2Mind; ATOMIC is the same without split
    train  PersonX forgets ___     xReact    embarrassed

ATOMIC says PersonX where a seeker says "I": PersonX becomes the first person (`first_person`), PersonY "someone".
"""

from __future__ import annotations

import csv
import gzip
import random
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from models.data.batches import pad_with_mask
from models.data.relations import RELATIONS, SITUATION_RELATIONS
from models.data.tokenizer import Tokenizer
from models.knowledge.comet import normalise
from models.knowledge.comet_shipped import event_ids, prefixes, tail_ids

POOL = 16
"""number of batches drawn together and sorted by event length, so that each holds events of similar length"""
GROUPS = 3
"""number of parts that a batch's tails are split into by length, each padded on its own"""
SETS: dict[str, tuple[str, ...]] = {
    "atomic": ("atomic2020_test_per_relation.tsv", "atomic2020_system_eval5000.tsv", "atomic2018_xIntent.tsv"),
    "event2mind": ("event2mind.tsv",),
}
"""the files of each open data set, all in one folder, gzipped or not"""


@dataclass(frozen=True)
class Head:
    """An event and its known (relation, tail) pairs."""

    event: str
    tails: tuple[tuple[str, str], ...]

    def by_relation(self) -> dict[str, list[str]]:
        """Relation -> its tails, without "none"."""
        found: dict[str, list[str]] = defaultdict(list)
        for relation, tail in self.tails:
            if tail != "none":
                found[relation].append(tail)
        return dict(found)


def read_rows(path: Path) -> list[dict[str, str]]:
    """Rows of a triple file with one of the nine relations. Raises FileNotFoundError, or ValueError naming file and
    column."""
    if not path.is_file():
        raise FileNotFoundError(f"triple file {path} is missing")
    opener = gzip.open if path.suffix == ".gz" else open
    with opener(path, "rt", encoding="utf-8", newline="") as lines:
        reader = csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE)
        missing = {"head", "relation", "tail"} - set(reader.fieldnames or ())
        if missing:
            raise ValueError(f"{path} is no triple file: column {sorted(missing)[0]!r} is missing in its first line")
        return [row for row in reader if row["relation"] in RELATIONS and row["tail"] and row["head"]]


def esconv_heads(path: Path, splits: Iterable[str]) -> list[Head]:
    """Heads of the given splits of the ESConv triple file; events that also occur in another split are left out.

    The file contains no "none", so each relation that was queried but has no tail gets one: a model can learn to say
    nothing (for a situation, no relations about others are queried).
    """
    wanted, rows = set(splits), read_rows(path)
    elsewhere = {normalise(row["head"]) for row in rows if row["split"] not in wanted}
    asked: dict[str, set[str]] = defaultdict(set)
    tails: dict[str, dict[tuple[str, str], None]] = defaultdict(dict)
    for row in rows:
        if normalise(row["head"]) not in elsewhere:
            event = " ".join(row["head"].split())
            asked[event].update(SITUATION_RELATIONS if row["kind"] == "situation" else RELATIONS)
            tails[event][row["relation"], first_person(row["tail"]).lower()] = None
    heads = []
    for event, pairs in tails.items():
        silent = [r for r in RELATIONS if r in asked[event] and all(r != relation for relation, _ in pairs)]
        heads.append(Head(event, (*pairs, *((relation, "none") for relation in silent))))
    return heads


def atomic_heads(folder: Path) -> dict[str, list[Head]]:
    """Heads of each of `SETS` in `folder`, in the first person. Raises FileNotFoundError when one is missing."""
    return {name: _open_heads(folder, files) for name, files in SETS.items()}


def _open_heads(folder: Path, files: Sequence[str]) -> list[Head]:
    found = [path for name in files for path in (folder / name, folder / f"{name}.gz") if path.is_file()]
    if not found:
        raise FileNotFoundError(f"no triple file in {folder}; expected any of {', '.join(files)} or the same .gz")
    tails: dict[str, dict[tuple[str, str], None]] = defaultdict(dict)
    for path in found:
        for row in read_rows(path):
            tails[first_person(row["head"])][row["relation"], first_person(row["tail"]).lower()] = None
    return [Head(event, tuple(pairs)) for event, pairs in tails.items()]


def first_person(text: str) -> str:
    """An ATOMIC text in a seeker's words: "PersonX loses PersonX's job" -> "I lose my job"."""
    text = re.sub(r"_{2,}", "something", text)
    text = re.sub(r"\bperson\s?y\b", "someone", text, flags=re.IGNORECASE)
    text = re.sub(r"\bperson\s?z\b", "someone else", text, flags=re.IGNORECASE)
    text = re.sub(r"\bperson\s?x\s?['`’]\s?s\b", "my", text, flags=re.IGNORECASE)
    text = re.sub(r"^\s*person\s?x\s+(\w+)", lambda m: f"I {_plain_verb(m[1])}", text, flags=re.IGNORECASE)
    text = re.sub(r"\bperson\s?x\b", "me", text, flags=re.IGNORECASE)
    return re.sub(r"\s+(?=['`’]s\b)", "", " ".join(text.split()))


_VERBS = {"is": "am", "has": "have", "does": "do", "goes": "go", "was": "was", "always": "always"}


def _plain_verb(word: str) -> str:
    """The first-person form of a third-person verb, derived from its ending: "tries" -> "try"."""
    if word.lower() in _VERBS:
        return _VERBS[word.lower()]
    if word.endswith("ies") and len(word) > 4:
        return word[:-3] + "y"
    if re.search(r"(ss|sh|ch|x|zz)es$", word):
        return word[:-2]
    return word[:-1] if re.search(r"[^su]s$", word) else word


@dataclass(frozen=True)
class TailGroup:
    """Decoder rows of similar length: inputs and labels (M, T; -100 = no loss); owner (M,) is the event of each row."""

    inputs: Tensor
    labels: Tensor
    owner: Tensor


@dataclass(frozen=True)
class HeadBatch:
    """Events (N, S) with mask, and their tails."""

    ids: Tensor
    mask: Tensor
    groups: tuple[TailGroup, ...]


class HeadMix:
    """Weighted sets of tokenised heads; batch number n is always the same."""

    def __init__(self, sets: Mapping[str, Sequence[Head]], weights: dict[str, float], tokenizer: Tokenizer) -> None:
        self.names, self.tokenizer = sorted(sets), tokenizer
        self.weights = [weights[name] for name in self.names]
        self._prefixes = prefixes(tokenizer)
        self.sets = {name: [self._ids(head) for head in sets[name]] for name in self.names}
        self._pool: tuple[tuple[int, ...], list[list[tuple[list[int], list[list[int]]]]]] = ((), [])

    def _ids(self, head: Head) -> tuple[list[int], list[list[int]]]:
        """Ids of the event, and decoder ids for every tail: the relation's prefix (`prefixes`), tail, end mark."""
        t = self.tokenizer
        return event_ids(t, head.event), [[*self._prefixes[r], *tail_ids(t, r, tail), t.eos] for r, tail in head.tails]

    def batch(self, step: int, size: int, tails: int, seed: int) -> HeadBatch:
        """Batch number `step`: `size` events with at most `tails` tails each."""
        number = step // POOL
        if self._pool[0] != (number, size, seed):
            rng = random.Random(f"{seed}:{number}")
            heads = [rng.choice(self.sets[n]) for n in rng.choices(self.names, self.weights, k=size * POOL)]
            heads.sort(key=lambda head: len(head[0]))
            batches = [heads[i * size : (i + 1) * size] for i in range(POOL)]
            rng.shuffle(batches)
            self._pool = ((number, size, seed), batches)
        rng = random.Random(f"{seed}:{step}:tails")
        return self._collate(self._pool[1][step % POOL], tails, rng)

    def _collate(self, heads: list[tuple[list[int], list[list[int]]]], tails: int, rng: random.Random) -> HeadBatch:
        cpu = torch.device("cpu")
        ids, mask = pad_with_mask([event for event, _ in heads], self.tokenizer.pad, cpu)
        rows = [(tail, n) for n, (_, all_) in enumerate(heads) for tail in rng.sample(all_, min(tails, len(all_)))]
        rows.sort(key=lambda row: len(row[0]))
        groups, size = [], -(-len(rows) // GROUPS)
        for part in (rows[i : i + size] for i in range(0, len(rows), size)):
            tokens, known = pad_with_mask([tail for tail, _ in part], self.tokenizer.pad, cpu)
            labels = tokens[:, 1:].masked_fill(~known[:, 1:], -100)
            labels[:, : len(next(iter(self._prefixes.values()))) - 1] = -100  # the relation is given, not learnt
            groups.append(TailGroup(tokens[:, :-1], labels, torch.tensor([n for _, n in part])))
        return HeadBatch(ids, mask, tuple(groups))
