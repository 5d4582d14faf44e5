"""What a net reads besides the dialogue: commonsense (COMET), the seeker's emotions, replies from similar talks.

The modules, in suggested reading order:

    comet.py            commonsense about an event: one interface, a cache
    comet_shipped.py    the shipped COMET
    comet_hub.py        a COMET-BART from the Hub or a folder
    comet_data.py       commonsense triples -> batches
    comet_score.py      exact match and BLEU-2 of tails, compared with a baseline
    emotion.py          the seeker's emotion: 28 GoEmotions labels read as ESConv's 7
    emotion_shipped.py  the shipped emotion detector
    emotion_hub.py      a GoEmotions classifier from the Hub or a folder
    cases.py            replies from similar talks, found in a case base
    cases_bm25.py       similarity by words
    cases_embedded.py   similarity by vectors of the default base
    shipped_or_hub.py   opens what --comet, --emotion, --cases and --retriever name
"""
