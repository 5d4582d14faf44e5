"""How things look: theme, HTML and figures, for both pages.

In the order in which to read them:

    strategy_looks.py  colour, pattern and shape of each strategy
    relation_words.py  what the relations of commonsense mean
    figures.py         plain values -> plotly figures
    study_figures.py   a study's results -> plotly figures
    analysis_figures.py  what a net chooses, and how well, as the papers draw it
    analysis_words.py    the same in a sentence each, and as tables
    net_cards.py         a net in plain words; the papers' tables with our rows
    talk_figures.py    the strategies of a talk, message by message
    map_figures.py       maps of decoder states -> plotly figures
    render.py          values -> escaped HTML
    script_texts.py    what the scripts say
    theme.py           look and keys (page.css; plots.js, page.js, talk.js, light.js, map.js)
"""
