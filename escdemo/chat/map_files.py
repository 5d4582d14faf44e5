"""Finds the map of a running net: in the operator's folder, else among the shipped ones, if it fits the weights."""

from __future__ import annotations

import threading
from pathlib import Path

from escdemo import texts
from models.analysis.map_file import SHIPPED, check_weights, map_path, read_map
from models.analysis.state_map import StateMap
from models.files.lru import Lru

KEPT = 16


class MapFiles:
    """Reads each file once, and again after it has changed."""

    def __init__(self, folder: Path, shipped: Path = SHIPPED) -> None:
        self.folder, self.shipped = folder, shipped
        self._known: Lru[tuple[Path, int, int], StateMap | str] = Lru(KEPT)
        self._lock = threading.Lock()

    def of(self, net: str, checkpoint: str | None) -> tuple[StateMap | None, str]:
        """The map of a net with these weights, and what is wrong with the files that were skipped ("": nothing).

        None: there is no map to show. `checkpoint` None: no weights run here, so none can differ.
        """
        problems = []
        for folder in (self.folder, self.shipped):
            path = map_path(folder, net)
            found = self._read(path)
            if isinstance(found, StateMap):
                try:
                    check_weights(found, net, checkpoint or found.about.checkpoint)
                except ValueError as error:
                    problems.append(f"{path.name}: {error}.")
                else:
                    return found, " ".join([*problems, texts.MAP_SHIPPED] if problems else [])
            elif found:
                problems.append(f"{found}.")
        return None, " ".join(problems) or texts.MAP_MISSING.format(net=net)

    def _read(self, path: Path) -> StateMap | str:
        """The map, or why it cannot be read; "" where there is no file."""
        try:
            about = path.stat()
        except OSError:
            return ""
        key = (path, about.st_mtime_ns, about.st_size)
        with self._lock:
            found = self._known.get(key)
            if found is None:
                try:
                    found = read_map(path)
                except FileNotFoundError:
                    return ""
                except ValueError as error:
                    found = str(error)
                self._known.put(key, found)
        return found
