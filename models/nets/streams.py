"""What a decoder reads besides the context: streams of memory, named as in traces and checkpoints."""

from __future__ import annotations

import torch

from models.backbones.adapters import adapt
from models.backbones.interface import Backbone, Stream
from models.data.batches import Batch

SITUATION, POST = "situation", "post"
"""COMET blocks of the situation and of the last post"""
STRATEGY = "strategy"
"""the mixed strategy vector of MISC and AdMISC"""
EMOTION = "emotion"
"""the seeker's emotions as words (AdMISC)"""
RAW_SITUATION, RAW_POST = "raw_situation", "raw_post"
"""the blocks before they have read the context (AdMISC)"""
FUSED = "fused"
"""the strategy vector that on causal bases replaces fusing the strategy into the context (AdMISC)"""
GUIDES = "guides"
"""one vector each for the strategy and the emotion of the reply (Emstremo)"""
DEFINITION = "definition"
"""the words that define the chosen strategy (FADO)"""
STATE = "state"
"""change of meaning, strategy and emotion of the turn to come (TransESC)"""
GRAPH = "graph"
"""situation, latest turns and intention as nodes of a graph (GLHG)"""
CHOSEN = "chosen"
"""how the two chosen experts see the talk (SUPPORTER)"""
SIMILAR = "similar"
"""the words of replies in similar talks (KEMI)"""

CALLED = {
    GUIDES: "strategy and emotion",
    DEFINITION: "the definition of the strategy",
    STATE: "what is to come",
    GRAPH: "the graph of the talk",
    CHOSEN: "the chosen experts",
}
"""streams whose vectors a net names (`Net.source_names`) -> what a trace calls them"""


@torch.no_grad()
def emotion_words(backbone: Backbone, batch: Batch) -> Stream:
    """States of the words for the emotions heard in the seeker's turns; read without gradient, like COMET blocks."""
    heard = batch.emotion_ids != 0
    return Stream(backbone.read(batch.emotion_ids, heard).states, heard)


def adapt_values(backbone: Backbone, rank: int) -> None:
    """In the attention to streams, freeze query and key projections; values and output are adapted at half the rank.

    Adapted like the rest, four streams would add half as much as the change of the whole backbone.
    """
    for layer in backbone.model.decoder.layers:
        for attention in layer.extra_attn.values():
            for part in (attention.q_proj, attention.k_proj):
                part.requires_grad_(requires_grad=False)
            for part in (attention.v_proj, attention.out_proj):
                adapt(part, max(1, rank // 2))
