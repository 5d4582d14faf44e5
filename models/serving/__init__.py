"""From a dialogue to a reply with its trace: decoding, hosted nets, replies as jobs.

In reading order:

    decoding.py        sampling, greedy and beam search over any net
    choosing.py        scores of the vocabulary -> the next token of each reply
    after_hi.py        what a net would say to anybody
    guidance.py        prefers words that fit this dialogue rather than any
    batch_decoding.py  many replies at once, for evaluation
    rerank.py          the best of several samples: the one that fits this dialogue rather than any
    trace.py           DecodeOptions, Trace, Reply: how a reply came about
    decode_flags.py    the decode options as flags of a command
    intervention.py    what if: changes inside a net for one reply
    responder.py       the interface of everything that can answer a seeker
    converse.py        a seeker's posts answered in turn
    tracing.py         the parts of a trace, from a decoded reply
    neighbours.py      how much of the processor other programs use
    cores.py           the processor's cores, shared by lookups and the engine
    looked_up.py       commonsense and emotions, computed with the engine or beside it
    writer.py          what writes the replies of hosted nets: the engine, or one reply at a time
    hosting.py         loaded nets as responders
    engine/            the replies of many users and nets in one running batch
    speed/             how fast that is, compared with other ways to make replies
    job.py             a reply in the making, as callers see it
    service.py         replies as jobs that outlive the page
    arenas.py          lets threads share freed memory
"""
