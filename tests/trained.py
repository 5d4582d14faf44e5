"""A trained net and an ESConv file for the commands that look into nets."""

from __future__ import annotations

import json
from pathlib import Path
from types import ModuleType

import pytest

from models.data.strategies import STRATEGIES
from models.knowledge.comet import NoComet
from models.nets.registry import CAUSAL
from models.nets.stored import new_net, save_net
from tests.tiny import tiny_checkpoint


def joint_for(command: ModuleType, folder: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Flags that name thirty talks of two turns and a tiny Joint in `folder`, which `command` can load."""
    source = tiny_checkpoint(folder / "checkpoint")
    save_net(new_net("joint", CAUSAL["joint"], 2, source), "joint", 2, {}, folder / "weights" / "joint", source)
    monkeypatch.setattr(command, "comet_for", lambda *_: NoComet())
    records = []
    for number in range(30):  # all different: equal turns would have equal states, fewer than there are clusters
        talk = [
            {"speaker": "seeker", "annotation": {}, "content": f"i am sad and tired {'x' * number}"},
            {"speaker": "supporter", "annotation": {"strategy": STRATEGIES[number % 8]}, "content": "sorry to hear"},
        ]
        about = {"emotion_type": "sadness", "problem_type": "job crisis", "situation": "i lost my job"}
        records.append(json.dumps(about | {"dialog": talk}))
    (folder / "esconv.jsonl").write_text("\n".join(records))
    return ["--esconv", str(folder / "esconv.jsonl"), "--weights", str(folder / "weights")]
