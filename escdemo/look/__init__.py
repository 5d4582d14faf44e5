"""How both pages look: theme, HTML and figures.

Its parts, in reading order:

    strategy_looks.py  colour, pattern and shape of each strategy
    relation_words.py  what the commonsense relations mean
    figures.py         plain values -> plotly figures
    study_figures.py   a study's results -> plotly figures
    analysis_figures.py  what a net chooses and how well, drawn as in the papers
    analysis_words.py    the same as one sentence per figure, and as CSV
    net_cards.py         nets in plain words; the papers' tables with our rows
    talk_figures.py    the strategies of a talk, message by message
    map_figures.py       maps of decoder states -> plotly figures
    render.py          values -> escaped HTML
    script_texts.py    the sentences of the scripts
    theme.py           theme, style sheet and scripts (page.css; plots.js, page.js, talk.js, light.js, map.js)
"""
