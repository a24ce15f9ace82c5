"""Where each data set is and what it is called, as in docs/datasets.md."""


def kinetics(c, num_classes=400):
  _data(c, 'kinetics', f'kinetics{num_classes}', f'Kinetics-{num_classes}')
  c.data.options.num_classes = num_classes


def something_v2(c):
  _data(c, 'something_v2', 'something_v2', 'Something-Something V2')
  c.clip.sampling = 'uniform'


def ucf101(c, fold=1):
  _data(c, 'ucf101', 'ucf101', 'UCF101', 'test')
  c.data.options.fold = fold
  c.clip.sampling = 'uniform'


def hmdb51(c, fold=1):
  _data(c, 'hmdb51', 'hmdb51', 'HMDB51', 'test')
  c.data.options.fold = fold
  c.clip.sampling = 'uniform'


def diving48(c):
  _data(c, 'diving48', 'diving48', 'Diving48 (V2)', 'test')
  c.clip.sampling = 'uniform'


def _data(c, kind, folder, name, val='val'):
  c.data.format, c.data.root, c.data.val = kind, f'data/{folder}', val
  c.data.options = dict(on_missing='error')
  c.needs = name
