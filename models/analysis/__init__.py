"""What the papers' figures need, computed from a net and its predictions, and free of any text.

In the order in which to read them:

    strategy_turns.py  the strategies that a net predicts on each turn, beside the annotated one
    asking.py          a net asked for them
    stages.py          strategies over the course of a conversation (MISC, figure 3)
    labels.py          how often each strategy is chosen, and taken for which (AdMISC, figure 6)
    top_k.py           the annotated strategy among the k most probable (MISC, figure 5; AdMISC, figure 5)
    cosine.py          how far two losses agree
    gradients.py       how losses pull against each other (STAR, figure 3)
    reply_figures.py   the replies in the papers' ways of counting
    analysis.py        all of it for one net
    analysis_file.py   as a file, read strictly
    shipped/           the files of the shipped nets
"""
