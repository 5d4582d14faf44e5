"""A support adapter that another one is trained on from."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from models.files.checkpoint import WeightsError
from models.nets.support import go_on_from, hold_support, save_support
from tests.tiny import tiny_causal


def test_a_support_adapter_goes_on_from_another(tmp_path: Path) -> None:
    base, folder = tiny_causal(), tmp_path / "support"
    first = base.backbone(rank=2)
    for parameter in first.parameters():
        if parameter.requires_grad:
            parameter.data.normal_(std=0.2)
    save_support(first, base, {"rank": 2}, folder)
    again, held = base.backbone(rank=2).eval(), base.backbone(rank=2).eval()
    go_on_from(again, folder, base, 2)
    hold_support(held, folder, base)
    ids = torch.randint(5, 200, (1, 9))
    with torch.no_grad():
        states = [one.read(ids, torch.ones_like(ids).bool()).states for one in (again, held)]
    torch.testing.assert_close(*states)
    assert all(parameter.requires_grad for parameter in again.changes()["layers.0.qkv"].parameters())
    with pytest.raises(WeightsError, match=r"has rank 2, --rank is 3; leave --rank out or give that one"):
        go_on_from(base.backbone(rank=3), folder, base, 3)
