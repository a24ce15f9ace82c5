"""VidTAB as its authors train it: tasks, shots, folds, methods (CLIP L/14).

From the configs of VideoEval (16f1244). Where they contradict each other or
cannot be followed, a line says so.
"""

from functools import partial

from configs import common, methods, miniature, probes

TASKS = {  # folder -> name in the table, classes, shots that have a list
  'AR_in_Dark': ('Dark Scene', 11, (4, 16, 100)),
  'AR_in_Long_Video': ('Long Video', 10, (4, 16, 100)),
  'Medical_Surgery': ('Medical Surgery', 16, (4,)),
  'Animal_Behavior': ('Animal Behavior', 12, (4, 16, 100)),
  'Harmful_Content': ('Harmful Content', 3, (4, 16, 100)),
  'Fake_Face': ('Fake Face', 2, (4, 16, 100)),
  'Quality_Access': ('Quality Access', 2, (4, 16, 100)),
  'Emotion_Analysis': ('Emotion Analysis', 7, (4, 16, 100)),
}
ROOT = 'data/video_eval'
EPOCHS = 25
SLOW = ('adapters', 'temporal_embedding', 'backbone')  # a tenth of the rate


def zeroi2v(c, quirks):
  methods.zeroi2v(c, 'k400_L_8f_paper')  # 4 adapters, heads at -1 -1 +1 +1
  c.model.adapter.update(dict(rank=0.125, scale=1.0))
  adapters(c)


def st_adapter(c, quirks):
  """Named 0.125, but the code has 256 channels whatever the width."""
  methods.st_adapter_zeroi2v(c, num_adapters=2, rank=256)
  adapters(c)


def aim(c, quirks):
  methods.aim(c, num_adapters=4, preset='release' if quirks else 'paper')
  c.model.adapter.rank = 0.125
  adapters(c)


def adapters(c):
  """The multiplier of the backbone also applies to what is added to it."""
  still = ('temporal_embedding', 'backbone/ln_post')
  c.optimizer.lr, c.optimizer.lr_multipliers = 3e-4, dict.fromkeys(SLOW, 0.1)
  c.optimizer.decay_multipliers = dict.fromkeys(still, 0.0)


def attentive_probe(c, quirks):
  """The frozen model: position of each frame, one query, MLP and head."""
  probes.attentive_probe(c)


def linear_probe(c, quirks):
  """Published for video models only."""
  methods.linear_probe(c)
  c.optimizer.name, c.optimizer.lr = 'lars', 0.1
  c.optimizer.weight_decay = 0.0


def full(c, quirks):
  """Published for video models only."""
  methods.full(c)
  c.optimizer.lr = 5e-5
  c.optimizer.lr_multipliers = dict(backbone=0.1, temporal_embedding=0.1)


METHODS = dict(
  zeroi2v=('ZeroI2V', zeroi2v),
  st_adapter=('ST-Adapter', st_adapter),
  aim=('AIM', aim),
  attentive_probe=('frozen + attentive probe', attentive_probe),
  linear_probe=('linear probe', linear_probe),
  full=('full fine-tuning', full),
)
DEFAULTS = dict(release_quirks=False, root='', smoke=False)


def get_config(task, arg=''):
  """The config of a task by `method=…,shots=…,fold=…`."""
  defaults = dict(method='zeroi2v', shots=4, fold=1) | DEFAULTS
  return make_config(task, common.parse_arg(arg, **defaults))


def make_config(task, arg):
  """The config of a task by parsed arguments."""
  name, train = common.choose(METHODS, arg.method, 'method')
  c = common.base()
  common.backbone(c, 'L/14', 8)
  c.batch_size, c.accumulate = (4, 1) if arg.shots < 16 else (16, 4)
  train(c, arg.release_quirks)
  data(c, task, arg)
  clips(c)
  schedule(c, arg.shots * TASKS[task][1], arg.release_quirks)
  c.cell = dict(row=f'{name}, {arg.shots} shots', column=TASKS[task][0])
  return shrink(c, arg) if arg.smoke else c


def data(c, task, arg):
  """The list of so many shots; or, of a larger one, some drawn by the seed."""
  lists = TASKS[task][2]
  larger = [shots for shots in lists if shots >= arg.shots > 0]
  if not larger:
    raise common.ArgumentError(
      f'shots of {task} is at least 1 and at most {lists[-1]}, not {arg.shots}.'
    )
  c.data.format, c.data.root = 'vidtab', arg.root or ROOT
  c.data.val, c.needs = 'test', f'{task} of VidTAB'
  c.data.options = dict(
    task=task, shots=larger[0], fold=arg.fold, on_missing='error'
  )
  c.data.shots = 0 if larger[0] == arg.shots else arg.shots


def clips(c):
  """One central view of 224 pixels, from frames of 256."""
  c.clip.sampling, c.clip.flip = 'uniform', 0.0
  c.views.short_side = 256


def schedule(c, examples, quirks):
  """25 epochs; the last step is reported, or the best on the test list.

  The authors' configs evaluate every 5 epochs, and those of probes and full
  fine-tuning every epoch from 19 on as well, which is more to choose from.
  """
  c.epochs = float(EPOCHS)
  c.optimizer.schedule = 'epoch'
  c.optimizer.warmup_epochs, c.optimizer.warmup_from = 5.0, 0.1
  c.optimizer.lr_end = 1e-6 / c.optimizer.lr  # of what has no multiplier
  c.eval_every = 0
  if quirks:
    c.eval_every = round(5 * examples / c.batch_size)
    c.report_step = 'best'


def shrink(c, arg):
  """A miniature on the digits, or on the videos below `root`."""
  found = c.data.copy_and_resolve_references()
  c = miniature.shrink(c)
  if arg.root:
    c.data = found
  if arg.release_quirks:
    c.eval_every = 1
  return c


def sweep(tasks, arg=''):
  """Methods x shots x tasks x folds: (name, config) of each run."""
  arg = common.parse_arg(arg, method='', shots=0, **DEFAULTS)
  for method in [arg.method] if arg.method else METHODS:
    for shots in [arg.shots] if arg.shots else (4, 16, 100):
      for task in tasks:
        yield from folds(task, arg, method, shots)


def folds(task, arg, method, shots):
  """The runs of a cell of the table: none, one, or three."""
  lists = TASKS[task][2]
  if shots > lists[-1]:
    return
  for fold in (1,) if lists == (4,) or shots > 16 else (1, 2, 3):
    given = dict(arg) | dict(method=method, shots=shots, fold=fold)
    c = make_config(task, common.ConfigDict(given))
    yield f'{c.cell.row}, {c.cell.column}, fold {fold}', c


def of(task):
  """`get_config` and `sweep` of a task."""
  return partial(get_config, task), partial(sweep, (task,))
