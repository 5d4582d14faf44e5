"""The results of a soak as text."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np

from escdemo.soak.crowd import Soak
from escdemo.soak.running_app import Sample

WARM_SHARE = 0.25
"""share of the time after which the app counts as warm"""


def report(found: Soak) -> str:
    """Counts, reply times, memory and open files, and the verdict in the last line."""
    tally = found.tally
    lines = [
        f"{found.seekers} seekers, {found.seconds / 60:.1f} minutes",
        f"turns asked            {tally.turns:8}  (two replies each)",
        f"replies received       {tally.received:8}",
        f"not there, with a word {tally.excused:8}  (stopped, or the app says that it could not be made)",
        f"late                   {tally.late:8}  (still being made when the seeker's patience ended)",
        f"lost                   {tally.lost:8}",
        f"doubled                {tally.doubled:8}",
        f"of somebody else       {tally.strange:8}",
        *_times(tally.waits_s),
        *_counts("refused with a message", tally.refused),
        *_counts("answers that were no page", tally.bad),
        *_counts("ways of the seekers", tally.done),
        *_process(found.samples),
    ]
    if tally.holds:
        return "\n".join([*lines, "held: nothing late, lost or doubled"])
    nothing = "" if tally.turns and tally.received else " (nobody got a reply)"
    return "\n".join([*lines, f"DID NOT HOLD: see late, lost, doubled and of somebody else above{nothing}"])


def warm(samples: Sequence[Sample]) -> Sample:
    """The first sample after WARM_SHARE of the time."""
    since = samples[0].at_s + WARM_SHARE * (samples[-1].at_s - samples[0].at_s)
    return next(one for one in samples if one.at_s >= since)


def _times(waits_s: Sequence[float]) -> list[str]:
    if not waits_s:
        return ["both replies there    none was waited for without a break"]
    half, most = np.percentile(waits_s, [50, 95])
    return [f"both replies there     p50 {half:.2f} s, p95 {most:.2f} s, slowest {max(waits_s):.2f} s"]


def _counts(what: str, counts: Counter[str]) -> list[str]:
    return [f"{what}: {sum(counts.values())}", *(f"    {count:6}  {one}" for one, count in counts.most_common())]


def _process(samples: Sequence[Sample]) -> list[str]:
    if not samples:
        return ["memory and open files  not known: the app is not this command's own"]
    moments = {"start": samples[0], "warm": warm(samples), "end": samples[-1]}
    memory = ", ".join(f"{name} {one.memory_mib:.0f} MiB" for name, one in moments.items())
    files = ", ".join(f"{name} {one.files}" for name, one in moments.items())
    return [f"memory of the app      {memory}", f"open files of the app  {files}"]
