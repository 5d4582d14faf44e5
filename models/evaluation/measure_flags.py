"""Flags of the commands that measure replies (what is counted, how sure it is), and the reports that they request."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from pathlib import Path

from models.data.tokenizer import Tokenizer
from models.evaluation.bertscore import BertScores, bert_scores
from models.evaluation.definitions import BY_PAPER, TOKENISERS, WORDS, Definition, Pieces
from models.evaluation.predictions import Prediction
from models.evaluation.published import DEFINITIONS, counted, published
from models.evaluation.report import Bootstrap, Report, measure
from models.files.hub import hub_files

PAPERS_PIECES = "facebook/blenderbot_small-90M"
"""model whose word pieces MISC and its successors count"""
FILES = ("vocab.json", "merges.txt", "tokenizer_config.json")


def add_measure_arguments(parser: ArgumentParser) -> None:
    """Add the flags that set what is counted, and how its uncertainty is computed."""
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
        "--definitions",
        choices=tuple(BY_PAPER),
        help="count as this paper does, instead of --tokens and --distinct; those of MISC take the word pieces of"
        f" {PAPERS_PIECES} from the Hub, unless --bpe names a folder",
    )
    parser.add_argument(
        "--bpe",
        help="tokenizer of --tokens bpe: a BlenderbotSmall checkpoint (Hub name or folder; the papers' pieces), or a "
        "folder with our tokenizer.json (a net trained from scratch)",
    )
    parser.add_argument("--bertscore", metavar="MODEL", help="BERTScore under this model, a Hub name or a folder")
    parser.add_argument("--bertscore-layer", type=int, help="layer of the BERTScore model; needed for unknown models")
    parser.add_argument("--rounds", type=int, default=1000, help="bootstrap rounds of the intervals; 0 = no intervals")
    parser.add_argument("--bootstrap-seed", type=int, default=1, help="seed of the bootstrap")


def definition_of(args: Namespace) -> Definition:
    """The definition that the flags set. Raises ValueError when they set two."""
    counted_by_flags = Definition(args.tokens, args.distinct == "legacy")
    if not args.definitions:
        return counted_by_flags
    if counted_by_flags not in (WORDS, BY_PAPER[args.definitions]):
        raise ValueError(f"--definitions {args.definitions} sets --tokens and --distinct; leave these out")
    return BY_PAPER[args.definitions]


def pieces_of(args: Namespace) -> Pieces | None:
    """The word pieces of `--bpe`, or those that `--definitions` needs; None without either.

    Raises ValueError naming the source when it cannot be loaded.
    """
    needed = args.definitions and BY_PAPER[args.definitions].tokens == "bpe"
    source = args.bpe or (PAPERS_PIECES if needed else None)
    if not source:
        return None
    if (Path(source) / "tokenizer.json").is_file() and not (Path(source) / "merges.txt").is_file():
        return _pieces(source, Tokenizer.load(Path(source) / "tokenizer.json"))
    try:
        folder = hub_files(source, FILES)  # first, so that without a network it fails before the slow import
        from models.backbones.blenderbot_90m import FullTokenizer  # loads transformers' models, needed only here

        return _pieces(source, FullTokenizer(str(folder)))
    except (OSError, TypeError, ValueError) as fault:
        reason = (str(fault).strip().splitlines() or [type(fault).__name__])[0]
        raise ValueError(
            f"the tokenizer {source!r} cannot be loaded ({reason}); where there is a network, run `hf download"
            f" {PAPERS_PIECES} {' '.join(FILES)} --local-dir FOLDER`, then give --bpe FOLDER"
        ) from fault


def _pieces(source: str, tokenizer: Tokenizer) -> Pieces:
    """The pieces under a name that may be published: no path of this machine."""
    folder = Path(source)
    return Pieces(f"{folder.resolve().name}@{tokenizer.digest()}" if folder.is_dir() else source, tokenizer.pieces)


def bert_of(args: Namespace, predictions: Sequence[Prediction]) -> BertScores | None:
    """BERTScore, if `--bertscore` asks for it."""
    if not args.bertscore:
        return None
    texts = [p.hypothesis for p in predictions], [p.reference for p in predictions]
    return bert_scores(*texts, args.bertscore, args.bertscore_layer)


def all_reports(args: Namespace, predictions: Sequence[Prediction], bpe: Pieces | None) -> tuple[Report, ...]:
    """The report that the flags set, then one for each other definition of the chosen papers."""
    rows = published(args.papers)
    wanted = [definition_of(args), *(DEFINITIONS[row.source] for row in rows), *map(counted, rows)]
    bert = bert_of(args, predictions)
    bootstrap = Bootstrap(args.rounds, args.bootstrap_seed) if args.rounds else None
    return tuple(
        measure(predictions, definition, bpe, bert, bootstrap)
        for at, definition in enumerate(dict.fromkeys(wanted))
        if at == 0 or definition.tokens != "bpe" or bpe
    )
