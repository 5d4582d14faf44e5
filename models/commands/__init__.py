"""The commands of python -m models, one module each.

In reading order:

    respond.py       answer a seeker, with the trace of the reply
    serve.py         answer any client of the OpenAI protocol
    samples.py       answer the fixed prompts, unselected
    train.py         fine-tune a net on ESConv
    evaluate.py      measure nets on a part of ESConv, with the published figures for comparison
    score.py         measure replies of any origin
    compare.py       two systems on the same turns, with intervals and tests
    seeds.py         several trainings of a net: mean and deviation
    tables.py        the papers' tables with all our measurements
    analyse.py       the data of the page's figures, as one file for each net
    interference.py  how losses pull against each other
    knowledge.py     whether nets use their knowledge: other blocks, or none
    map.py           maps of decoder states: clusters, strategies, planes
    items.py         items for a study: contexts with the reply and trace of each net
    benchmark.py     how long replies take
    comet.py         train, measure and try the shipped COMET
    emotion.py       train, measure and try the shipped detector
    support.py       train the support adapter that all nets on a causal base share
"""
