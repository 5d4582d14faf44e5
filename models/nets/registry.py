"""The nets by name. Adding a net: one file in `models/nets/`, one line here; a variant is a line of settings."""

from __future__ import annotations

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
from models.nets.mime import Mime, MimeConfig
from models.nets.misc import Misc, MiscConfig
from models.nets.moel import Moel, MoelConfig
from models.nets.multiesc import Multiesc, MultiescConfig
from models.nets.net import Net, make_config
from models.nets.star import star_on
from models.nets.supporter import Supporter, SupporterConfig
from models.nets.transesc import Transesc, TransescConfig
from models.nets.transformer import MtTransformerConfig, Transformer, TransformerConfig

NETS: dict[str, tuple[type[Any], type[Net]]] = {
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
    "star": star_on("joint", JointConfig, Joint),
    "star-misc": star_on("misc", MiscConfig, Misc),
    "star-admisc": star_on("admisc", AdmiscConfig, Admisc),
    "star-kemi": star_on("kemi", KemiConfig, Kemi),
    "star-emstremo": star_on("emstremo", EmstremoConfig, Emstremo),
    "transformer": (TransformerConfig, Transformer),
    "mt-transformer": (MtTransformerConfig, Transformer),
    "moel": (MoelConfig, Moel),
    "mime": (MimeConfig, Mime),
}

_SMALL_JOINT = {"strategy_weight": 1.0, "course": True}
_SMALL_MISC = {"refine": "last", "batch_norm": "none", "pool": "first+mean", "course": True}
_SMALL_ADMISC = {
    "pool": "first+mean",
    "head_width": 96,
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
_SHORT = ContextShape(strategies=False)

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

"w/o u" mixes strategies while training, since nothing else would reach them: measure it beside an `admisc` that does.
"""

COMPACT: dict[str, dict[str, Any]] = {
    "joint": {"shape": ContextShape(), **_SMALL_JOINT},
    "misc": {"shape": ContextShape(), **_SMALL_MISC},
    "star": {"shape": ContextShape(), "below": _SMALL_JOINT, **_SMALL_STAR},
    "star-misc": {"shape": ContextShape(), "below": _SMALL_MISC, **_SMALL_STAR},
    "star-admisc": {"shape": ContextShape(), "below": _SMALL_ADMISC, **_SMALL_STAR},
    "admisc": {"shape": ContextShape(), **_SMALL_ADMISC},
    "kemi": {"shape": ContextShape(), **_SMALL_JOINT},
    "star-kemi": {"shape": ContextShape(), "below": _SMALL_JOINT, **_SMALL_STAR},
    "emstremo": {"shape": ContextShape(), **_SMALL_EMSTREMO},
    "fado": {"shape": ContextShape(), "head_width": 192},
    "multiesc": {"shape": ContextShape()},
    "transesc": {"shape": ContextShape(), "heads": 4, "course": True},
    "glhg": {"shape": _SHORT},
    "supporter": {"shape": _SHORT},
    "star-emstremo": {"shape": ContextShape(), "below": _SMALL_EMSTREMO, **_SMALL_STAR},
    "transformer": {"shape": _SHORT},
    "mt-transformer": {"shape": _SHORT},
    "moel": {"shape": _SHORT},
    "mime": {"shape": _SHORT},
}
"""Where a net on the compact backbone departs from its published settings; the reasons are in EXPERIMENTS.md."""


_CHAT = ContextShape(tokens=512, reply_tokens=80, situation=True)
_CHAT_PLAIN = ContextShape(tokens=512, reply_tokens=80, situation=True, strategies=False)
_CHAT_JOINT = {"strategy_weight": 1.0, "course": True, "state_head": True}
_CHAT_ADMISC = _SMALL_ADMISC | {"head_width": 192}

CAUSAL: dict[str, dict[str, Any]] = {
    "joint": {"shape": _CHAT, **_CHAT_JOINT},
    "misc": {"shape": _CHAT_PLAIN, **_SMALL_MISC},
    "admisc": {"shape": _CHAT_PLAIN, **_CHAT_ADMISC},
    "kemi": {"shape": _CHAT, **_CHAT_JOINT},
    "star": {"shape": _CHAT, "below": _CHAT_JOINT, **_SMALL_STAR},
    "star-kemi": {"shape": _CHAT, "below": _CHAT_JOINT, **_SMALL_STAR},
    "emstremo": {"shape": _CHAT_PLAIN, **_SMALL_EMSTREMO},
    "fado": {"shape": _CHAT, "head_width": 192},
    "multiesc": {"shape": _CHAT},
    "transesc": {"shape": _CHAT_PLAIN, "heads": 4, "course": True},
    "glhg": {"shape": _CHAT_PLAIN},
    "supporter": {"shape": _CHAT_PLAIN},
    "star-emstremo": {"shape": _CHAT_PLAIN, "below": _SMALL_EMSTREMO, **_SMALL_STAR},
    "star-misc": {"shape": _CHAT_PLAIN, "below": _SMALL_MISC, **_SMALL_STAR},
    "star-admisc": {"shape": _CHAT_PLAIN, "below": _CHAT_ADMISC, **_SMALL_STAR},
}
"""The same on a causal base. As in their code, MISC and AdMISC read no strategies of earlier turns as words."""


def net_names() -> list[str]:
    """Every name a net can be asked for by, variants last."""
    return [*NETS, *VARIANTS]


def net_class(name: str) -> tuple[type[Any], type[Net]]:
    """(config class, net class) of a net or variant. Raises ValueError listing the names."""
    if name not in NETS and name not in VARIANTS:
        raise ValueError(f"unknown net {name!r}; allowed: {', '.join(net_names())}")
    return NETS[base_name(name)]


def base_name(name: str) -> str:
    """The net a variant is a variant of; a net's own name."""
    return VARIANTS[name][0] if name in VARIANTS else name


def compact_settings(name: str) -> dict[str, Any]:
    """Settings of a net or variant on the compact backbone."""
    return COMPACT[base_name(name)] | _own(name)


def causal_settings(name: str) -> dict[str, Any]:
    """Settings of a net or variant on a causal base. Raises ValueError for nets with a backbone of their own."""
    if base_name(name) not in CAUSAL:
        raise ValueError(f"{name} trains from scratch and stands on no base; leave --base out")
    return CAUSAL[base_name(name)] | _own(name)


def _own(name: str) -> dict[str, Any]:
    return VARIANTS[name][1] if name in VARIANTS else {}


def net_config(name: str, settings: dict[str, Any]) -> Any:
    """The config of a net or variant: published settings, changed by `settings` (a saved config, or compact ones).

    Raises ValueError naming a setting the net does not have.
    """
    return make_config(name, net_class(name)[0], _own(name) | settings)


def streams_of(name: str, settings: dict[str, Any]) -> tuple[str, ...]:
    """The extra decoder streams that the backbone of such a net needs."""
    return net_class(name)[1].streams_of(net_config(name, settings))


def build_net(name: str, settings: dict[str, Any], backbone: Backbone, tokenizer: Tokenizer) -> Net:
    """A net on a backbone that has its streams (`streams_of`)."""
    build: Any = net_class(name)[1]  # the nets take (config, backbone, tokenizer), unlike their base
    return build(net_config(name, settings), backbone, tokenizer)
