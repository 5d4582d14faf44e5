"""The published nets, one a file, each on any backbone.

In the order in which to read them:

    weighting.py    how the parts of a loss combine: fixed, staged, averaged, ramped
    net.py          what every net is: losses and a plan for one reply
    streams.py      what a decoder reads beside the context: names, and how it changes
    emotion_loss.py the loss of a net that says what the seeker feels
    mixing.py       what the nets that mix strategies share
    joint.py        BlenderBot-Joint (Liu et al. 2021)
    misc.py         MISC (Tu et al. 2022) and its variants
    admisc.py       AdMISC (Jia et al. 2024) and its ablations
    kemi.py         KEMI (Deng et al. 2023), with similar talks in the place of its graph
    emstremo.py     Emstremo (Li et al. 2024)
    fado.py         FADO (Peng et al. 2023), with the seekers' ratings
    multiesc.py     MultiESC (Cheng et al. 2022), planner and rater on one base
    turn_graph.py   turns as nodes of a graph, attention along its edges
    transesc.py     TransESC (Zhao et al. 2023)
    glhg.py         GLHG (Peng et al. 2022)
    supporter.py    SUPPORTER (Zhou et al. 2023), its experts without drafts
    scbg.py         SCBG (Xu et al. 2024), after its abstract
    star.py         STAR (Lee et al. 2025), on top of any other net
    scratch.py      what the nets trained from scratch share: size, fresh backbone, no strategies
    transformer.py  Transformer and MT Transformer, baselines of the MISC and AdMISC tables
    moel.py         MoEL (Lin et al. 2019)
    mime.py         MIME (Majumder et al. 2020)
    registry.py     the nets by name
    stored.py       what nets stand on, and nets as changes of it
    support.py      the support adapter under all nets on a causal base
"""
