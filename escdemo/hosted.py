"""What is known of the running nets: their cards and analyses. Files are read only when a tab asks for them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from models.analysis.analysis import Analysis
from models.analysis.analysis_file import SHIPPED, AnalysisError, read_analysis


class NoCard(ValueError):  # noqa: N818  (reads as the sentence it is)
    """There is no usable card of a net's weights; the message is for visitors."""


@dataclass(frozen=True)
class NetCard:
    """The card of one net's weights, and facts about their folder."""

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
    """as requested: auto, cpu or cuda"""
    analyses: Path = SHIPPED
    """folder with one analysis per net"""
    weights: Path | None = None
    """folder with one subfolder per net; None: the shipped one"""
    running: Mapping[str, str] = field(default_factory=dict)
    """net -> checkpoint of the weights that answer; a card counts only if the weights on disk are the same"""
    away: bool = False
    """whether the nets run on another server"""

    def card(self, net: str) -> NetCard:
        """The card. Raises NoCard when there is none, it cannot be read, or other weights are running."""
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
        """The analysis of exactly these weights. Raises NoCard or AnalysisError; the messages are for visitors."""
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
    """Net -> checkpoint, for the nets whose weights are on disk here now."""
    from models.files.checkpoint import WEIGHTS, WeightsError, fingerprint  # loads torch

    found = {}
    for name in names:
        with suppress(OSError, WeightsError):
            found[name] = fingerprint((weights or WEIGHTS) / name)
    return found


UNUSABLE = (NoCard, AnalysisError)
"""errors whose message a tab shows in place of a net"""
