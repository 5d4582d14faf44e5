"""One reply on the command line: `python -m models respond --net misc --situation "..." --text "..." --seed 1 --json`.

Several `--text` flags are the seeker's posts in order; the net answers each, and the last reply is printed.
"""

from __future__ import annotations

import json
from argparse import ArgumentParser, Namespace

from models.data.strategies import STRATEGIES
from models.knowledge.shipped_or_hub import add_knowledge_arguments, knowledge_of
from models.nets.registry import net_names
from models.serving.converse import converse
from models.serving.decode_flags import add_decode_arguments, decode_options
from models.serving.hosting import open_responders
from models.training.device import add_device_argument


def add_arguments(parser: ArgumentParser) -> None:
    """Add the flags of the command."""
    parser.add_argument("--net", default="misc", choices=net_names(), help="which net answers")
    parser.add_argument("--situation", default="", help="the seeker's situation, in free text")
    parser.add_argument("--text", action="append", required=True, help="a post of the seeker; give it again for more")
    parser.add_argument("--seed", type=int, default=1, help="seed of the sampling; the same seed gives the same reply")
    add_device_argument(parser, alone=True)
    add_knowledge_arguments(parser)
    parser.add_argument("--json", action="store_true", help="print reply and trace as JSON")
    add_decode_arguments(parser)


def run(args: Namespace) -> int:
    """Answer the posts and print the last reply."""
    options = decode_options(args)
    responder = open_responders([args.net], args.device, **knowledge_of(args))[args.net]
    reply = converse(responder, args.situation, args.text, options, args.seed)
    if args.json:
        print(json.dumps(reply.to_dict(), ensure_ascii=False, indent=1))
        return 0
    print(reply.text)
    mixture = sorted(zip(STRATEGIES, reply.trace.strategies, strict=True), key=lambda pair: -pair[1])
    likeliest = ", ".join(f"{name} {share:.0%}" for name, share in mixture[:3])
    print("strategies: " + (likeliest if reply.strategy else "this net predicts none"))
    for block in sorted(reply.trace.blocks, key=lambda b: -b.weight)[:6]:
        print(f"  {block.source:9} {block.relation:8} {block.weight:.3f}  {block.text}")
    return 0
