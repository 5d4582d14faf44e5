"""The language models that every net stands on, and the low-rank changes of them.

In the order in which to read them:

    encoder_decoder.py  the encoder-decoder under every net: BlenderbotSmall with memory streams
    adapters.py         low-rank changes of a shared base
    warm_start.py       a compact backbone out of a MiniLM encoder
    blenderbot_90m.py   the papers' BlenderBot-small 90M from the Hub or a folder
"""
