"""One training loop, bit-exactly resumable, on one or many devices, and what belongs to it.

The modules, in suggested reading order:

    device.py         CPU, one GPU or several processes
    run_state.py      a training's files: written whole, read with clear errors
    run_log.py        log.jsonl and TensorBoard curves
    divergence.py     NaN, infinite or huge values, which end a training before it is saved
    fit.py            one training loop: bit-exactly resumable, on one or many devices
    sampler.py        examples -> endless batches of similar length
    turn_examples.py  ESConv turns -> examples, with their tails and emotions
    validation.py     losses and strategy figures on held-out examples
    speed.py          training speed of every net compared with its base alone
    preflight.py      checks before a training starts
    provenance.py     what a measured net is made of, and whether it was trained on the data it is measured on
    training_data.py  ESConv as numbered batches, and what a run does with them
    choice.py         trains only the modules that choose the strategy, on their precomputed inputs
"""
