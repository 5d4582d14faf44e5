"""The decode options as flags of a command."""

from __future__ import annotations

from argparse import ArgumentParser, BooleanOptionalAction, Namespace
from dataclasses import fields

from models.serving.trace import DecodeOptions


def add_decode_arguments(parser: ArgumentParser) -> None:
    """One flag per decode option, with the paper's settings as defaults."""
    help_of = {
        "method": "sample, guided (by what is due to this dialogue), greedy, beam, or rerank (the best of several)",
        "top_p": "probability mass kept when sampling, in (0, 1]",
        "top_k": "candidates kept when sampling, 0 = all",
        "temperature": "divides the scores when sampling, > 0",
        "repetition_penalty": "weakens tokens already in the reply, >= 1",
        "no_repeat_ngram": "no run of so many word pieces occurs twice in a reply; 0 = allowed",
        "no_copy_ngram": "no run of so many word pieces of the seeker's situation and last message; 0 = allowed",
        "beams": "beam width of method beam",
        "candidates": "samples drawn for method rerank",
        "topicality": "methods guided and rerank: how much is lost by being likely whatever the seeker said, 0 to 1",
        "min_tokens": "word pieces before the reply may end",
        "max_tokens": "word pieces after which the reply is cut",
        "fresh_questions": "latest supporter turns as whose questions no sentence may begin; 0 allows it",
        "lone_sentence": "a reply may be a single sentence that asks nothing",
        "voice": "ask for warm answers that take up what was said, as our own talks have them (data/own_talks.py)",
    }
    for option in fields(DecodeOptions):
        flag, default = f"--{option.name.replace('_', '-')}", option.default
        if isinstance(default, bool):
            parser.add_argument(flag, action=BooleanOptionalAction, default=default, help=help_of[option.name])
        else:
            parser.add_argument(flag, type=type(default), default=default, help=help_of[option.name])


def decode_options(args: Namespace) -> DecodeOptions:
    """The options that the flags set. Raises ValueError naming the option out of range."""
    return DecodeOptions(**{option.name: getattr(args, option.name) for option in fields(DecodeOptions)})
