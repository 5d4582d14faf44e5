"""What interferes with what (STAR, section 5.3): `python -m models interference joint star --esconv PATH`.

Two views of a trained net, written to OUT/NET and free of any text, each with the settings it was made with:
    gradients.json    cosine similarity of the gradients of each pair of loss parts, over batches, by parameter group
    states.json       how well the final decoder states separate by strategy: silhouette, NMI, ARI
    states.csv        one row a turn: its place in a t-SNE plane, its K-means cluster, its gold strategy
Everything is measured without dropout. A folder of other settings (as its run.json says) is refused.
"""

from __future__ import annotations

import csv
import io
import json
import random
from argparse import ArgumentParser, Namespace
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from sklearn.cluster import KMeans
from sklearn.manifold import TSNE
from sklearn.metrics import adjusted_rand_score, normalized_mutual_info_score, silhouette_score

from models.analysis.gradients import gradient_cosines
from models.data.batches import make_batch
from models.data.esconv import PARTS, Target, read_esconv, split_dialogues
from models.data.examples import Example
from models.data.strategies import STRATEGIES
from models.files.checkpoint import WEIGHTS
from models.files.resume_journal import claim, holds
from models.files.whole_file import write_whole
from models.knowledge.comet import add_tails_argument
from models.knowledge.shipped_or_hub import add_knowledge_arguments
from models.nets.net import Net
from models.nets.registry import net_names
from models.nets.stored import Bases, load_net, net_folder
from models.training.device import add_device_argument, device_of, pick_device
from models.training.preflight import check_known
from models.training.provenance import made_of, notes_on
from models.training.run_state import data_hash
from models.training.turn_examples import comet_for, emotions_for, examples_of

FILES = GRADIENTS, STATES, POINTS = "gradients.json", "states.json", "states.csv"
RUN = "run.json"
"""the settings that all of them were made with"""


@dataclass(frozen=True)
class Separation:
    """How decoder states cluster, beside the gold strategies."""

    turns: int
    silhouette_gold: float
    """mean silhouette with the gold strategies as clusters, -1 to 1"""
    silhouette_clusters: float
    """the same with K-means' own clusters"""
    nmi: float
    """normalised mutual information of clusters and gold strategies, 0 to 1"""
    ari: float
    """adjusted Rand index of clusters and gold strategies, 0 at chance, 1 when equal"""


@torch.inference_mode()
def decoder_states(net: Net, examples: Sequence[Example], size: int = 32) -> np.ndarray:
    """(N, D): mean over the gold reply's tokens of the states the vocabulary reads, after the predicted strategy."""
    net.eval()
    rows = []
    for start in range(0, len(examples), size):
        batch = make_batch(examples[start : start + size]).to(device_of(net))
        states = net.reply_states(net.plan(batch), batch.labels).float()
        keep = (batch.labels >= 0)[..., None]
        rows.append(((states * keep).sum(dim=1) / keep.sum(dim=1)).cpu())
    return torch.cat(rows).numpy()


def separate(states: np.ndarray, gold: Sequence[int], seed: int) -> tuple[Separation, np.ndarray, np.ndarray]:
    """Figures, K-means clusters (N,) and t-SNE plane (N, 2) of states (N, D).

    Raises ValueError for fewer turns than clusters, or turns that are all of one strategy.
    """
    if len(states) <= len(STRATEGIES) or len(set(gold)) < 2:
        raise ValueError(
            f"{len(states)} turns of {len(set(gold))} strategies cannot be clustered; give more than {len(STRATEGIES)}"
            " turns of at least 2 strategies"
        )
    clusters = KMeans(len(STRATEGIES), n_init=10, random_state=seed).fit_predict(states)
    perplexity = min(30.0, (len(states) - 1) / 3)
    plane = TSNE(2, perplexity=perplexity, init="pca", random_state=seed).fit_transform(states)
    figures = Separation(
        len(states),
        float(silhouette_score(states, gold)),
        float(silhouette_score(states, clusters)),
        float(normalized_mutual_info_score(gold, clusters)),
        float(adjusted_rand_score(gold, clusters)),
    )
    return figures, clusters, plane


