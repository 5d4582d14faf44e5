"""One training loop, resumable to the bit, on one or many devices, and what belongs to it.

In the order in which to read them:

    device.py         CPU, one GPU or several processes
    run_state.py      a training's files: written whole, read with clear errors
    run_log.py        log.jsonl and TensorBoard curves
    divergence.py     NaN, infinite or huge: what ends a training before it is saved
    fit.py            one training loop: resumable to the bit, on one or many devices
    sampler.py        examples -> endless batches of similar length
    turn_examples.py  ESConv turns -> examples, with their tails and emotions
    validation.py     losses and strategy figures on held-out examples
    speed.py          training speed of every net beside its base alone
    preflight.py      reasons not to start a training
    provenance.py     what a measured net is made of, and whether it has seen what it is measured on
    training_data.py  ESConv as batches by number, and what a run does with them
    choice.py         what chooses the strategy, trained alone on what it reads
"""
