"""How fast replies are, compared with other ways to make them: `python -m models benchmark`.

In reading order:

    talks.py       the talks that all of them answer
    contender.py   what all of them are
    contenders.py  the engine, the plain path and transformers
    llama_cpp.py   llama.cpp, if it is installed
    measure.py     rounds, medians, the speed limit of the machine
    shown.py       the figures as a table and as a plot
    copies.py      what short copies of the weights change in replies
"""
