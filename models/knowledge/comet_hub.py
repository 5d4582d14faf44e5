"""A full COMET: any COMET-BART (ATOMIC-2020) checkpoint from the Hub or a local folder.

A query is the text "{event} {relation} [GEN]" (Hwang et al. 2021); five beams give the tails.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from transformers import AutoModelForSeq2SeqLM, AutoTokenizer

from models.files.hub import from_hub, net_from_hub, revision
from models.knowledge.comet import TAILS, Comet, Query, check_relations, clean


class HubComet(Comet):
    """Tails from a sequence-to-sequence checkpoint. Raises FileNotFoundError when it cannot be loaded, ValueError
    when it is of another kind.
    """

    def __init__(self, name: str | Path, device: str = "cpu", max_tokens: int = 16, batch: int = 64) -> None:
        self.tokenizer = from_hub(AutoTokenizer, name, "COMET tokenizer")
        self.model = net_from_hub(AutoModelForSeq2SeqLM, name, "COMET checkpoint").to(device)
        self.version = revision(self.model.config, name)
        self.max_tokens, self.batch = max_tokens, batch

    @torch.inference_mode()
    def answer(self, queries: Sequence[Query]) -> list[tuple[str, ...]]:
        """Tails by five beams per query, `batch` queries at a time."""
        check_relations(relation for _, relation in queries)
        found: list[tuple[str, ...]] = []
        for start in range(0, len(queries), self.batch):
            texts = [f"{event} {relation} [GEN]" for event, relation in queries[start : start + self.batch]]
            inputs = self.tokenizer(texts, return_tensors="pt", padding=True, truncation=True).to(self.model.device)
            ids = self.model.generate(
                input_ids=inputs["input_ids"],
                attention_mask=inputs["attention_mask"],
                num_beams=TAILS,
                num_return_sequences=TAILS,
                max_new_tokens=self.max_tokens,
                do_sample=False,
            )
            tails = self.tokenizer.batch_decode(ids, skip_special_tokens=True)
            found += [clean(tails[i : i + TAILS]) for i in range(0, len(tails), TAILS)]
        return found
