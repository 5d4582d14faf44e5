"""From predictions to figures with intervals, compared with the published ones.

In reading order:

    figure.py            a figure as a function of what each dialogue adds
    definitions.py       what exactly the text figures count
    text_figures.py      figures of texts: D-n, B-n, R-L, METEOR
    strategy_figures.py  figures of strategy prediction
    perplexity.py        perplexity per token or word
    bertscore.py         BERTScore, if its package is installed
    predictions.py       predictions as a file
    reply_files.py       anybody's replies as predictions: JSON Lines, CSV, two text files
    uncertainty.py       intervals and paired tests
    system_figures.py    predictions -> every figure
    published.py         the figures the papers print, each with its split
    report.py            predictions -> figures with intervals
    tables.py            reports as text
    spreads.py           mean and deviation over trainings of several seeds
    paper_tables.py      the papers' tables, our rows under theirs
    measure_flags.py     flags that say what is counted, and the resulting reports
    asking_systems.py    replies of systems that are not our nets
    predicting.py        a net's predictions of many turns
    knowledge_effect.py  each turn with its own knowledge, with that of another turn, with none
"""
