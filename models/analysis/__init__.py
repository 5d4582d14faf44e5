"""What the figures of the papers need, measured on nets and their predictions; the files hold no text.

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
    states.py          the decoder states of replies, as the vocabulary reads them (STAR, figure 4)
    state_map.py       states -> clusters, t-SNE and PCA, and the places of new states among them
    map_turns.py       which turns a map shows, and what it tells of them
    map_file.py        a map as a file: one net, strictly read
    shipped/           the files of the shipped nets; maps/
"""
