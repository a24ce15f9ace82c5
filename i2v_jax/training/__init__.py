"""A config becomes a run: data, model, step, loop, checkpoints.

shipped_configs, config_files, config_flag: where configs come from.
config_ranges, optional_keys: what their values may be.
experiment: a config becomes data, clips and a model.
stored, warm_start, facts: trained models on disk, and training that starts
  from one.
run: everything a run is made of; trainable, overview: what it trains.
train_step, augment, optimizer: one step. loop: all of them.
gradient_depth, features, feature_store: what makes training cheaper.
memory, auto: what fits on a device. nonfinite: where non-finite values begin.
counts: parameters and multiply-accumulates of a config. gallery: a picture.
evaluation, sweeps, workdir: folders with a docstring of their own.
"""
