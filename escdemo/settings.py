"""The settings of one run of the app: address, database, nets, mode and more.

`app.py` makes them from the command line. They are checked here and never change afterwards.
"""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, get_args

from models.knowledge.cases import RETRIEVERS
from models.serving.trace import DECODING, USUAL, DecodeOptions
from models.systems.server_address import check_address

Device = Literal["auto", "cpu", "cuda"]
Mode = Literal["demo", "study"]


@dataclass(frozen=True)
class Settings:
    """All settings of the app. An invalid value raises ValueError naming the flag and what is allowed."""

    host: str = "127.0.0.1"
    """address to listen on; 0.0.0.0 lets other machines in"""
    port: int = 7860
    """TCP port, 1 to 65535"""
    database: str = "sqlite:///escdemo.db"
    """SQLAlchemy address of the judgment database"""
    nets: tuple[str, ...] = ("joint", "misc", "admisc", "star")
    """registry names of the nets to load, at least two different ones"""
    study: str | None = None
    """name of the study, where models' names are hidden until the vote; None: demo, names shown"""
    device: Device = "auto"
    """where the nets run"""
    decode: str = USUAL
    """how replies are decoded: a name in `models.serving.trace.DECODING`"""
    create_key: str = ""
    """whoever knows this key may create studies in the browser; empty: nobody may"""
    trusted_hosts: tuple[str, ...] = ()
    """names by which browsers may call this server, besides the loopback names and `host`"""
    upload_key: bytes = field(default_factory=lambda: secrets.token_bytes(32), repr=False, compare=False)
    """signs the passes that allow uploads; lasts as long as this run"""
    max_post_chars: int = 2000
    """longest message of a seeker, characters"""
    max_situation_chars: int = 1000
    """longest description of a situation, characters"""
    max_posts: int = 200
    """most messages of a seeker per conversation"""
    comet: str | None = None
    """Hub name or folder of the COMET whose commonsense the nets read; None: the shipped one"""
    emotion: str | None = None
    """Hub name or folder of the emotion detector; None: the shipped one"""
    cases: str | None = None
    """ESConv file or folder; nets look up similar talks in its train part; None: no such look-up"""
    retriever: str = RETRIEVERS[0]
    """how similar talks are found: one of `models.knowledge.cases.RETRIEVERS`"""
    analysis: str | None = None
    """folder with the nets' analyses, as `python -m models analyse` writes them; None: the shipped ones"""
    maps: str = "runs/map"
    """folder with maps of decoder states (`python -m models map`), preferred to the shipped ones"""
    esconv: str | None = None
    """ESConv file or folder from which visitors may have maps made; None: they may not"""
    backend: str | None = None
    """address of a `python -m models serve` whose nets answer; None: they run here"""

    systems: str | None = None
    """file of further systems, see `models.systems.systems_file`; those named in `nets` answer"""

    def __post_init__(self) -> None:
        if self.backend is not None:
            check_address(self.backend, "--backend")
        checks = {
            "--host": (bool(self.host.strip()), self.host, "a host name or address"),
            "--port": (1 <= self.port <= 65535, self.port, "1 to 65535"),
            "--trusted-host": (
                all(_is_host(name) for name in self.trusted_hosts),
                ", ".join(self.trusted_hosts),
                "a host name or address without scheme and port, such as escdemo.example.org",
            ),
            "--database": ("://" in self.database, self.database, "an address such as sqlite:///escdemo.db"),
            "--nets": (
                len(self.nets) >= 2 and len(set(self.nets)) == len(self.nets) and all(self.nets),
                ",".join(self.nets),
                "at least two different names, separated by commas, such as joint,misc",
            ),
            "--study": (self.study is None or _is_study_name(self.study), self.study, "1 to 60 letters, digits, . _ -"),
            "--decode": (self.decode in DECODING, self.decode, ", ".join(DECODING)),
            "--retriever": (self.retriever in RETRIEVERS, self.retriever, ", ".join(RETRIEVERS)),
            "--analysis": (
                self.analysis is None or Path(self.analysis).is_dir(),
                self.analysis,
                "a folder that `python -m models analyse` wrote",
            ),
            "--device": (self.device in get_args(Device), self.device, ", ".join(get_args(Device))),
        }
        for flag, (ok, got, allowed) in checks.items():
            if not ok:
                raise ValueError(f"{flag} is {got!r}; allowed: {allowed}")

    @property
    def options(self) -> DecodeOptions:
        """How replies are decoded."""
        return DECODING[self.decode]

    @property
    def mode(self) -> Mode:
        """ "study" hides the names until the vote, "demo" shows them at once."""
        return "study" if self.study else "demo"


def _is_host(name: str) -> bool:
    """A name, an IPv4 address, or an IPv6 address with or without brackets."""
    return re.fullmatch(r"[A-Za-z0-9_-][A-Za-z0-9._-]*|\[?[0-9A-Fa-f:]*:[0-9A-Fa-f:.]*\]?", name) is not None


def _is_study_name(name: str) -> bool:
    """Whether a study name is plain enough for file names and table rows."""
    return 1 <= len(name) <= 60 and all(letter.isalnum() or letter in "._-" for letter in name)
