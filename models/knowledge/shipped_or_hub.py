"""Opens COMET, the emotion detector and similar talks named by `--comet`, `--emotion`, `--cases`, `--retriever`.

A COMET or detector is given as a Hub name or a folder, with a transformers checkpoint or our packed weights; None is
the shipped one.
"""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import Any

from models.backbones.causal_base import DEFAULT, Bases
from models.data.esconv import read_esconv, split_dialogues
from models.files.checkpoint import CARD, WeightsError, fingerprint, read_card
from models.files.hub import from_hub, revision
from models.knowledge.cases import EMBEDDINGS, RETRIEVERS, Cases, NoCases
from models.knowledge.cases_bm25 import Bm25Cases
from models.knowledge.cases_embedded import EmbeddedCases, reader_of
from models.knowledge.comet import Comet
from models.knowledge.comet_shipped import COMET, load_comet
from models.knowledge.emotion import EmotionLabels
from models.knowledge.emotion_shipped import EMOTION, load_emotion


def add_knowledge_arguments(parser: ArgumentParser) -> None:
    """Add the flags for what nets look up besides the talk, for every command that hosts, trains or measures nets."""
    parser.add_argument(
        "--comet", metavar="NAME", help="Hub name or folder of a COMET-BART instead of the shipped COMET"
    )
    parser.add_argument(
        "--emotion",
        metavar="NAME",
        help="Hub name or folder of a GoEmotions classifier instead of the shipped emotion detector",
    )
    parser.add_argument(
        "--cases",
        metavar="PATH",
        help="ESConv file or folder in whose train part nets look up similar talks (KEMI); default: that of --esconv"
        " where a command has it, else they do without",
    )
    parser.add_argument(
        "--retriever",
        choices=RETRIEVERS,
        default=RETRIEVERS[0],
        help="how similar talks are found: by their words (bm25, the default) or by vectors of the default base"
        " (embeddings, minutes to open); the same in training and use",
    )


def knowledge_of(args: Namespace) -> dict[str, Any]:
    """The values of these flags as keyword arguments for `models.serving.hosting.open_responders`."""
    return {name: getattr(args, name) for name in ("comet", "emotion", "cases", "retriever")}


def open_comet(name: str | None = None, device: str = "cpu", bases: Bases | None = None) -> Comet:
    """The COMET of that name, on a device; `bases` are the bases already open.

    Raises FileNotFoundError when it cannot be loaded, WeightsError or ValueError when it is something else.
    """
    if is_packed(name):
        comet = load_comet(_packed(name or COMET, "comet"), bases)
        comet.backbone.to(device)
        return comet
    from models.knowledge.comet_hub import HubComet  # loads transformers' models, needed for this only

    return HubComet(str(name), device)


def open_emotion(name: str | None = None, device: str = "cpu", bases: Bases | None = None) -> EmotionLabels:
    """The emotion detector of that name, on a device. Raises the same errors as `open_comet`."""
    if is_packed(name):
        return load_emotion(_packed(name or EMOTION, "emotion"), bases).to(device)
    from models.knowledge.emotion_hub import HubEmotion  # loads transformers' models, needed for this only

    return HubEmotion(str(name), device)


def open_cases(
    path: str | Path | None,
    split: str = "D",
    retriever: str = RETRIEVERS[0],
    device: str = "cpu",
    bases: Bases | None = None,
) -> Cases:
    """A case base from the train part of an ESConv file, searched by `retriever`; an empty one without a path.

    `bases` are the bases already open: embeddings come from the default one. Raises the same errors as `read_esconv`
    and `open_causal`, and ValueError for an unknown retriever.
    """
    if retriever not in RETRIEVERS:
        raise ValueError(f"the retriever is {retriever!r}; allowed: {', '.join(RETRIEVERS)}")
    if path is None:
        return NoCases()
    targets = split_dialogues(read_esconv(path), split).train
    if retriever == EMBEDDINGS:
        return EmbeddedCases(targets, reader_of((bases or Bases()).open(DEFAULT), device))
    return Bm25Cases(targets)


def comet_version(name: str | None = None) -> str:
    """The `version` that `open_comet` would give, without loading the net. Raises the same errors."""
    return _version(name, COMET, "COMET checkpoint")


def emotion_version(name: str | None = None) -> str:
    """The `version` that `open_emotion` would give, without loading the net. Raises the same errors."""
    return _version(name, EMOTION, "emotion checkpoint")


def is_packed(name: str | None) -> bool:
    """Whether this is a folder with our packed weights (None, the shipped one, is)."""
    return name is None or (Path(name) / CARD).is_file()


def _packed(folder: str | Path, kind: str) -> Path:
    """The folder as a path. Raises WeightsError when its weights are of another kind."""
    there = read_card(Path(folder)).get("kind")
    if there != kind:
        raise WeightsError(f"{folder} holds weights of {there!r}, not of {kind!r}; give the folder of one")
    return Path(folder)


def _version(name: str | None, shipped: Path, what: str) -> str:
    if is_packed(name):
        return fingerprint(Path(name or shipped))
    from transformers import AutoConfig

    config: Any = from_hub(AutoConfig, str(name), what)
    return revision(config, str(name))
