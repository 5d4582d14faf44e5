"""Map the decoder states of nets (STAR, figure 4): `python -m models map joint star --esconv PATH`.

Writes OUT/NET.json for each net, without any text: where the decoder states of the turns of some dialogues lie in a
t-SNE and a PCA plane, their K-means clusters, and how well these match the gold strategies. The page's Map tab shows
it. All nets of one call are mapped on the same turns. An existing file made with other settings is refused.
"""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path

from models.analysis.map_file import MAX_TURNS, map_path, read_map, write_map
from models.analysis.map_turns import Said, described, drawn_turns, hash_of, said_in
from models.analysis.state_map import MapAbout, make_map
from models.analysis.states import decoder_states
from models.backbones.causal_base import Bases
from models.data.esconv import Target, read_esconv, split_dialogues
from models.data.esconv_flags import add_esconv_arguments
from models.files.checkpoint import WEIGHTS, read_card
from models.knowledge.comet import add_tails_argument
from models.knowledge.shipped_or_hub import add_knowledge_arguments
from models.nets.net import Net
from models.nets.registry import net_names
from models.nets.stored import load_net, net_folder
from models.training.device import add_device_argument, pick_device
from models.training.preflight import check_known
from models.training.provenance import made_of, notes_on
from models.training.turn_examples import besides_for, comet_for, examples_of


def add_arguments(parser: ArgumentParser) -> None:
    """Add the flags of the command."""
    parser.add_argument("net", nargs="+", choices=net_names(), help="trained nets to map")
    add_esconv_arguments(parser, "test")
    parser.add_argument(
        "--dialogues", type=int, default=40, help="dialogues drawn; all their supporter turns are mapped"
    )
    add_tails_argument(parser)
    add_knowledge_arguments(parser)
    parser.add_argument("--weights", type=Path, default=WEIGHTS, help="folder with one folder per net")
    parser.add_argument("--out", type=Path, default=Path("runs/map"), help="folder for the files, where app.py looks")
    parser.add_argument("--overwrite", action="store_true", help="replace a map of other settings in OUT")
    parser.add_argument("--seed", type=int, default=13, help="seed of the drawn dialogues, of K-means and t-SNE")
    add_device_argument(parser, alone=True)


def run(args: Namespace) -> int:
    """Map each net, write its file and print the figures.

    Raises WeightsError or ValueError before the first net is mapped for unusable weights, counts or files.
    """
    if args.dialogues < 1:
        raise ValueError(f"--dialogues is {args.dialogues}; want at least 1")
    args.device = pick_device(args.device)
    dialogues = read_esconv(args.esconv)
    drawn = drawn_turns(split_dialogues(dialogues, args.split).part(args.part), args.dialogues, args.seed)
    if len(drawn) > MAX_TURNS:
        raise ValueError(f"--dialogues {args.dialogues} have {len(drawn)} turns; a map holds at most {MAX_TURNS:,}")
    replies = said_in(dialogues, drawn)
    bases = Bases(args.device)
    nets = {name: load_net(net_folder(name, args.weights), bases=bases) for name in args.net}
    abouts = {name: _about(args, name, net, replies) for name, net in nets.items()}
    for name, about in abouts.items():
        _check_file(map_path(args.out, name), about, overwrite=args.overwrite)
    for name, net in nets.items():
        _map(args, net.to(args.device), drawn, replies, abouts[name])
    print("".join(f"{note}\n" for note in notes_on(about.measured_on for about in abouts.values())), end="")
    return 0


def _about(args: Namespace, name: str, net: Net, replies: Sequence[Said]) -> MapAbout:
    made = made_of(args, name, net, hash_of(replies))
    base = read_card(args.weights / name).get("base") or ""
    count = len({one.dialogue for one in replies})
    known = made | {"base": base, "source": "ESConv", "dialogues": count, "seed": args.seed}
    return MapAbout(**{field.name: known[field.name] for field in fields(MapAbout)})


def _check_file(path: Path, about: MapAbout, *, overwrite: bool) -> None:
    """Raises ValueError when the file holds a map made with other settings, or no map."""
    if overwrite or not path.is_file():
        return
    advice = "give another --out, or --overwrite to lose it"
    try:
        there = read_map(path).about
    except ValueError as error:
        raise ValueError(f"{path}: {error}; {advice}") from error
    names = [field.name for field in fields(MapAbout)]
    other = [
        f"{name} {getattr(there, name)!r} there, {getattr(about, name)!r} now"
        for name in names
        if getattr(there, name) != getattr(about, name)
    ]
    if other:
        raise ValueError(f"{path} was made with other settings ({'; '.join(other)}); {advice}")


def _map(args: Namespace, net: Net, drawn: Sequence[Target], replies: Sequence[Said], about: MapAbout) -> None:
    examples = examples_of(
        drawn,
        comet_for(net, args.tails, args.comet, args.device),
        net.tokenizer,
        net.shape,
        besides_for(args, args.device, net),
    )
    check_known(net, examples)
    states, strategies = decoder_states(net, examples)
    found = make_map(about, described(replies, strategies), states)
    path = map_path(args.out, about.net)
    write_map(found, path)
    print(f"{about.net}, {about.measured_on}, {about.dialogues} dialogues: {found.figures}; written to {path}")