def add_arguments(parser: ArgumentParser) -> None:
    """Flags of the command."""
    parser.add_argument("net", nargs="+", choices=net_names(), help="trained nets to look into")
    parser.add_argument("--esconv", required=True, help="ESConv file or folder, or thu-coai/esconv")
    parser.add_argument(
        "--split", default="D", choices=("D", "E"), help="D: by dialogue; E: MISC's, by example (leaky)"
    )
    parser.add_argument("--part", default="valid", choices=PARTS, help="which part of the split")
    parser.add_argument("--batches", type=int, default=50, help="batches whose gradients are compared")
    parser.add_argument("--batch", type=int, default=16, help="turns a batch")
    parser.add_argument("--turns", type=int, default=1000, help="turns at most whose decoder states are clustered")
    add_tails_argument(parser)
    add_knowledge_arguments(parser)
    parser.add_argument("--weights", type=Path, default=WEIGHTS, help="folder with one folder per net")
    parser.add_argument("--out", type=Path, default=Path("runs/interference"), help="folder for the files")
    parser.add_argument(
        "--overwrite", action="store_true", help="throw away what OUT/NET holds from a run with other settings"
    )
    parser.add_argument(
        "--seed", type=int, default=13, help="seed of the sample of turns, of draws in losses, K-means, t-SNE"
    )
    add_device_argument(parser, alone=True)


def run(args: Namespace) -> int:
    """Measure each net and write its files; prints the figures.

    Raises WeightsError or ValueError before the first net is measured for unusable weights, sizes or folders.
    """
    _check_sizes(args)
    args.device = pick_device(args.device)
    dialogues = read_esconv(args.esconv)
    targets = split_dialogues(dialogues, args.split).part(args.part)
    wanted = min(len(targets), max(args.batches * args.batch, args.turns))
    targets = tuple(random.Random(args.seed).sample(targets, wanted))
    data = data_hash({"dialogues": dialogues})
    bases = Bases()
    nets = {name: load_net(net_folder(name, args.weights), bases=bases) for name in args.net}
    sizes = {name: getattr(args, name) for name in ("batches", "batch", "turns", "seed", "device")}
    abouts = {name: made_of(args, name, net, data) | sizes for name, net in nets.items()}
    for name, about in abouts.items():
        holds(args.out / name / RUN, _files(args.out / name), about, overwrite=args.overwrite)
    for name, net in nets.items():
        _measure(args, net.to(args.device), targets, abouts[name])
    print("".join(f"{note}\n" for note in notes_on(about["measured_on"] for about in abouts.values())), end="")
    return 0


def _files(folder: Path) -> list[Path]:
    return [folder / name for name in FILES]


def _check_sizes(args: Namespace) -> None:
    for name, least in {"batches": 1, "batch": 1, "turns": len(STRATEGIES) + 1}.items():
        if getattr(args, name) < least:
            raise ValueError(f"--{name} is {getattr(args, name)}; want at least {least}")


def _measure(args: Namespace, net: Net, targets: Sequence[Target], about: Mapping[str, Any]) -> None:
    """Both views of one net."""
    examples = examples_of(
        targets,
        comet_for(net, args.tails, args.comet, args.device),
        net.tokenizer,
        net.shape,
        emotions_for(net, args.emotion, args.device),
    )
    check_known(net, examples)
    examples = [example for example in examples if example.strategy >= 0]
    chosen = examples[: args.turns]
    gold = [example.strategy for example in chosen]
    separation, clusters, plane = separate(decoder_states(net, chosen), gold, args.seed)
    starts = range(0, min(len(examples), args.batches * args.batch), args.batch)
    torch.manual_seed(args.seed)  # the losses of MoEL and MIME draw
    cosines = gradient_cosines(net, (make_batch(examples[i : i + args.batch]) for i in starts))
    name, folder = about["net"], args.out / about["net"]
    claim(folder / RUN, _files(folder), about)  # now that all is measured: nothing is lost to a net that cannot be
    found = {"settings": about, "cosines": [asdict(cosine) for cosine in cosines]}
    write_whole(folder / GRADIENTS, json.dumps(found, indent=1) + "\n")
    found = {"settings": about, "strategies": STRATEGIES, **asdict(separation)}
    write_whole(folder / STATES, json.dumps(found, indent=1) + "\n")
    write_whole(folder / POINTS, _points(plane, clusters, gold))
    for cosine in cosines:
        print(f"{name} {cosine.group}: {cosine.first} / {cosine.second} {cosine.mean:+.3f} (sd {cosine.spread:.3f})")
    print(f"{name}, {about['measured_on']}: {separation}; written to {folder}")


def _points(plane: np.ndarray, clusters: np.ndarray, gold: Sequence[int]) -> str:
    lines = io.StringIO()
    writer = csv.writer(lines, lineterminator="\n")
    writer.writerow(("x", "y", "cluster", "strategy"))
    for (x, y), cluster, strategy in zip(plane.tolist(), clusters.tolist(), gold, strict=True):
        writer.writerow((round(x, 3), round(y, 3), cluster, STRATEGIES[strategy]))
    return lines.getvalue()
