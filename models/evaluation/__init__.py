"""From predictions to figures with intervals, beside the published ones.

In the order in which to read them:

    metrics.py           figures of texts, as pure functions
    strategy_metrics.py  figures of strategy prediction
    bertscore.py         BERTScore, where its package is installed
    predictions.py       predictions as a file
    reply_files.py       anybody's replies as predictions: JSON Lines, CSV, two text files
    uncertainty.py       intervals and paired tests
    figure_sums.py       every figure as a function of sums, to be drawn anew
    published.py         the figures the papers print, each with its split
    report.py            predictions -> figures with intervals
    tables.py            reports as text, our rows under the papers'
    measure_flags.py     flags of what is counted, and the reports they ask for
    predicting.py        a net's predictions of many turns
"""
