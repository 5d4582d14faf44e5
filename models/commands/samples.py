"""Unselected replies of nets to our twenty fixed prompts: `python -m models samples joint misc`.

Prints Markdown for EXPERIMENTS.md, so that readers can judge whether the replies are fluent and on topic.
"""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path

from models.data.prompts import read_prompts
from models.files.checkpoint import WEIGHTS
from models.knowledge.shipped_or_hub import add_knowledge_arguments, knowledge_of
from models.nets.registry import net_names
from models.serving.converse import converse
from models.serving.decode_flags import add_decode_arguments, decode_options
from models.serving.hosting import open_responders
from models.training.device import add_device_argument


def add_arguments(parser: ArgumentParser) -> None:
    """Add the flags of the command."""
    parser.add_argument("net", nargs="+", choices=net_names(), help="nets that answer")
    parser.add_argument("--weights", type=Path, default=WEIGHTS, help="folder with one folder per net")
    parser.add_argument("--seed", type=int, default=1, help="seed of the sampling")
    add_device_argument(parser, alone=True)
    add_knowledge_arguments(parser)
    add_decode_arguments(parser)


def run(args: Namespace) -> int:
    """Print one section per net; several posts are answered in turn, and the last reply is shown."""
    options = decode_options(args)
    responders = open_responders(args.net, args.device, args.weights, **knowledge_of(args))
    for name, responder in responders.items():
        print(f"\n**{name}** (`{responder.checkpoint}`, seed {args.seed}, {options.method})\n")
        for number, (situation, posts) in enumerate(read_prompts(), 1):
            reply = converse(responder, situation, posts, options, args.seed)
            print(f"{number}. {posts[-1]}  \n   *{reply.strategy or 'no strategy'}*: {reply.text}")
    return 0
