"""The nets by name. To add a net, add one file in `models/nets/` and one line here; a variant is a line of settings."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import Any

from models.backbones.interface import Backbone
from models.data.examples import ContextShape
from models.data.tokenizer import Tokenizer
from models.nets.admisc import Admisc, AdmiscConfig
from models.nets.emstremo import Emstremo, EmstremoConfig
from models.nets.fado import Fado, FadoConfig
from models.nets.glhg import Glhg, GlhgConfig
from models.nets.joint import Joint, JointConfig
from models.nets.kemi import Kemi, KemiConfig
from models.nets.misc import Misc, MiscConfig
from models.nets.multiesc import Multiesc, MultiescConfig
from models.nets.net import Net, make_config
from models.nets.scbg import Scbg, ScbgConfig
from models.nets.star import star_on
from models.nets.supporter import Supporter, SupporterConfig
from models.nets.transesc import Transesc, TransescConfig


class Nets(Mapping[str, tuple[type[Any], type[Net]]]):
    """(config class, net class) by name. Those in `later`, (module, config class, net class), are imported on first
    use: they need transformers' layers, whose import takes two seconds and 130 MB, and no other net needs that.
    """

    def __init__(self, here: dict[str, tuple[type[Any], type[Net]]], later: dict[str, tuple[str, str, str]]) -> None:
        self._here, self._later = here, later

    def __getitem__(self, name: str) -> tuple[type[Any], type[Net]]:
        if name in self._here:
            return self._here[name]
        module, *classes = self._later[name]
        config, net = (getattr(import_module(module), known) for known in classes)
        return config, net

    def __iter__(self) -> Iterator[str]:
        yield from self._here
        yield from self._later

    def __len__(self) -> int:
        return len(self._here) + len(self._later)

    def __contains__(self, name: object) -> bool:
        return name in self._here or name in self._later


HERE: dict[str, tuple[type[Any], type[Net]]] = {
    "joint": (JointConfig, Joint),
    "misc": (MiscConfig, Misc),
    "admisc": (AdmiscConfig, Admisc),
    "kemi": (KemiConfig, Kemi),
    "emstremo": (EmstremoConfig, Emstremo),
    "fado": (FadoConfig, Fado),
    "multiesc": (MultiescConfig, Multiesc),
    "transesc": (TransescConfig, Transesc),
    "glhg": (GlhgConfig, Glhg),
    "supporter": (SupporterConfig, Supporter),
    "scbg": (ScbgConfig, Scbg),
    "star": star_on("joint", JointConfig, Joint),
    "star-misc": star_on("misc", MiscConfig, Misc),
    "star-admisc": star_on("admisc", AdmiscConfig, Admisc),
    "star-kemi": star_on("kemi", KemiConfig, Kemi),
    "star-emstremo": star_on("emstremo", EmstremoConfig, Emstremo),
}
FROM_SCRATCH = {
    "transformer": ("models.nets.transformer", "TransformerConfig", "Transformer"),
    "mt-transformer": ("models.nets.transformer", "MtTransformerConfig", "Transformer"),
    "moel": ("models.nets.moel", "MoelConfig", "Moel"),
    "mime": ("models.nets.mime", "MimeConfig", "Mime"),
}
NETS = Nets(HERE, FROM_SCRATCH)

_SMALL_MISC = {"refine": "last", "batch_norm": "none", "pool": "first+mean", "course": True}
_SMALL_ADMISC = {
    "pool": "first+mean",
    "head_width": 192,
    "refine": "dot",
    "gate_values": "one",
    "ffn_width": 48,
    "sources": "apart",
    "fusion": "table",
    "raw_streams": False,
    "strategy_train": "gold",
    "course": True,
}
_SMALL_EMSTREMO = {"batch_norm": False, "pool": "first+mean", "strategy_weight": 1.0, "course": True}
_SMALL_STAR = {"pool_width": 96, "expert_width": 40, "gate_width": 12, "change": True, "top": 0.4}

VARIANTS: dict[str, tuple[str, dict[str, Any]]] = {
    "misc-wo-g": ("misc", {"decode_strategy": "none"}),
    "misc-wo-s": ("misc", {"situation_blocks": False}),
    "misc-wo-x": ("misc", {"post_blocks": False}),
    "misc-single": ("misc", {"decode_strategy": "single"}),
    "mise": ("misc", {"situation_blocks": False, "post_blocks": False, "emotion_weight": 1.0}),
    "admisc-wo-u": ("admisc", {"weights": "fixed", "strategy_weight": 0.0, "strategy_train": "mixture"}),
    "admisc-wo-a": ("admisc", {"decoder_streams": False}),
    "admisc-wo-f": ("admisc", {"weights": "fixed"}),
}
"""The papers' ablations: name -> net and the settings that differ from it (MISC tables 4, 6, 7; AdMISC table 6).

