"""Sources that compute what is looked up with the engine, or beside it, so that both share the processor's cores.

They lie below the caches (`CachedComet`, `CachedEmotion`): what is known already waits for nothing.
"""

from __future__ import annotations

from collections.abc import Sequence

from models.knowledge.comet import Comet, Query
from models.knowledge.comet_shipped import ShippedComet
from models.knowledge.emotion import EmotionDetector, Reading
from models.serving.cores import Cores
from models.serving.engine.engine import Engine


class CometBeside(Comet):
    """A generator that computes in one piece, on half of the cores."""

    def __init__(self, source: Comet, cores: Cores) -> None:
        self.source, self.cores, self.version = source, cores, source.version

    def answer(self, queries: Sequence[Query]) -> list[tuple[str, ...]]:
        """See `Comet`."""
        with self.cores.beside():
            return self.source.answer(queries)


class EmotionWith:
    """A detector whose texts are read by the engine's thread, between two tokens of running replies."""

    def __init__(self, source: EmotionDetector, engine: Engine) -> None:
        self.source, self.engine, self.version = source, engine, source.version

    def read(self, texts: Sequence[str]) -> list[Reading]:
        """See `EmotionDetector`."""
        return self.engine.call(lambda: self.source.read(texts))


def comet_with(engine: Engine, source: Comet) -> Comet:
    """A generator of commonsense that shares the engine's cores; as it is on a GPU."""
    if isinstance(source, ShippedComet):
        source.drive = engine.beside
        return source
    return source if engine.cores is None else CometBeside(source, engine.cores)
