"""The analysis of votes: values in, values out, no database.

In the order in which to read them:

    flags.py          what stands out in a rater's work: all limits in one place
    intervals.py      figures with intervals, items as the unit
    figure_texts.py   one way to write a figure and its interval
    agreement.py      percent agreement, Fleiss, Krippendorff, Cohen
    win_tie_lose.py   counts, shares and sign tests of the votes on two systems, corrected for their number
    pairwise.py       win / tie / lose by votes and by items, order effects, splits
    strength.py       Bradley-Terry strengths
    raters.py         one row per rater, what stands out, what changes without one
    pointwise.py      means of ratings
    live_report.py    preferences per turn, helpfulness, intensity before and after
    explanations.py   does an explanation predict the vote?
    reasons.py        why raters answered so, in their own words
    study_data.py     everything of a study that the statistics read
    study_report.py   everything of a study -> all statistics, as one value
    report_tables.py  a report as tables
"""
