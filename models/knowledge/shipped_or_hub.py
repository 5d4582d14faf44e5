"""COMET and the emotion detector as the flags `--comet` and `--emotion` name them: shipped, or a full one.

A value is a Hub name or a folder, of a checkpoint of transformers or of our packed weights; None is the shipped one.
"""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from models.files.checkpoint import CARD, WeightsError, fingerprint, read_card
from models.files.hub import from_hub, revision
from models.knowledge.comet import Comet
from models.knowledge.comet_compact import COMET, load_comet
from models.knowledge.emotion import EmotionLabels
from models.knowledge.emotion_compact import EMOTION, load_emotion


def add_knowledge_arguments(parser: ArgumentParser) -> None:
    """The flags `--comet`, `--emotion` and `--cases` of every command that hosts, trains or measures nets."""
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


def open_comet(name: str | None = None, device: str = "cpu") -> Comet:
    """The COMET of that name, on a device.

    Raises FileNotFoundError when it cannot be loaded, WeightsError or ValueError when it is something else.
    """
    if is_packed(name):
        comet = load_comet(_packed(name or COMET, "comet"))
        comet.backbone.to(device)
        return comet
    from models.knowledge.comet_hub import HubComet  # loads transformers' models, needed for this only

    return HubComet(str(name), device)


def open_emotion(name: str | None = None, device: str = "cpu") -> EmotionLabels:
    """The emotion detector of that name, on a device. Raises as `open_comet`."""
    if is_packed(name):
        detector = load_emotion(_packed(name or EMOTION, "emotion"))
        detector.net.to(device)
        return detector
    from models.knowledge.emotion_hub import HubEmotion  # loads transformers' models, needed for this only

    return HubEmotion(str(name), device)


def comet_version(name: str | None = None) -> str:
    """What `open_comet` gives as `version`, without loading the net. Raises as `open_comet`."""
    return _version(name, COMET, "COMET checkpoint")


def emotion_version(name: str | None = None) -> str:
    """What `open_emotion` gives as `version`, without loading the net. Raises as `open_comet`."""
    return _version(name, EMOTION, "emotion checkpoint")


def is_packed(name: str | None) -> bool:
    """Whether that is a folder of packed weights of ours."""
    return name is None or (Path(name) / CARD).is_file()


def _packed(folder: str | Path, kind: str) -> Path:
    """The folder. Raises WeightsError when it is of another kind."""
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
