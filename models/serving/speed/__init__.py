"""How fast replies are, compared with other ways to make them: `python -m models benchmark`.

In reading order:

    talks.py       the talks that all of them answer
    contenders.py  the engine, the plain path, transformers and llama.cpp
    measure.py     rounds, medians, the speed limit of the machine
    shown.py       the figures as a table and as a plot
"""
