"""Names of what a decoder reads beside the context: streams of memory, as traces and checkpoints call them."""

from __future__ import annotations

SITUATION, POST = "situation", "post"
"""COMET blocks of the situation and of the last post"""
STRATEGY = "strategy"
"""the mixed strategy vector of MISC and AdMISC"""
EMOTION = "emotion"
"""the seeker's emotions as words (AdMISC)"""
RAW_SITUATION, RAW_POST = "raw_situation", "raw_post"
"""the blocks before they have read the context (AdMISC)"""
FUSED = "fused"
"""the strategy in the context's place, on causal bases (AdMISC)"""
