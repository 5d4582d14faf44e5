"""The file that defines other systems: one TOML table each.

[gpt-4o-mini-5-sc]
url = "https://api.openai.com/v1"
model = "gpt-4o-mini"
key = "OPENAI_API_KEY"        # the NAME of the environment variable that holds the key
examples = 5                  # 0, or drawn from the file below
esconv = "ESConv.json"
strategy = "joint"            # SC: the net that names the strategy
max_requests = 500
max_cost = 2.0
price_in = 0.15               # of a million tokens
price_out = 0.60
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from models.backbones.causal_base import DEFAULT
from models.nets.registry import net_names
from models.systems.budget import Limits
from models.systems.server_address import check_address, host_of

NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,39}")
VARIABLE = re.compile(r"[A-Z_][A-Z0-9_]{0,99}")


class SystemSettings(BaseModel):
    """One table: a prompted model on a server, or the prompted default base."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    url: str = ""
    """address of the API, /v1 included; "" for the default base in this process"""
    model: str = ""
    """its name on the server"""
    key: str = ""
    """name of the environment variable that holds the key; "": the server needs none"""
    examples: Annotated[int, Field(ge=0, le=20)] = 0
    """examples in the prompt"""
    esconv: str = ""
    """the ESConv file that the examples are drawn from"""
    strategy: str = ""
    """the net whose strategy the prompt names; "": the model chooses"""
    temperature: Annotated[float, Field(gt=0, le=2)] = 0.7
    top_p: Annotated[float, Field(gt=0, le=1)] = 1.0
    max_tokens: Annotated[int, Field(ge=1, le=128)] = 100
    """maximum length of a reply"""
    timeout_s: Annotated[float, Field(gt=0, le=600)] = 60.0
    """seconds for one reply"""
    max_requests: Annotated[int, Field(ge=1)] = 1000
    max_cost: Annotated[float, Field(gt=0)] | None = None
    price_in: Annotated[float, Field(ge=0)] | None = None
    price_out: Annotated[float, Field(ge=0)] | None = None

    @property
    def limits(self) -> Limits:
        """Limits on requests and cost in one run. Raises ValueError, see `Limits`."""
        return Limits(self.max_requests, self.max_cost, self.price_in, self.price_out)

    @property
    def sends_to(self) -> str:
        """The host that words are sent to, "" when they stay on this machine."""
        return host_of(self.url) if self.url else ""

    def key_in(self, environment: Mapping[str, str] = os.environ) -> str:
        """The key. Raises ValueError when the variable is not set."""
        if not self.key:
            return ""
        found = environment.get(self.key, "").strip()
        if not found:
            raise ValueError(f"the environment variable {self.key} is not set; it holds the key of {self.url}")
        return found


PROMPTED = {DEFAULT: SystemSettings()}
"""systems that need no file: the default base, prompted without any training"""


def read_systems(file: Path | None) -> dict[str, SystemSettings]:
    """The systems of a file, and those that need no file.

    Raises FileNotFoundError, or ValueError naming file, table and field; a value that may be a key is not repeated.
    """
    if file is None:
        return dict(PROMPTED)
    if not file.is_file():
        raise FileNotFoundError(f"no file of systems at {file}; write one table for each system")
    try:
        tables = tomllib.loads(file.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"{file}: not TOML ({error})") from None
    return {**PROMPTED, **{name: _system(file, name, table) for name, table in tables.items()}}


def _system(file: Path, name: str, table: Any) -> SystemSettings:
    where = f"{file}, [{name}]"
    if not NAME.fullmatch(name) or not isinstance(table, dict):
        raise ValueError(f"{where}: want a table named by 1 to 40 of a-z, 0-9, . _ -")
    if name in (*net_names(), *PROMPTED):
        raise ValueError(f"{where}: that name is taken; give the system another one")
    try:
        found = SystemSettings.model_validate(table)
        _check(found)
    except ValidationError as error:
        first: Any = error.errors()[0]
        raise ValueError(f"{where}: {'.'.join(map(str, first['loc']))}: {first['msg']}") from None
    except ValueError as error:
        raise ValueError(f"{where}: {error}") from None
    return found


def _check(found: SystemSettings) -> None:
    """Raises ValueError for settings that do not fit together."""
    if found.url:
        check_address(found.url, "url", safe=True)
    if bool(found.url) != bool(found.model):
        raise ValueError("url and model belong together; without both, the default base in this process is prompted")
    if found.key and not VARIABLE.fullmatch(found.key):
        raise ValueError(
            "key must be the NAME of an environment variable, such as OPENAI_API_KEY, never the key itself"
        )
    if bool(found.examples) != bool(found.esconv):
        raise ValueError("examples and esconv belong together: the examples are drawn from that ESConv file")
    if found.strategy and found.strategy not in net_names():
        raise ValueError(f"strategy is {found.strategy!r}; allowed: a net, {', '.join(net_names())}")
    _ = found.limits
