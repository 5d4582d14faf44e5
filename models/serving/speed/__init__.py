"""How fast replies are, beside other ways to make them: `python -m models benchmark`.

In the order in which to read them:

    talks.py       the talks that all of them answer
    contenders.py  the engine, the plain path, transformers and llama.cpp
    measure.py     rounds, medians, the machine's own ceiling
    shown.py       the figures as a table and as a plot
"""
