"""Dialogues and what nets learn from them: strategies, ESConv, examples, batches, word pieces.

The modules, in suggested reading order:

    dialogue.py          Turn, Dialogue: what is said, by whom
    strategies.py        the 8 support strategies: order, names, spellings
    esconv.py            ESConv from a file or the Hub, and its two splits
    esconv_flags.py      command-line flags for which part of ESConv to read
    pasted.py            reads a dialogue that a user pastes
    strategy_history.py  how a talk has gone so far, and what that says about the next strategy
    esconv_labels.py     emotions and problems that ESConv's dialogues are labelled with
    outcome.py           what followed a turn in a recorded talk: the seeker's rating, the next strategies
    relations.py         the relations of ATOMIC that COMET is queried for
    examples.py          Dialogue -> Example: what a net reads and writes for one turn
    batches.py           list of Examples -> Batch of tensors
    tokenizer.py         text <-> ids
    corpora.py           reads sets of support talks
    prompts.py           the fixed prompts, for inspecting and timing replies
    contexts.py          role cards or turns of ESConv for the items of a study, drawn by seed
    chat_tokenizer.py    text <-> ids in a causal base's chat format
    own_talks.py         talks written for this project: harmless answers to risky openings, warm ones to others
    themes.py            sentences that fit a trouble or a feeling named in a message (themes.json)
    said_back.py         sentences of a message that can be said back, with first and second person swapped
    mixed_up.py          whether a reply says a message back with its persons mixed up
    torn_off.py          whether a reply says a piece of a message back that makes no sense alone
    rule_answers.py      answers made by rule from both, each with its strategy
    support_corpora.py   training data of the support adapter
"""
