"""Text <-> ids on a causal base: its own byte-level BPE (cased), dialogues in its chat format.

    <|im_start|>system\\nI lost my job.<|im_end|>\\n
    <|im_start|>user\\nI feel useless.<|im_end|>\\n
    <|im_start|>assistant\\n[Question]How long did you work there?<|im_end|>\\n

The line break after the last "assistant" serves as the begin token: the decoder's first input, whose state predicts
the first token. The 8 strategies and the 9 ATOMIC relations are added after the base's vocabulary.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from tokenizers import Tokenizer as FastTokenizer
from tokenizers import decoders, models, pre_tokenizers

from models.data.dialogue import Speaker, Turn
from models.data.relations import RELATIONS
from models.data.strategies import STRATEGIES
from models.data.tokenizer import Tokenizer

ADDED = (*(f"[{name}]" for name in STRATEGIES), *(f"[{name}]" for name in RELATIONS))
"""tokens added after the base's vocabulary, in this order"""
BEGIN, END, BREAK = "<|im_start|>", "<|im_end|>", "\u010a"
"""marks of a turn, and the line break as byte-level BPE spells it"""
ROLES = {Speaker.SEEKER: "user", Speaker.SUPPORTER: "assistant"}
PHRASES = {
    "xAttr": "They are seen as",
    "xEffect": "As a result, they",
    "xIntent": "They wanted",
    "xNeed": "Before, they needed",
    "xReact": "They feel",
    "xWant": "They want",
    "oWant": "Others want",
    "oEffect": "As a result, others",
    "oReact": "Others feel",
}
"""relations in words, so that a base never trained on them reads a tail as a sentence"""


class ChatTokenizer(Tokenizer):
    """See the module; attributes as `Tokenizer`."""

    chat = True

    def __init__(self, fast: FastTokenizer, control: Iterable[str]) -> None:
        """`fast` splits plain text and has no added tokens; `control` are its pieces that are not text."""
        self.fast, self.known = fast, fast.get_vocab_size()
        self.pad, self.eos, self.cls, self.bos = (self._id(t) for t in ("<|endoftext|>", END, BEGIN, BREAK))
        self.unk = self.pad
        places = {token: self.known + n for n, token in enumerate(ADDED)}
        self.strategies = tuple(places[f"[{name}]"] for name in STRATEGIES)
        self.relations = {name: places[f"[{name}]"] for name in RELATIONS}
        marks = {self.pad, self.bos, self.eos, self.cls, *(self._id(piece) for piece in control)}
        self.special = frozenset((*marks, *places.values()))

    def __len__(self) -> int:
        return self.known + len(ADDED)

    @staticmethod
    def plain(text: str) -> str:
        """The text on one line; marks written in it are read as plain characters anyway."""
        return " ".join(text.split())

    def _token(self, token_id: int) -> str:
        return ADDED[token_id - self.known] if token_id >= self.known else str(self.fast.id_to_token(token_id))

    def piece(self, token_id: int) -> str:
        """One token as shown in a trace: a leading blank marks the start of a word."""
        return self._token(token_id) if token_id >= self.known else self.fast.decode([token_id])

    def joins(self, token_id: int) -> tuple[bool, bool]:
        """See `Tokenizer.joins`. A word starts with a blank, so a piece that starts with a letter continues a word."""
        first = self.piece(token_id)[:1]
        return first.isalnum() or first == "'", False

    def decode(self, ids: Iterable[int]) -> str:
        """The text of `ids`; tokens that are not text are dropped."""
        return " ".join(self.fast.decode([i for i in ids if i not in self.special]).split())

    def opening(self, situation: str) -> list[int]:
        """What precedes the first turn: the situation, if it is known."""
        return self._block("system", self.encode(situation)) if situation.strip() else []

    def turn_ids(self, turn: Turn, strategy: int | None, speakers: bool = True) -> list[int]:
        """A turn with its marks."""
        marks = [] if strategy is None else [self.strategies[strategy]]
        return self._block(ROLES[turn.speaker], [*marks, *self.encode(turn.text)])

    def closing(self) -> list[int]:
        """What comes between the last turn and the begin token."""
        return [self.cls, *self.encode(ROLES[Speaker.SUPPORTER])]

    def block_ids(self, relation: str, text: str) -> tuple[int, ...]:
        """A COMET block: the relation's token, the relation in words, the tail."""
        return (self.relations[relation], *self.encode(f"{PHRASES[relation]} {text}")[:BLOCK_TOKENS])

    def start_vectors(self) -> list[list[int]]:
        """For each added token, the pieces whose mean vector is its initial vector."""
        names = [*STRATEGIES, *(PHRASES[name] for name in RELATIONS)]
        return [self.encode(name) for name in names]

    def _block(self, role: str, ids: Sequence[int]) -> list[int]:
        return [self.cls, *self.encode(role), self.bos, *ids, self.eos, self.bos]


BLOCK_TOKENS = 16
"""maximum number of tokens of a COMET block, without its relation token"""


def byte_level_bpe(pieces: Sequence[str], merges: Sequence[str]) -> FastTokenizer:
    """A tokenizer that splits text as SmolLM2 does: single digits, then GPT-2's byte-level BPE."""
    vocabulary = {piece: n for n, piece in enumerate(pieces)}
    pairs = [(left, right) for left, _, right in (merge.partition(" ") for merge in merges)]
    fast = FastTokenizer(models.BPE(vocabulary, pairs, fuse_unk=False, byte_fallback=False))
    fast.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    )
    fast.decoder = decoders.ByteLevel()
    return fast
