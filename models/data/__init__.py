"""What is said and what a net learns from it: dialogues, strategies, ESConv, examples, batches, word pieces.

In the order in which to read them:

    dialogue.py          Turn, Dialogue: what is said, by whom
    strategies.py        the 8 support strategies: order, names, spellings
    esconv.py            ESConv from a file or the Hub, and its two splits
    esconv_flags.py      which of ESConv a command reads, as flags
    pasted.py            a dialogue that somebody pastes
    strategy_history.py  how a talk has gone so far, and what that says about the next strategy
    esconv_labels.py     emotions and problems that ESConv's dialogues are labelled with
    outcome.py           what came of a turn in a recorded talk: the seeker's rating, the strategies that followed
    relations.py         the relations of ATOMIC that COMET is asked
    examples.py          Dialogue -> Example: what a net reads and writes for one turn
    batches.py           list of Examples -> Batch of tensors
    tokenizer.py         text <-> ids
    corpora.py           sets of support talks, read
    prompts.py           the fixed prompts, to look at replies and to time them
    contexts.py          role cards or turns of ESConv for the items of a study, drawn by seed
    chat_tokenizer.py    text <-> ids in a causal base's chat format
    own_talks.py         talks written for this project: harmless answers to risky openings, warm ones to others
    themes.py            what may be said to a trouble or a feeling that a message names (themes.json)
    said_back.py         sentences of a message that can be said back, their persons exchanged
    rule_answers.py      answers made by rule out of both, each with its strategy
    support_corpora.py   what the support adapter learns from
"""
