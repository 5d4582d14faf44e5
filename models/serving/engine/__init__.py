"""Decodes hosted nets on causal bases: the replies of many users, sides and nets in one running batch.

In reading order:

    engine.py     the thread: its tasks, and the order in which it does them
    prefill.py    reads what a plan needs, in pieces
    writing.py    a reply that is being written
    batch.py      the running batch of one base: replies join, leave and get their next tokens
    one_token.py  one token of every row through all layers
    norms.py      the norms of all layers
    stack.py      the low-rank changes of all nets, stacked
    lanes.py      where keys and values are kept
"""
