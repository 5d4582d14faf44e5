"""Training that rewards a net for reading its commonsense: blocks left out, and those of another dialogue."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from models.data.batches import Batch
from models.nets.misc import MARGIN, Misc
from models.nets.other_blocks import anothers, left_out
from tests.tiny import CAUSAL, tiny_batch, tiny_net


def misc(**settings: object) -> Misc:
    net = tiny_net(f"{CAUSAL}misc", **settings)
    assert isinstance(net, Misc)
    return net


def known(batch: Batch) -> Batch:
    """Blocks that tell the turns apart: turn n has block n alone, as situation and as last post."""
    own = torch.arange(len(batch))[:, None]
    return replace(batch, rows=torch.tensor([0, 0, 1, 1]), situation=own, post=own)


def test_blocks_of_a_share_of_the_turns_are_left_out() -> None:
    batch = known(tiny_batch(misc()))
    assert torch.equal(left_out(batch, 0.0).post, batch.post)
    none = left_out(batch, 1.0)
    assert bool((none.situation == -1).all())
    assert bool((none.post == -1).all())
    drawn = torch.stack([left_out(batch, 0.25).post for _ in range(400)]) == -1
    assert 0.2 < float(drawn.float().mean()) < 0.3
    assert torch.equal(none.labels, batch.labels)


def test_blocks_of_another_dialogue_are_never_the_own_ones() -> None:
    batch = known(tiny_batch(misc()))
    assert anothers(batch).post[:, 0].tolist() == [2, 3, 0, 1]
    mostly_one = replace(batch, rows=torch.tensor([0, 0, 0, 1]))
    assert anothers(mostly_one).post[:, 0].tolist() == [-1, 3, -1, 1]
    alone = replace(batch, rows=torch.tensor([0, 0, 0, 0]))
    assert bool((anothers(alone).situation == -1).all())
    parts = replace(batch, rows=torch.arange(4), situation=torch.tensor([[0], [1], [0], [3]]))  # of one long dialogue
    assert anothers(parts).post[:, 0].tolist() == [-1, 3, -1, 1]


def less_likely(net: Misc, batch: Batch) -> float:
    """By how many nats references are less likely with the blocks of another dialogue."""
    with torch.no_grad():
        own, another = (float(net.losses(b)["reply"]) for b in (batch, anothers(batch)))
    return another - own


def test_with_the_contrast_references_become_less_likely_with_blocks_of_another_dialogue() -> None:
    net = misc(contrast=2.0)
    batch = tiny_batch(net)
    before = less_likely(net, batch)
    assert before < MARGIN
    assert float(net.losses(batch)["contrast"].detach()) == pytest.approx(MARGIN - before, rel=1e-4)
    optimiser = torch.optim.AdamW([p for p in net.parameters() if p.requires_grad], lr=2e-2)
    for _ in range(30):
        net.weighting().combine(net.losses(batch)).backward()
        optimiser.step()
        optimiser.zero_grad()
    assert less_likely(net, batch) > MARGIN
    assert float(net.losses(batch)["contrast"].detach()) == 0.0


def test_blocks_are_left_out_in_training_only() -> None:
    net = misc(drop_blocks=1.0)
    with torch.no_grad():
        for layer in net.backbone.layers:
            for source in layer.sources.values():
                source.gate.value.fill_(1.0)
    batch = tiny_batch(net)
    whole, without = (float(net.train(mode=on).losses(batch)["reply"].detach()) for on in (False, True))
    bare = replace(batch, situation=torch.full_like(batch.situation, -1), post=torch.full_like(batch.post, -1))
    assert without == pytest.approx(float(net.losses(bare)["reply"].detach()), rel=1e-5)
    assert without != pytest.approx(whole, rel=1e-5)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"contrast": 1.0, "refine": "per_layer"}, 'contrast needs blocks refined once; set refine="last"'),
        (
            {"contrast": 1.0, "refine": "last", "situation_blocks": False, "post_blocks": False},
            "contrast needs blocks of situation or post; set contrast=0",
        ),
        ({"drop_blocks": 20.0}, "drop_blocks is 20.0; allowed: a share from 0 to 1"),
    ],
)
def test_settings_that_make_no_sense_are_refused(settings: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        tiny_net("misc", **settings)


def test_the_contrast_is_with_whole_blocks_even_where_own_ones_are_left_out() -> None:
    net = misc(drop_blocks=1.0, contrast=1.0)
    with torch.no_grad():
        for layer in net.backbone.layers:
            for source in layer.sources.values():
                source.gate.value.fill_(1.0)
    batch = tiny_batch(net)
    assert float(net.train().losses(batch)["contrast"].detach()) != pytest.approx(MARGIN, abs=1e-6)
