"""What trained nets hold inside, measured: files without any text of the data set, for figures.

In the order in which to read them:

    states.py     the decoder states of replies, as the vocabulary reads them
    state_map.py  states -> clusters, t-SNE and PCA, and the places of new states among them
    map_turns.py  which turns a map shows, and what it tells of them
    map_file.py   a map as a file: one net, strictly read
    shipped/      what was measured on the shipped nets: maps/
"""
