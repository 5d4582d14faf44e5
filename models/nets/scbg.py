"""SCBG (Xu et al. 2024), rebuilt from its abstract: a keyword first, then back to the reply's start and on to its end.

    u      = [C_1; mean C]
    p(k)   = softmax over words of the vocabulary of  E W u + b [k is a word of the talk]     k the most probable
    start  : p(y_p-1 .. y_1 [END] | C, [END] k)       read backwards from the keyword, y_p = k
    reply  : p(y_1 .. y_n [END] | C, [BOS])           written on after the keyword
    L      = L_r + L_s + 0.5 L_k

The plan of a reply chooses k and writes the start, taking the most probable of each; the reply then begins with start
and keyword (`Plan.opening`) and continues like any other. So it can be streamed, in the engine too, but there other
replies wait while the start is made, one step for each of its pieces. It predicts no strategy.

Only the abstract of the paper is public, so this is a documented approximation and not the published SCBG; its figures
are not SCBG's. Only this is certain: topic keywords are selected, by statistics or by prompts; one decoder goes from
the keyword to the start, another one to the end. Everything else is our choice and may differ from the paper:
- One keyword per reply, a word that is one piece of the vocabulary and not a stop word. In training it is taken from
  the reply by statistics: words that the talk already has come first, then the rarest one, judged by its place in the
  vocabulary, which lists pieces roughly from frequent to rare. In use the language model predicts it: a vector of the
  context goes through the model's own vocabulary. There is no prompt in words.
- Both directions are one decoder with one low-rank change; the first input, [END] or [BOS], sets the direction. The
  published decoders may each have weights of their own.
- Forwards, the whole reply is learnt, not only what follows the keyword: so perplexity means the same as for any net,
  the likelihood of the reference from left to right, which does not involve the keyword.
- The start is searched greedily; only what follows the keyword is sampled. A start that does not end within
  `start_tokens` is cut where its end was most probable. If the decoding settings bar one of its pieces (a copy, a
  repeat), the start is dropped from that piece on, and the reply may miss the keyword.
- A reply that has no such word ("Hi!") teaches no keyword, but in use there is always one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise

import torch
import torch.nn.functional as F
from bm25s.stopwords import STOPWORDS_EN_PLUS
from torch import Tensor, nn

from models.backbones.interface import Backbone, Memories, Past, Reading, token_loss
from models.data.batches import Batch
from models.data.examples import ContextShape
from models.data.tokenizer import Tokenizer
from models.nets.misc import pooled
from models.nets.net import Net, Plan
from models.nets.weighting import Fixed, Weighting

KEYWORD = "keyword of the reply, and what else it might have been"
SHOWN = 5
"""how many candidates for the keyword a trace shows"""
LETTERS = 3
"""minimum number of letters of a keyword"""


@dataclass(frozen=True)
class ScbgConfig:
    """Settings of SCBG; none of them are published."""

    shape: ContextShape = field(default=ContextShape(tokens=512, speakers=False, strategies=False))
    start_tokens: int = 16
    """maximum number of word pieces before the keyword, 0 or more"""
    keyword_weight: float = 0.5
    """weight of L_k, 0 or more; in full, this loss over the whole vocabulary would drown L_r"""

    def __post_init__(self) -> None:
        if self.start_tokens < 0 or self.keyword_weight < 0:
            raise ValueError(
                f"net 'scbg': start_tokens is {self.start_tokens}, keyword_weight {self.keyword_weight};"
                " allowed: 0 or more each"
            )


class Scbg(Net):
    """See the module."""

    predicts_strategy = False
    usable: Tensor
    """(V,) bool, pieces that may be a keyword"""
    goes_on: Tensor
    """(V,) bool, pieces that continue a word"""
    unended: Tensor
    """(V,) bool, pieces after which the word continues"""

    def __init__(self, config: ScbgConfig, backbone: Backbone, tokenizer: Tokenizer) -> None:
        super().__init__(backbone, tokenizer, config.shape)
        self.config = config
        self.topic = nn.Linear(2 * backbone.width, backbone.width)  # W
        self.of_talk = nn.Parameter(torch.zeros(1))  # b
        tables = zip(("usable", "goes_on", "unended"), words_of(tokenizer), strict=True)
        for name, table in tables:
            self.register_buffer(name, table, persistent=False)

    def _said(self, batch: Batch) -> Tensor:
        """(B, V) bool, the pieces that occur in each talk."""
        ids = batch.ids[batch.rows]
        before = torch.arange(ids.shape[1], device=ids.device) < batch.lengths[:, None]
        said = torch.zeros(len(ids), len(self.usable), dtype=torch.bool, device=ids.device)
        return said.scatter_(1, torch.where(before, ids, self.tokenizer.pad), value=True)

    def _keyword_scores(self, reading: Reading, said: Tensor) -> Tensor:
        """(B, V) scores of the keyword; -inf for pieces that cannot be one."""
        scores = self.backbone.logits(self.topic(pooled(reading, "first+mean"))).float()
        return (scores + self.of_talk * said).masked_fill(~self.usable, -torch.inf)

    def keyword_places(self, labels: Tensor, said: Tensor) -> tuple[Tensor, Tensor]:
        """The position of the keyword in each reply (B, T), (B,), and whether there is one, (B,) bool."""
        known, ids = labels >= 0, labels.clamp_min(0)
        goes_on, unended = self.goes_on[ids] & known, self.unended[ids] & known
        alone = ~F.pad(goes_on, (0, 1))[:, 1:] & ~F.pad(unended, (1, 0))[:, :-1]
        worth = torch.where(known & self.usable[ids] & alone, 1 + ids + len(self.usable) * said.gather(1, ids), 0)
        return worth.argmax(dim=1), worth.amax(dim=1) > 0

    def losses(self, batch: Batch) -> dict[str, Tensor]:
        """L_r (token mean of the whole reply), L_s (token mean of what precedes the keyword, backwards) and L_k of the
        replies that have a keyword."""
        whole = self.backbone.read(batch.ids, batch.mask)
        reading, said = whole.pick(batch.rows, batch.lengths), self._said(batch)
        memories = self.backbone.attach(reading, {})
        if bool(batch.follows.all()) and not self.config.shape.strategies:
            states = whole.following(batch.rows, batch.lengths, batch.labels.shape[1])
        else:
            plan = Plan(memories, self.begin(len(batch)), self.no_strategies(len(batch)))
            states = self.reply_states(plan, batch.labels)
        total, count = token_loss(self.backbone, states, batch.labels)
        places, there = self.keyword_places(batch.labels, said)
        keywords = batch.labels.gather(1, places[:, None]).clamp_min(0)
        gold = torch.where(there, keywords[:, 0], -1)
        keyword = F.cross_entropy(self._keyword_scores(reading, said), gold, ignore_index=-1, reduction="sum")
        start, pieces = self._start_loss(memories, batch.labels, places, there)
        return {
            "reply": total / count,
            "start": start / pieces.clamp_min(1),
            "keyword": keyword / there.sum().clamp_min(1),
        }

    def _start_loss(self, memories: Memories, labels: Tensor, places: Tensor, there: Tensor) -> tuple[Tensor, Tensor]:
        """Summed cross-entropy of what precedes the keywords at `places` (B,), and its pieces including end marks."""
        steps = torch.arange(int((places * there).max()) + 1, device=labels.device)
        before = labels.gather(1, (places[:, None] - 1 - steps).clamp_min(0))
        back = torch.where(steps < places[:, None], before, self.tokenizer.eos)
        back = torch.where((steps <= places[:, None]) & there[:, None], back, -100)
        inputs = torch.cat((self._turned(labels.gather(1, places[:, None])), back[:, :-1]), dim=1).clamp_min(0)
        return token_loss(self.backbone, self.backbone.decode(inputs, memories)[:, 1:], back)

    def _turned(self, keywords: Tensor) -> Tensor:
        """(B, 2) the first decoder inputs when writing backwards from keywords (B, 1)."""
        return torch.cat((torch.full_like(keywords, self.tokenizer.eos), keywords), dim=1)

    def weighting(self) -> Weighting:
        """Both directions have weight 1."""
        return Fixed({"reply": 1.0, "start": 1.0, "keyword": self.config.keyword_weight})

    def plan(self, batch: Batch, gold: Tensor | None = None) -> Plan:
        """A plan with the keyword and the reply's start up to it; there is no strategy that `gold` could replace."""
        plan = self.training_plan(batch)
        return replace(plan, opening=tuple(self._starts(plan.memories, plan.words[KEYWORD][0][:, 0])))

    def training_plan(self, batch: Batch) -> Plan:
        """A plan with the keyword alone: likelihoods do not depend on the start of the reply."""
        reading = self.read(batch)[1]
        shares, ids = self._keyword_scores(reading, self._said(batch)).softmax(dim=1).topk(SHOWN)
        rows, memories = len(batch), self.backbone.attach(reading, {})
        return Plan(memories, self.begin(rows), self.no_strategies(rows), words={KEYWORD: (ids, shares)})

    @torch.no_grad()
    def _starts(self, memories: Memories, keywords: Tensor) -> list[tuple[int, ...]]:
        """Greedily searched starts of replies that lead up to the keywords (B,), each with its keyword at the end.

        All rows are written backwards together; no pair of pieces occurs twice, and the keyword only once.
        """
        back = [[k] for k in keywords.tolist()]
        ends: list[list[float]] = [[] for _ in back]
        new, past, going = self._turned(keywords[:, None]), Past(), list(range(len(back)))
        while going:
            state = self.backbone.decode(new, memories, past)[:, -1]
            scores = self.backbone.logits(state).float().masked_fill(self.banned, -torch.inf).log_softmax(dim=-1)
            for row, end in enumerate(scores[:, self.tokenizer.eos].tolist()):
                ends[row].append(end)
                scores[row, _repeats(back[row])] = -torch.inf
            best = scores.argmax(dim=1).tolist()
            ended = {row for row in going if best[row] == self.tokenizer.eos}
            full = {row for row in going if len(back[row]) > self.config.start_tokens} - ended
            for row in full:
                back[row] = back[row][: 1 + ends[row].index(max(ends[row]))]
            going = [row for row in going if row not in ended | full]
            for row in going:
                back[row].append(best[row])
            new = torch.tensor([[ids[-1]] for ids in back], device=keywords.device)
        return [tuple(reversed(ids)) for ids in back]


