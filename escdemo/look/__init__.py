"""How things look: theme, HTML and figures, for both pages.

In the order in which to read them:

    strategy_looks.py  colour, pattern and shape of each strategy
    figures.py         plain values -> plotly figures
    study_figures.py   a study's results -> plotly figures
    map_figures.py     maps of decoder states -> plotly figures
    render.py          values -> escaped HTML
    theme.py           look and keys
"""
