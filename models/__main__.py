"""The command line of the models: `python -m models COMMAND ...`, one module per command.

A command module has `add_arguments(parser)` and `run(args) -> int` (the exit status). It is imported only when its
command is asked for, so that `--help` answers at once and a command never pays for the libraries of another.
"""

from __future__ import annotations

import importlib
import sys
from argparse import ArgumentDefaultsHelpFormatter, ArgumentParser
from collections.abc import Mapping, Sequence

COMMANDS: dict[str, tuple[str, str]] = {
    "respond": ("models.commands.respond", "answer a seeker on the command line, with the trace of the reply"),
    "serve": ("models.commands.serve", "serve nets to any client of the OpenAI chat-completions protocol"),
    "train": ("models.commands.train", "fine-tune a net on ESConv"),
    "support": ("models.commands.support", "train the support adapter that all nets on a causal base share"),
    "comet": ("models.commands.comet", "train or try the generator of commonsense tails"),
    "emotion": ("models.commands.emotion", "train or try the emotion detector"),
    "evaluate": (
        "models.commands.evaluate",
        "measure nets on a part of ESConv beside the published figures",
    ),
    "score": ("models.commands.score", "measure a file of replies and references"),
    "compare": ("models.commands.compare", "compare two systems on the same turns, with intervals and tests"),
    "seeds": ("models.commands.seeds", "strategies and perplexity of several trainings of a net: mean and deviation"),
    "tables": ("models.commands.tables", "print the papers' tables with all that was measured, with intervals"),
    "samples": ("models.commands.samples", "answer the twenty fixed prompts, unselected"),
    "items": ("models.commands.items", "make the items of a study: contexts with the reply and trace of each net"),
    "analyse": ("models.commands.analyse", "make the figures of a net that the page shows: a file without any text"),
    "interference": ("models.commands.interference", "how losses pull against each other"),
    "knowledge": ("models.commands.knowledge", "whether nets use their knowledge: other blocks, or none"),
    "map": ("models.commands.map", "map the decoder states of nets: clusters and strategies, for the page's Map tab"),
    "benchmark": ("models.commands.benchmark", "measure how long replies take, or training steps (`benchmark train`)"),
}


def main(argv: Sequence[str] | None = None, commands: Mapping[str, tuple[str, str]] = COMMANDS) -> int:
    """Run one command and return its exit status: 2 for wrong usage, bad input or a full disk, else the command's."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    if not arguments or arguments[0] in ("-h", "--help"):
        print(overview(commands), file=sys.stdout if arguments else sys.stderr)
        return 0 if arguments else 2
    name = arguments[0]
    if name not in commands:
        return complain(f"unknown command {name!r}; allowed: {', '.join(commands)}")
    module_name, summary = commands[name]
    try:
        module = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        return complain(f"{name} needs the module {error.name}; install requirements.txt or update your copy")
    parser = ArgumentParser(
        prog=f"python -m models {name}", description=summary, formatter_class=ArgumentDefaultsHelpFormatter
    )
    module.add_arguments(parser)
    try:
        return int(module.run(parser.parse_args(arguments[1:])))
    except (ValueError, OSError) as error:
        return complain(str(error))
    except KeyboardInterrupt:
        print("stopped", file=sys.stderr)
        return 130


def overview(commands: Mapping[str, tuple[str, str]]) -> str:
    """The text of `--help`: every command with its summary."""
    width = max(len(name) for name in commands)
    lines = [f"  {name:<{width}}  {summary}" for name, (_, summary) in commands.items()]
    return "\n".join(
        ["usage: python -m models COMMAND [--help] ...", "", "commands:", *lines, "", "COMMAND --help shows its flags."]
    )


def complain(message: str) -> int:
    """Print an error for the user and return the exit status for it."""
    print(f"error: {message}", file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main())
