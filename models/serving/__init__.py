"""From a dialogue to a reply with its trace: decoding, hosted nets, replies as jobs.

In the order in which to read them:

    decoding.py        sampling, greedy and beam search over any net
    choosing.py        scores of the vocabulary -> the next token of each reply
    after_hi.py        what a net would say to anybody
    guidance.py        words that are due to this dialogue rather than any
    batch_decoding.py  many replies at once, for evaluation
    rerank.py          the best of several samples: what fits this dialogue rather than any
    trace.py           DecodeOptions, Trace, Reply: how a reply came about
    decode_flags.py    the decode options as flags of a command
    intervention.py    what if: what is changed inside a net for one reply
    responder.py       the border: something that can answer a seeker
    converse.py        a seeker's posts answered in turn
    tracing.py         what a decoded reply tells: the parts of its trace
    writer.py          what writes the replies of hosted nets: the engine, or each alone
    hosting.py         loaded nets as responders
    engine/            the replies of many users and nets in one running batch
    speed/             how fast that is, beside other ways to make replies
    job.py             a reply in the making as others see it
    service.py         replies as jobs that outlive the page
    arenas.py          what threads free goes to others
"""