def _repeats(ids: Sequence[int]) -> list[int]:
    """Pieces that would be repeats: the first of `ids`, and whatever followed earlier occurrences of the last one."""
    return [ids[0], *(after for one, after in pairwise(ids) if one == ids[-1])]


def words_of(tokenizer: Tokenizer) -> tuple[Tensor, Tensor, Tensor]:
    """Three tables of a vocabulary, (V,) bool each: whole words that may be a keyword, pieces that continue a word, and
    pieces after which the word continues.

    A vocabulary of letters has no whole words; there, each letter may be a keyword.
    """
    stop = frozenset(STOPWORDS_EN_PLUS)
    plain = [i not in tokenizer.special for i in range(len(tokenizer))]
    joins = [tokenizer.joins(i) if there else (False, False) for i, there in enumerate(plain)]
    texts = [tokenizer.piece(i).strip() if there else "" for i, there in enumerate(plain)]
    content = [text.isalpha() and text.lower() not in stop for text in texts]
    whole = [
        fits and len(text) >= LETTERS and not any(join) for fits, text, join in zip(content, texts, joins, strict=True)
    ]
    if not any(whole):
        nothing = torch.zeros(len(tokenizer), dtype=torch.bool)
        return torch.tensor(content), nothing, nothing.clone()
    goes_on, unended = zip(*joins, strict=True)
    return torch.tensor(whole), torch.tensor(goes_on), torch.tensor(unended)
