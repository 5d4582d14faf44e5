"""Items for a study from our own nets: `python -m models items joint misc --cards CARDS --out items.jsonl`.

Each net answers each drawn context (see `contexts`) with the shipped decoding. `python -m annotation study import
--items OUT` reads the file OUT: contexts, replies with strategy and checkpoint, and the trace of each; NAME.run.json
beside it holds the settings. An interrupted run continues (models.files.resume_journal), and OUT is written only when
it is complete. With --esconv the items hold texts of ESConv (CC BY-NC 4.0).
"""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from dataclasses import asdict
from pathlib import Path
from typing import Any

from tqdm import tqdm

from models.data.contexts import MAX_TURN, MIN_TURN, Context, card_contexts, draw_contexts, esconv_contexts, item_row
from models.data.esconv import PARTS, read_esconv
from models.files.checkpoint import WEIGHTS, fingerprint, sha256
from models.files.resume_journal import Journal
from models.knowledge.cases import RETRIEVERS
from models.knowledge.shipped_or_hub import (
    add_knowledge_arguments,
    comet_version,
    emotion_version,
    knowledge_of,
)
from models.nets.registry import net_names
from models.nets.stored import net_folder
from models.serving.hosting import open_responders
from models.serving.trace import DECODING, USUAL
from models.training.device import add_device_argument, pick_device


def add_arguments(parser: ArgumentParser) -> None:
    """Add the flags of the command."""
    parser.add_argument("net", nargs="+", choices=net_names(), help="nets that answer; the systems of the study")
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--cards", type=Path, metavar="FILE", help="JSON list of role cards: their opening lines")
    source.add_argument("--esconv", metavar="PATH", help="ESConv file or folder, or thu-coai/esconv")
    parser.add_argument(
        "--part", default="test", choices=(*PARTS, "all"), help="of ESConv: which part of split D, or all dialogues"
    )
    parser.add_argument("--min-turn", type=int, default=MIN_TURN, help="of ESConv: fewest turns before the reply")
    parser.add_argument("--max-turn", type=int, default=MAX_TURN, help="of ESConv: most turns before the reply")
    parser.add_argument("--count", type=int, default=60, help="contexts, each of another card or dialogue")
    parser.add_argument("--seed", type=int, default=1, help="seed of the draw; item n is decoded with seed + n")
    parser.add_argument("--out", type=Path, default=Path("items.jsonl"), help="the file of items")
    parser.add_argument(
        "--overwrite", action="store_true", help="throw away items of OUT that were made with other settings"
    )
    parser.add_argument("--weights", type=Path, default=WEIGHTS, help="folder with one folder per net")
    add_device_argument(parser, alone=True)
    add_knowledge_arguments(parser)
    parser.add_argument(
        "--decode",
        choices=tuple(DECODING),
        default=USUAL,
        help="warm: as in the app; careful: the papers' sampling without copies; guided: by what is due; topical: the"
        " best of several",
    )


def run(args: Namespace) -> int:
    """Make the items; those that an interrupted run made are kept."""
    options, args.device = DECODING[args.decode], pick_device(args.device)
    contexts = draw_contexts(_contexts(args), args.count, args.seed)
    run = args.out.with_name(f"{args.out.stem}.run.json")
    journal = Journal(args.out, run, _settings(args), lambda row: str(row["id"]), overwrite=args.overwrite)
    missing = [number for number, context in enumerate(contexts) if context.id not in journal.made]
    if len(missing) < len(contexts):
        print(f"{len(contexts) - len(missing)} of {len(contexts)} items are in {args.out.parent} and stay as they are")
    knowledge = knowledge_of(args) | {"cases": args.cases or args.esconv}
    responders = open_responders(args.net, args.device, args.weights, **knowledge) if missing else {}
    for number in tqdm(missing, desc="items", initial=len(contexts) - len(missing), total=len(contexts)):
        answered = contexts[number].dialogue
        replies = {name: one.respond(answered, options, args.seed + number) for name, one in responders.items()}
        journal.add([item_row(contexts[number], replies)])
    journal.finish([context.id for context in contexts])
    print(f"{len(contexts)} items with {len(contexts) * len(args.net)} replies: {args.out}")
    return 0


def _contexts(args: Namespace) -> tuple[Context, ...]:
    if args.cards is not None:
        return card_contexts(args.cards)
    return esconv_contexts(read_esconv(args.esconv), args.part, args.min_turn, args.max_turn)


def _settings(args: Namespace) -> dict[str, Any]:
    """All settings that determine the items."""
    source = Path(args.cards or args.esconv)
    return {
        "nets": {name: fingerprint(net_folder(name, args.weights)) for name in args.net},
        "comet": comet_version(args.comet),
        "emotion": emotion_version(args.emotion),
        "source": "cards" if args.cards is not None else "esconv",
        "sha256": sha256(source) if source.is_file() else str(source),
        "part": args.part,
        "turns": [args.min_turn, args.max_turn],
        "count": args.count,
        "seed": args.seed,
        "device": args.device,
        "decode": asdict(DECODING[args.decode]),
        **({"cases": args.cases} if args.cases else {}),
        **({"retriever": args.retriever} if args.retriever != RETRIEVERS[0] else {}),
    }
