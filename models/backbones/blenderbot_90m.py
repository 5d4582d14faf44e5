"""The full backbone: `facebook/blenderbot_small-90M` (the papers' setting) from the Hub or a local folder.

Everything else (nets, training, hosting) is the same as on a causal base. The tokenizer is the checkpoint's own
BPE with our added tokens appended to its vocabulary; the embedding grows by the same number of rows.
"""

from __future__ import annotations

from collections.abc import Iterable

import torch
from transformers import BlenderbotSmallConfig, BlenderbotSmallTokenizer

from models.backbones.encoder_decoder import EncoderDecoder
from models.data.tokenizer import ADDED_TOKENS, Tokenizer, readable
from models.files.hub import off_the_file

OWN_TOKENS = ("__null__", "__start__", "__end__", "__unk__")
"""the checkpoint's names for pad, begin, end, unknown; [CLS] is added, as in MISC"""


class FullTokenizer(Tokenizer):
    """BlenderbotSmall's BPE with the same interface as our word pieces."""

    def __init__(self, source: str) -> None:
        self.hub = BlenderbotSmallTokenizer.from_pretrained(source)
        self.hub.add_tokens(["[CLS]", *ADDED_TOKENS], special_tokens=True)
        self._bind((*OWN_TOKENS, "[CLS]"))

    def _id(self, token: str) -> int:
        found = self.hub.get_vocab().get(token)
        if found is None:
            raise ValueError(f"the vocabulary has no token {token!r}: it is not a BlenderbotSmall checkpoint's")
        return int(found)

    def __len__(self) -> int:
        return len(self.hub)

    def encode(self, text: str) -> list[int]:
        """Ids of `text`, without any special token."""
        pieces = self.hub._tokenize(self.plain(text))  # bypasses the added tokens: a text must not contain them
        return [int(self.hub._convert_token_to_id(piece)) for piece in pieces]

    def _token(self, token_id: int) -> str:
        return str(self.hub.convert_ids_to_tokens(token_id))

    def piece(self, token_id: int) -> str:
        """One token as shown in a trace; the checkpoint marks pieces that are continued, not their continuations."""
        raw = self._token(token_id)
        return f" {raw.removesuffix('@@')}"

    def joins(self, token_id: int) -> tuple[bool, bool]:
        """See `Tokenizer.joins` and `piece`."""
        return False, self._token(token_id).endswith("@@")

    def pieces(self, text: str) -> list[str]:
        """BPE pieces of `text`, with `@@` kept: what MISC's metrics count."""
        return [str(piece) for piece in self.hub._tokenize(self.plain(text))]

    def decode(self, ids: Iterable[int]) -> str:
        """Readable text of `ids`; special tokens are dropped."""
        pieces = [self._token(i) for i in ids if i not in self.special]
        return readable(self.hub.convert_tokens_to_string(pieces).replace("__newln__", " "))


def load_full(source: str, streams: tuple[str, ...] = ()) -> tuple[Tokenizer, EncoderDecoder]:
    """Tokenizer and backbone of a BlenderbotSmall checkpoint, given as a Hub name or a folder.

    Extra streams start as copies of the context attention. If the source cannot be loaded, raises ValueError that names
    it and says what to do.
    """
    try:
        tokenizer = FullTokenizer(source)
        config = BlenderbotSmallConfig.from_pretrained(source)
        config.streams = list(streams)  # no checkpoint's own config has them
        backbone = off_the_file(EncoderDecoder.from_pretrained(source, config=config))
    except (OSError, TypeError) as fault:  # TypeError: transformers found no vocabulary
        raise ValueError(
            f"the backbone {source!r} cannot be loaded ({type(fault).__name__}); check the name and the network, or "
            "download facebook/blenderbot_small-90M elsewhere and give its folder"
        ) from fault
    torch.manual_seed(0)  # the added rows get the same values each time a net is built on this checkpoint
    backbone.resize_token_embeddings(len(tokenizer), mean_resizing=False)
    backbone.copy_context_attention()
    return tokenizer, backbone.eval()
