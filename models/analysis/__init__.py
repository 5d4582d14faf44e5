"""Measurements behind the papers' figures, made on nets and their predictions; the files contain no text.

The modules, in suggested reading order:

    strategy_turns.py  the strategies that a net predicts on each turn, with the annotated one
    asking.py          gets these predictions from a net
    stages.py          strategies over the course of a conversation (MISC, figure 3)
    labels.py          how often each strategy is chosen, and which are confused (AdMISC, figure 6)
    top_k.py           the annotated strategy among the k most probable (MISC, figure 5; AdMISC, figure 5)
    cosine.py          how far two losses agree
    gradients.py       how losses pull against each other (STAR, figure 3)
    reply_figures.py   figures of the replies, counted as in the papers
    analysis.py        all figures of one net
    analysis_file.py   an analysis as a file, read strictly
    states.py          the decoder states of replies, as the vocabulary reads them (STAR, figure 4)
    state_map.py       states -> clusters, t-SNE and PCA, and the places of new states among them
    map_turns.py       which turns a map shows, and what it says about them
    map_file.py        the map of one net as a file, read strictly
    shipped/           the files of the shipped nets; maps/
"""
