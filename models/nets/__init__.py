"""The published nets, one per file, each on any backbone.

The modules, in suggested reading order:

    weighting.py    how the parts of a loss combine: fixed, staged, averaged, ramped
    net.py          the base class of all nets: losses and a plan for one reply
    streams.py      what a decoder reads besides the context: names, and how its layers are adapted
    emotion_loss.py the loss of nets that predict the seeker's emotion
    other_blocks.py batches with other commonsense, so that a net learns to use its own
    mixing.py       what nets that mix strategies have in common
    joint.py        BlenderBot-Joint (Liu et al. 2021)
    misc.py         MISC (Tu et al. 2022) and its variants
    admisc.py       AdMISC (Jia et al. 2024) and its ablations
    kemi.py         KEMI (Deng et al. 2023), with similar talks in place of its graph
    emstremo.py     Emstremo (Li et al. 2024)
    fado.py         FADO (Peng et al. 2023), with the seekers' ratings
    multiesc.py     MultiESC (Cheng et al. 2022), planner and rater on one base
    turn_graph.py   turns as nodes of a graph, attention along its edges
    transesc.py     TransESC (Zhao et al. 2023)
    glhg.py         GLHG (Peng et al. 2022)
    supporter.py    SUPPORTER (Zhou et al. 2023), its experts without drafts
    scbg.py         SCBG (Xu et al. 2024), rebuilt from its abstract
    star.py         STAR (Lee et al. 2025), on top of any other net
    scratch.py      what nets trained from scratch have in common: size, fresh backbone, no strategies
    transformer.py  Transformer and MT Transformer, baselines of the MISC and AdMISC tables
    moel.py         MoEL (Lin et al. 2019)
    mime.py         MIME (Majumder et al. 2020)
    registry.py     the nets by name
    stored.py       the bases that nets are built on, and saving nets as changes of a base
    support.py      the support adapter that all nets on a causal base share
"""
