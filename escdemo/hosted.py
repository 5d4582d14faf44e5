"""What is known of the nets that run here: their cards and the analyses of them. Read when a tab asks, not before."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from models.analysis.analysis import Analysis
from models.analysis.analysis_file import SHIPPED, AnalysisError, read_analysis


class NoCard(ValueError):  # noqa: N818  (reads as the sentence it is)
    """The card of a net's weights cannot be read; the message is for visitors."""


@dataclass(frozen=True)
class NetCard:
    """The card of one net's weights, and what the folder itself says."""

    net: str
    card: dict[str, Any]
    checkpoint: str
    """fingerprint of the weights"""
    size_bytes: int
    """of all files in the folder"""


@dataclass(frozen=True)
class HostedNets:
    """The nets of this run, by name."""

    names: tuple[str, ...]
    device: str
    """as asked for: auto, cpu or cuda"""
    analyses: Path = SHIPPED
    """folder with one analysis per net"""
    weights: Path | None = None
    """folder with one folder per net; None: the shipped one"""
    running: Mapping[str, str] = field(default_factory=dict)
    """checkpoints of the weights that answer, by name; a card holds where the same weights lie here"""
    away: bool = False
    """whether they answer on another server"""

    def card(self, net: str) -> NetCard:
        """Raises NoCard when it cannot be read."""
        from models.files.checkpoint import WEIGHTS, WeightsError, fingerprint, read_card  # loads torch
        from models.nets.registry import net_names

        if net not in net_names():
            raise NoCard(f"{net} is a model with a prompt, not a net that was trained here: there is no card of it.")

        folder = (self.weights or WEIGHTS) / net
        try:
            size = sum(path.stat().st_size for path in folder.iterdir() if path.is_file())
            found = NetCard(net, read_card(folder), fingerprint(folder), size)
        except (OSError, WeightsError) as fault:
            raise NoCard(f"The card of {net} cannot be read here.") from fault
        if self.running.get(net, found.checkpoint) == found.checkpoint:
            return found
        if self.away:
            raise NoCard(f"{net} runs on another server, with other weights than those that lie here.")
        raise NoCard(
            f"Other weights of {net} lie here now than when this app started, and it still runs the old ones. "
            "Restart it to run the new ones."
        )

    def analysis(self, net: str) -> Analysis:
        """Of exactly the weights that run here. Raises NoCard or AnalysisError, whose messages are for visitors."""
        card = self.card(net)
        made_for = card.checkpoint, card.card.get("base") or "", card.card.get("vocabulary", "")
        return read_analysis(self.analyses, net, *made_for)

    def runs_on(self) -> str:
        """ "cpu" or "cuda", or "another server"."""
        if self.away:
            return "another server"
        from models.training.device import pick_device  # loads torch

        return pick_device(self.device)


def lying(names: Iterable[str], weights: Path | None = None) -> dict[str, str]:
    """Checkpoints of those nets whose weights lie here now."""
    from models.files.checkpoint import WEIGHTS, WeightsError, fingerprint  # loads torch

    found = {}
    for name in names:
        with suppress(OSError, WeightsError):
            found[name] = fingerprint((weights or WEIGHTS) / name)
    return found


UNUSABLE = (NoCard, AnalysisError)
"""what a tab tells instead of showing a net"""
