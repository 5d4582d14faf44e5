"""The nets by name. Adding a net: one file in `models/nets/`, one line here."""

from __future__ import annotations

from typing import Any

from models.backbone import Backbone
from models.examples import ContextShape
from models.nets.joint import Joint, JointConfig
from models.nets.misc import Misc, MiscConfig
from models.nets.net import Net, make_config
from models.nets.star import star_on
from models.tokenizer import Tokenizer

NETS: dict[str, tuple[type[Any], type[Net]]] = {
    "joint": (JointConfig, Joint),
    "misc": (MiscConfig, Misc),
    "star": star_on("joint", JointConfig, Joint),
    "star-misc": star_on("misc", MiscConfig, Misc),
}

_SMALL_STAR = {"pool_width": 96, "expert_width": 40, "gate_width": 12, "gate_bias": -3.0}

COMPACT: dict[str, dict[str, Any]] = {
    "joint": {"shape": ContextShape(), "strategy_weight": 0.5},
    "misc": {"shape": ContextShape(), "refine": "last", "batch_norm": "none", "pool": "first+mean"},
    "star": {"shape": ContextShape(), "below": {"strategy_weight": 0.5}, **_SMALL_STAR},
    "star-misc": {
        "shape": ContextShape(),
        "below": {"refine": "last", "batch_norm": "none", "pool": "first+mean"},
        **_SMALL_STAR,
    },
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
    build: Any = net  # the nets take (config, backbone, tokenizer), unlike their base
    return build(make_config(name, config_class, settings), backbone, tokenizer)
