"""A config becomes a run: data, model, step, loop, checkpoints.

shipped_configs, config_files, config_flag: where configs come from.
config_ranges, optional_keys: ranges of their values, options they may add.
experiment: a config becomes data, clips and a model. clip_age: frames before
  clips, and the models that look at them.
stored, warm_start, facts: trained models on disk, and training that starts
  from one. fresh_params: what no file holds.
run: all parts of a run; resume: from its newest state. trainable, overview:
  the parameters it trains.
train_step, augment, losses, imbalance: one step. optimizer, schedule,
  layer_decay: its rule and rates. batches: what it takes.
loop: the Trainer of all steps. waiting: how long it waits for batches.
  selection: the evaluation that a run reports.
after_training: the page of what has ended; report: pages of runs and sweeps.
gradient_depth, features, feature_store: cheaper training. probe_grid: rates and
  decays of a probe, all at once.
memory, auto: what fits on a device. nonfinite: where NaN and inf begin.
counts: parameters and multiply-accumulates of a config. gallery: a picture.
evaluation, sweeps, workdir: folders with a docstring of their own.
"""
