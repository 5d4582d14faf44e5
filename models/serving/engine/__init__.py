"""Replies of many users, sides and nets in one running batch: what hosted nets on causal bases are decoded by.

In the order in which to read them:

    engine.py     the thread: what is asked of it, and in which order it does it
    prefill.py    what a plan has to read, in pieces
    writing.py    a reply that is being written
    batch.py      the running batch of one base: who joins, who leaves, the next token of each
    one_token.py  one token of every row through all layers
    stack.py      the low-rank changes of all nets under one another
    lanes.py      where keys and values lie
"""
