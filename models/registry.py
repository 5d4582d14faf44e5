"""The nets by name. Adding a net: one file in `models/nets/`, one line here."""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from typing import Any

from models.backbone import Backbone
from models.examples import ContextShape
from models.nets.joint import Joint, JointConfig
from models.nets.misc import Misc, MiscConfig
from models.nets.net import Net
from models.tokenizer import Tokenizer

NETS: dict[str, tuple[type[Any], type[Net]]] = {
    "joint": (JointConfig, Joint),
    "misc": (MiscConfig, Misc),
}

COMPACT: dict[str, dict[str, Any]] = {
    "joint": {"shape": ContextShape(), "strategy_weight": 0.5},
    "misc": {"shape": ContextShape(), "refine": "last", "batch_norm": "none", "pool": "first+mean"},
}
"""Where a net on the compact backbone departs from its published settings; the reasons are in EXPERIMENTS.md."""


def net_class(name: str) -> tuple[type[Any], type[Net]]:
    """(config class, net class). Raises ValueError listing the names."""
    if name not in NETS:
        raise ValueError(f"unknown net {name!r}; allowed: {', '.join(NETS)}")
    return NETS[name]


def build_net(name: str, settings: dict[str, Any], backbone: Backbone, tokenizer: Tokenizer) -> Net:
    """A net on a backbone that has its streams. `settings` are config fields (a saved config, or `COMPACT[name]`)."""
    config_class, net = net_class(name)
    known = {f.name for f in fields(config_class)}
    if not settings.keys() <= known:
        raise ValueError(f"net {name!r} has no setting {sorted(settings.keys() - known)}; allowed: {sorted(known)}")
    values = {k: ContextShape(**v) if k == "shape" and not is_dataclass(v) else v for k, v in settings.items()}
    build: Any = net  # the nets take (config, backbone, tokenizer), unlike their base
    return build(config_class(**values), backbone, tokenizer)
