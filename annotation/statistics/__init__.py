"""The analysis of votes: from values to values, without a database.

In reading order:

    flags.py          unusual things in a rater's work: all limits in one place
    intervals.py      figures with intervals, items as the unit
    figure_texts.py   one way to write a figure and its interval
    agreement.py      percent agreement, Fleiss, Krippendorff, Cohen
    win_tie_lose.py   counts, shares and sign tests of the votes on two systems, corrected for their number
    pairwise.py       win / tie / lose by votes and by items, order effects, splits
    strength.py       Bradley-Terry strengths
    raters.py         one row per rater, with flags, and what changes without a rater
    pointwise.py      means of ratings
    live_report.py    preferences per turn, helpfulness, intensity before and after
    explanations.py   does an explanation predict the vote?
    reasons.py        the raters' reasons, in their own words
    study_data.py     all data of a study that the statistics read
    study_report.py   these data -> all statistics, as one value
    report_tables.py  a report as tables
"""
