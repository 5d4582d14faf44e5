"""What a net reads besides the dialogue: commonsense (COMET), the seeker's emotions, replies in similar talks.

In the order in which to read them:

    comet.py            commonsense about an event: one interface, a cache
    comet_shipped.py    the shipped COMET
    comet_hub.py        a COMET-BART from the Hub or a folder
    comet_data.py       commonsense triples -> batches
    comet_score.py      exact match and BLEU-2 of tails beside a baseline
    emotion.py          the seeker's emotion: 28 GoEmotions labels read as ESConv's 7
    emotion_shipped.py  the shipped emotion detector
    emotion_hub.py      a GoEmotions classifier from the Hub or a folder
    cases.py            replies in similar talks, out of a case base
    cases_bm25.py       similar by their words
    cases_embedded.py   similar by vectors of the default base
    shipped_or_hub.py   those that --comet, --emotion, --cases and --retriever name
"""
