"""One reply on the command line: `python -m models respond --net misc --situation "..." --text "..." --seed 1 --json`.

Several `--text` flags are the seeker's posts in order; the net answers each, and the last reply is printed.
"""

from __future__ import annotations

import json
from argparse import ArgumentParser, Namespace
from dataclasses import fields

from models.data.dialogue import Dialogue, Speaker, Turn
from models.data.strategies import STRATEGIES
from models.nets.registry import net_names
from models.serving.hosting import open_responders
from models.serving.responder import Responder
from models.serving.trace import DecodeOptions, Reply
from models.training.device import add_device_argument


def add_arguments(parser: ArgumentParser) -> None:
    """Flags of the command."""
    parser.add_argument("--net", default="misc", choices=net_names(), help="which net answers")
    parser.add_argument("--situation", default="", help="the seeker's situation, in free text")
    parser.add_argument("--text", action="append", required=True, help="a post of the seeker; give it again for more")
    parser.add_argument("--seed", type=int, default=1, help="seed of the sampling; the same seed gives the same reply")
    add_device_argument(parser, alone=True)
    parser.add_argument("--json", action="store_true", help="print reply and trace as JSON")
    add_decode_arguments(parser)


def add_decode_arguments(parser: ArgumentParser) -> None:
    """One flag per decode option, with the paper's settings as defaults."""
    help_of = {
        "method": "sample, greedy, beam, or rerank (the sample that fits the dialogue best)",
        "top_p": "probability mass kept when sampling, in (0, 1]",
        "top_k": "candidates kept when sampling, 0 = all",
        "temperature": "divides the scores when sampling, > 0",
        "repetition_penalty": "weakens tokens already in the reply, >= 1",
        "no_repeat_ngram": "no run of so many word pieces occurs twice in a reply; 0 = allowed",
        "beams": "beam width of method beam",
        "candidates": "samples drawn for method rerank",
        "topicality": "method rerank: how much a reply loses by being likely whatever the seeker said, 0 to 1",
        "min_tokens": "word pieces before the reply may end",
        "max_tokens": "word pieces after which the reply is cut",
    }
    for option in fields(DecodeOptions):
        kind = type(option.default)
        parser.add_argument(
            f"--{option.name.replace('_', '-')}", type=kind, default=option.default, help=help_of[option.name]
        )


def decode_options(args: Namespace) -> DecodeOptions:
    """The options the flags ask for. Raises ValueError naming the option out of range."""
    return DecodeOptions(**{option.name: getattr(args, option.name) for option in fields(DecodeOptions)})


def converse(responder: Responder, situation: str, posts: list[str], options: DecodeOptions, seed: int) -> Reply:
    """Answer each post in turn; returns the last reply."""
    turns: tuple[Turn, ...] = ()
    for post in posts:
        turns += (Turn(Speaker.SEEKER, post),)
        reply = responder.respond(Dialogue(turns, situation), options, seed)
        turns += (Turn(Speaker.SUPPORTER, reply.text, reply.strategy),)
    return reply


def run(args: Namespace) -> int:
    """Print the last reply."""
    options = decode_options(args)
    responder = open_responders([args.net], args.device)[args.net]
    reply = converse(responder, args.situation, args.text, options, args.seed)
    if args.json:
        print(json.dumps(reply.to_dict(), ensure_ascii=False, indent=1))
        return 0
    print(reply.text)
    mixture = sorted(zip(STRATEGIES, reply.trace.strategies, strict=True), key=lambda pair: -pair[1])
    told = ", ".join(f"{name} {share:.0%}" for name, share in mixture[:3])
    print("strategies: " + (told if reply.strategy else "this net predicts none"))
    for block in sorted(reply.trace.blocks, key=lambda b: -b.weight)[:6]:
        print(f"  {block.source:9} {block.relation:8} {block.weight:.3f}  {block.text}")
    return 0
