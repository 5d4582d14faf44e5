"""What is counted, and how sure it is: flags of the commands that measure replies, and the reports they ask for."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from pathlib import Path

from models.data.tokenizer import Tokenizer
from models.evaluation.bertscore import BertScores, bert_scores
from models.evaluation.definitions import TOKENISERS, Definition, Tokenise
from models.evaluation.predictions import Prediction
from models.evaluation.published import DEFINITIONS, published
from models.evaluation.report import Bootstrap, Report, measure


def add_measure_arguments(parser: ArgumentParser) -> None:
    """Flags that say what is counted, and how sure it is."""
    parser.add_argument(
        "--tokens", choices=(*TOKENISERS, "bpe"), default="words", help="what a token is in D-n, B-n and R-L"
    )
    parser.add_argument(
        "--distinct",
        choices=("correct", "legacy"),
        default="correct",
        help="n-grams counted in D-n: all, or all but the last of each reply as the public ESC code",
    )
    parser.add_argument(
        "--bpe",
        help="tokenizer of --tokens bpe: a BlenderbotSmall checkpoint (Hub name or folder; the papers' pieces), or a "
        "folder with our tokenizer.json",
    )
    parser.add_argument("--bertscore", metavar="MODEL", help="BERTScore under this model, a Hub name or a folder")
    parser.add_argument("--bertscore-layer", type=int, help="layer of the BERTScore model; needed for unknown models")
    parser.add_argument("--rounds", type=int, default=1000, help="bootstrap rounds of the intervals; 0 = no intervals")
    parser.add_argument("--bootstrap-seed", type=int, default=1, help="seed of the bootstrap")


def definition_of(args: Namespace) -> Definition:
    """The definition that the flags ask for."""
    return Definition(args.tokens, args.distinct == "legacy")


def pieces_of(source: str | None) -> Tokenise | None:
    """The word pieces of `--bpe`; None without it. Raises ValueError naming the source when it cannot be loaded."""
    if not source:
        return None
    if (Path(source) / "tokenizer.json").is_file() and not (Path(source) / "merges.txt").is_file():
        return Tokenizer.load(Path(source) / "tokenizer.json").pieces
    from models.backbones.blenderbot_90m import FullTokenizer  # loads transformers' models, needed for this only

    try:
        return FullTokenizer(source).pieces
    except (OSError, TypeError) as fault:
        raise ValueError(
            f"the tokenizer {source!r} cannot be loaded ({type(fault).__name__}); give facebook/blenderbot_small-90M, "
            "or the folder of a downloaded one, with its vocab.json and merges.txt"
        ) from fault


def bert_of(args: Namespace, predictions: Sequence[Prediction]) -> BertScores | None:
    """BERTScore where `--bertscore` asks for it."""
    if not args.bertscore:
        return None
    texts = [p.hypothesis for p in predictions], [p.reference for p in predictions]
    return bert_scores(*texts, args.bertscore, args.bertscore_layer)


def all_reports(args: Namespace, predictions: Sequence[Prediction], bpe: Tokenise | None) -> tuple[Report, ...]:
    """The report that the flags ask for, then one for each other way in which a chosen paper counts."""
    wanted = [definition_of(args), *(DEFINITIONS[row.source] for row in published(args.papers))]
    bert = bert_of(args, predictions)
    bootstrap = Bootstrap(args.rounds, args.bootstrap_seed) if args.rounds else None
    return tuple(
        measure(predictions, definition, bpe, bert, bootstrap)
        for at, definition in enumerate(dict.fromkeys(wanted))
        if at == 0 or definition.tokens != "bpe" or bpe
    )
