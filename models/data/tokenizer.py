"""Text <-> ids: word pieces, learnt for nets trained from scratch; a full checkpoint brings its own (BlenderbotSmall).

Both lower-case internally and have the same added tokens: two speaker marks, the 8 strategies, the 9 ATOMIC relations.
`decode` restores readable text: spacing, apostrophes, sentence case ("i ' m fine ." -> "I'm fine.").
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Sequence
from functools import cached_property
from pathlib import Path

from tokenizers import Tokenizer as FastTokenizer
from tokenizers import decoders, models, normalizers, pre_tokenizers, trainers

from models.data.dialogue import Speaker, Turn
from models.data.relations import RELATIONS
from models.data.strategies import STRATEGIES

BLOCK_TOKENS = 10
"""maximum number of tokens of a COMET block, including its relation token (MISC's "10 words")"""
VOCABULARY = 10_000
"""number of word pieces of a net trained from scratch"""
BASE_TOKENS = ("[PAD]", "[BOS]", "[EOS]", "[UNK]", "[CLS]")
SPEAKER_TOKENS = {Speaker.SEEKER: "[seeker]", Speaker.SUPPORTER: "[supporter]"}
ADDED_TOKENS = (*SPEAKER_TOKENS.values(), *(f"[{name}]" for name in STRATEGIES), *(f"[{name}]" for name in RELATIONS))


class Tokenizer:
    """A `tokenizers` model with the added tokens found by name.

    Attributes: pad, bos, eos, unk, cls (ids); speakers (Speaker -> id, not in chat formats); strategies (8 ids, in
    order); relations (name -> id); special (frozenset of every id that is not text).
    """

    chat = False
    """whether dialogues are written in a chat format that one model reads and continues"""

    def __init__(self, fast: FastTokenizer, base_tokens: Sequence[str] = BASE_TOKENS) -> None:
        self.fast = fast
        self._bind(base_tokens)

    def _bind(self, base_tokens: Sequence[str]) -> None:
        self.pad, self.bos, self.eos, self.unk, self.cls = (self._id(token) for token in base_tokens)
        self.speakers = {speaker: self._id(token) for speaker, token in SPEAKER_TOKENS.items()}
        self.strategies = tuple(self._id(f"[{name}]") for name in STRATEGIES)
        self.relations = {name: self._id(f"[{name}]") for name in RELATIONS}
        base = (self.pad, self.bos, self.eos, self.unk, self.cls)
        self.special = frozenset((*base, *self.strategies, *self.speakers.values(), *self.relations.values()))

    def _id(self, token: str) -> int:
        found = self.fast.token_to_id(token)
        if found is None:
            raise ValueError(f"the vocabulary has no token {token!r}; it was not made by escdemo: build it again")
        return int(found)

    def __len__(self) -> int:
        return int(self.fast.get_vocab_size())

    def encode(self, text: str) -> list[int]:
        """Ids of `text` without special tokens (one written in the text is read as plain characters)."""
        return list(self.fast.encode(self.plain(text), add_special_tokens=False).ids)

    @staticmethod
    def plain(text: str) -> str:
        """The text without square brackets, so that it cannot contain a special token."""
        return text.replace("[", "( ").replace("]", " )")

    def _token(self, token_id: int) -> str:
        return str(self.fast.id_to_token(token_id))

    def pieces(self, text: str) -> list[str]:
        """Word pieces of `text`, for metrics that count them."""
        return [self._token(i) for i in self.encode(text)]

    def piece(self, token_id: int) -> str:
        """One token as shown in a trace: a leading blank marks the start of a word."""
        raw = self._token(token_id)
        return raw[2:] if raw.startswith("##") else f" {raw}"

    def joins(self, token_id: int) -> tuple[bool, bool]:
        """Whether a piece continues the word before it, and whether the word continues after it, if it shows that."""
        return self._token(token_id).startswith("##"), False

    @cached_property
    def sentence_marks(self) -> tuple[frozenset[int], frozenset[int]]:
        """The tokens that end a sentence, and those of them that end a question."""
        texts = {i: self.piece(i).rstrip() for i in range(len(self)) if i not in self.special}
        ends = frozenset(i for i, text in texts.items() if text.endswith((".", "!", "?")))
        return ends, frozenset(i for i in ends if texts[i].endswith("?"))

    def asked(self, text: str) -> frozenset[tuple[int, int]]:
        """The first two tokens of each question, both as the first sentence of a text and as a later one."""
        told = [part for part in re.split(r"(?<=[.!?])\s+", self.plain(text).strip()) if part.endswith("?")]
        found = (self.fast.encode(before + part, add_special_tokens=False).ids for part in told for before in ("", " "))
        return frozenset((ids[0], ids[1]) for ids in found if len(ids) > 1)

    def decode(self, ids: Iterable[int]) -> str:
        """Readable text of `ids`; special tokens are dropped."""
        return readable(self.fast.decode([i for i in ids if i not in self.special]))

    def opening(self, situation: str) -> list[int]:
        """What precedes the first turn."""
        return [self.cls]

    def turn_ids(self, turn: Turn, strategy: int | None, speakers: bool = True) -> list[int]:
        """A turn with its marks; `strategy` is an index, or None if unknown or not wanted."""
        marks = [self.speakers[turn.speaker]] if speakers else []
        if strategy is not None:
            marks.append(self.strategies[strategy])
        return [*marks, *self.encode(turn.text), self.eos]

    def closing(self) -> list[int]:
        """What comes between the last turn and the reply in the context itself."""
        return []

    def block_ids(self, relation: str, text: str) -> tuple[int, ...]:
        """A COMET block `[relation] tail`; the first token's state stands for the block (MISC, eq. 3)."""
        return (self.relations[relation], *self.encode(text))[:BLOCK_TOKENS]

    def digest(self) -> str:
        """12 hex digits that identify the vocabulary: every piece with its id."""
        pieces = "\n".join(self._token(i) for i in range(len(self)))
        return hashlib.sha256(pieces.encode()).hexdigest()[:12]

    @classmethod
    def load(cls, path: Path) -> Tokenizer:
        """Read the vocabulary of a net trained from scratch. Raises FileNotFoundError or ValueError naming the file."""
        if not path.is_file():
            raise FileNotFoundError(f"vocabulary {path} is missing; give the folder of a net trained from scratch")
        return cls(FastTokenizer.from_file(str(path)))


def readable(text: str) -> str:
    """Undo lower-casing and tokeniser spacing: "i ' m ok . you ?" -> "I'm ok. You?"."""
    text = re.sub(r"\s+", " ", text).strip()
    text = re.sub(r"(?<=\w) ?' ?(s|t|m|re|ve|ll|d)\b", r"'\1", text)
    text = re.sub(r" ([.,!?;:%)])", r"\1", text)
    text = re.sub(r"([($]) ", r"\1", text)
    text = re.sub(r"(?<=\w) - (?=\w)", "-", text)
    text = re.sub(r"(?<=\d)([.,:]) (?=\d)", r"\1", text)
    text = re.sub(r"\b(i)\b(?!\.e)", "I", text)
    return re.sub(r"(^|[.!?]\s+)([a-z])", lambda m: m[1] + m[2].upper(), text)


def learn_vocabulary(texts: Iterable[str], size: int = VOCABULARY) -> Tokenizer:
    """A WordPiece tokenizer with about `size` pieces learnt from `texts`; the same texts give the same vocabulary.

    Every character that occurs is a piece, both at the start of a word and within it, so that any word can be spelled.
    These pieces come first, like special tokens: otherwise the trainer would number them in the order of a hash map,
    which differs from run to run, and break ties between pieces by these numbers.
    """
    plain = [Tokenizer.plain(text) for text in texts]
    fast = wordpiece({})
    characters = sorted({c for text in plain for c in fast.normalizer.normalize_str(text) if not c.isspace()})
    first = [*BASE_TOKENS, *ADDED_TOKENS, *characters, *(f"##{c}" for c in characters)]
    fast.train_from_iterator(
        plain,
        trainers.WordPieceTrainer(vocab_size=size, min_frequency=2, special_tokens=first, show_progress=False),
    )
    return Tokenizer(wordpiece(fast.get_vocab()))  # without the trainer's marks: a mark that a user types is plain text


def wordpiece(vocab: dict[str, int]) -> FastTokenizer:
    """A lower-casing WordPiece tokenizer over `vocab`, as BERT splits text."""
    fast = FastTokenizer(models.WordPiece(vocab=vocab, unk_token="[UNK]", max_input_chars_per_word=100))
    fast.normalizer = normalizers.BertNormalizer(lowercase=True)
    fast.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    fast.decoder = decoders.WordPiece(prefix="##", cleanup=False)
    return fast