"w/o u" trains with mixed strategies, since no other gradient would reach them: compare it with an `admisc` doing so.
"""

_CHAT = ContextShape(tokens=512, reply_tokens=80, situation=True)
_CHAT_PLAIN = ContextShape(tokens=512, reply_tokens=80, situation=True, strategies=False)
_CHAT_JOINT = {"strategy_weight": 1.0, "course": True, "state_head": True}

CAUSAL: dict[str, dict[str, Any]] = {
    "joint": {"shape": _CHAT, **_CHAT_JOINT},
    "misc": {"shape": _CHAT_PLAIN, **_SMALL_MISC},
    "admisc": {"shape": _CHAT_PLAIN, **_SMALL_ADMISC},
    "kemi": {"shape": _CHAT, **_CHAT_JOINT},
    "star": {"shape": _CHAT, "below": _CHAT_JOINT, **_SMALL_STAR},
    "star-kemi": {"shape": _CHAT, "below": _CHAT_JOINT, **_SMALL_STAR},
    "emstremo": {"shape": _CHAT_PLAIN, **_SMALL_EMSTREMO},
    "fado": {"shape": _CHAT, "head_width": 192},
    "multiesc": {"shape": _CHAT},
    "transesc": {"shape": _CHAT_PLAIN, "heads": 4, "course": True},
    "glhg": {"shape": _CHAT_PLAIN},
    "supporter": {"shape": _CHAT_PLAIN},
    "scbg": {"shape": _CHAT_PLAIN},
    "star-emstremo": {"shape": _CHAT_PLAIN, "below": _SMALL_EMSTREMO, **_SMALL_STAR},
    "star-misc": {"shape": _CHAT_PLAIN, "below": _SMALL_MISC, **_SMALL_STAR},
    "star-admisc": {"shape": _CHAT_PLAIN, "below": _SMALL_ADMISC, **_SMALL_STAR},
}
"""Settings in which a net on a causal base departs from the published ones; the reasons are in EXPERIMENTS.md.

As in their published code, MISC and AdMISC do not read the strategies of earlier turns as words.
"""


def net_names() -> list[str]:
    """The names of all nets and variants, variants last."""
    return [*NETS, *VARIANTS]


def net_class(name: str) -> tuple[type[Any], type[Net]]:
    """(config class, net class) of a net or variant. Raises ValueError listing the names when `name` is unknown."""
    if name not in NETS and name not in VARIANTS:
        raise ValueError(f"unknown net {name!r}; allowed: {', '.join(net_names())}")
    return NETS[base_name(name)]


def base_name(name: str) -> str:
    """The name of the net that a variant belongs to; for a net, its own name."""
    return VARIANTS[name][0] if name in VARIANTS else name


def causal_settings(name: str) -> dict[str, Any]:
    """Settings of a net or variant on a causal base."""
    return CAUSAL[base_name(name)] | _own(name)


def _own(name: str) -> dict[str, Any]:
    return VARIANTS[name][1] if name in VARIANTS else {}


def net_config(name: str, settings: dict[str, Any]) -> Any:
    """The config of a net or variant: published settings, changed by `settings` (a whole saved config, or some of it).

    Raises ValueError naming a setting that the net does not have.
    """
    return make_config(name, net_class(name)[0], _own(name) | settings)


def streams_of(name: str, settings: dict[str, Any]) -> tuple[str, ...]:
    """The extra decoder streams that the backbone of a net with these settings needs."""
    return net_class(name)[1].streams_of(net_config(name, settings))


def build_net(name: str, settings: dict[str, Any], backbone: Backbone, tokenizer: Tokenizer) -> Net:
    """Build a net on a backbone that has its streams (`streams_of`)."""
    build: Any = net_class(name)[1]  # the nets take (config, backbone, tokenizer), unlike their base
    return build(net_config(name, settings), backbone, tokenizer)
