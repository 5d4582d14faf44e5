"""The nets of the emotional-support literature and all they need, from a dialogue to a reply with its trace.

Imports torch and transformers; never gradio, sqlalchemy or the other packages. In the order in which to read them:

    reading/      files that people bring, read strictly; plain Python, for annotation/ too
    data/         dialogues, strategies, ESConv -> examples -> batches
    files/        files written whole or not at all; weights with their cards; the Hub
    backbones/    the language models under every net, and low-rank changes of them
    nets/         one published model a file, and the registry of them
    knowledge/    commonsense (COMET) and the seeker's emotions
    training/     one training loop and what belongs to it
    serving/      decoding, traces, hosted nets, replies as jobs
    api/          the hosted nets as a server that speaks the OpenAI protocol
    systems/      what answers without being a net in this process: nets elsewhere, other servers
    analysis/     what the figures of the papers need, measured; the files hold no text
    evaluation/   predictions -> figures with intervals, beside the published ones
    commands/     python -m models COMMAND
    weights/      the shipped weights, each folder with its card
    experiments/  replies as the nets gave them, beside the log

`EXPERIMENTS.md` has the current results and the log of what was tried, `REPRODUCE.md` the commands behind them,
`data/DATA.md` the data sets and licences, `CITATIONS.md` what to cite.
"""
