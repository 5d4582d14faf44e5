"""The relations of ATOMIC that COMET is queried for, in the order in which MISC uses them."""

from __future__ import annotations

RELATIONS: tuple[str, ...] = ("xAttr", "xEffect", "xIntent", "xNeed", "xReact", "xWant", "oWant", "oEffect", "oReact")
"""as in MISC's reference implementation and its COMET files"""
SITUATION_RELATIONS: tuple[str, ...] = RELATIONS[:6]
"""the x-relations: for a situation, MISC queries nothing about others"""
