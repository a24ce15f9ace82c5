"""The methods that `i2v compare` sets side by side on the quickstart.

One budget: data, steps, batches, optimiser and rate of the moving digits;
adapters of rank 16. Rows have no temporal embedding unless they say so: it is
added to the tokens of a frame, so even a model of single frames knows which
frame it sees.
"""

from configs import heads, trained_parts
from configs.methods import STDHA

CLASSIFIER = ('head', 'backbone/ln_post')
ALL = ('q', 'k', 'v', 'out', 'fc1', 'fc2')
LINEAR = dict(name='zeroi2v', rank=16, dropout=0.0)
AIM = dict(name='aim', rank=16, drop_path=0.0)
GRID = dict(grid=(2, 4), spatial_frames=4, dropout=0.0)
SWIN = dict(
  family='swin', embed_dim=32, depths=(2, 4), num_heads=(4, 8), window=4
)


def row(get, adapter, operator=None, trainable=('adapters', *CLASSIFIER)):
  c = get()
  c.model.adapter, c.model.temporal_operator = adapter, operator
  c.model.temporal_embedding, c.trainable = False, trainable
  return c


def embedded(get, adapter, trainable=('adapters', *CLASSIFIER)):
  c = row(get, adapter, trainable=('temporal_embedding', *trainable))
  c.model.temporal_embedding = True
  return c


def probe(get, name, **options):
  c = row(get, dict(name=name, **options), trainable=('adapters', 'head'))
  c.model.dropout = 0.0
  return c


def still(get):
  """Methods that treat frames one by one."""
  last, biases = (
    trained_parts.last_blocks(get(), 1),
    trained_parts.biases(get()),
  )
  yield 'linear probe', row(get, None, trainable=('head',))
  unordered = probe(get, 'attentive_probe', positions=False)
  yield 'attentive probe, no positions', unordered
  yield 'BitFit', row(get, None, trainable=(*biases, *CLASSIFIER))
  yield 'last block', row(get, None, trainable=(*last, *CLASSIFIER))
  yield 'full fine-tuning', row(get, None, trainable=('',))
  yield 'linear adapters', row(get, LINEAR)
  yield 'GELU adapters', row(get, LINEAR | dict(name='gelu_adapters'))
  yield 'LoRA', row(get, dict(name='lora', on=ALL, rank=16))
  yield 'SSF', row(get, dict(name='ssf'))
  yield 'AdaptFormer', row(get, dict(name='adaptformer', rank=16))
  yield 'VPT, shallow', row(get, dict(name='vpt', deep=False))
  yield 'VPT, deep', row(get, dict(name='vpt'))
  yield 'Pro-tuning', row(get, dict(name='pro_tuning', rank=16))


def between(get):
  """Models that see something of time without a trained method for it."""
  yield 'linear probe, relocation', row(get, None, STDHA, ('head',))
  yield 'linear probe, embedding', embedded(get, None, CLASSIFIER)
  yield 'linear adapters, embedding', embedded(get, LINEAR)
  yield 'AIM, no embedding', row(get, AIM)


def moving(get):
  """Methods that relate frames."""
  st_adapter = dict(name='st_adapter', rank=16, pre_attn=True)
  shift = heads.fit(get(), dict(name='channel_shift', share=8))
  token = dict(name='token_shift')
  yield 'ZeroI2V', row(get, LINEAR, STDHA)
  yield 'linear, channel shift', row(get, LINEAR, shift)
  yield 'linear, [cls] token shift', row(get, LINEAR, token)
  yield (
    'GELU, relocation',
    row(get, LINEAR | dict(name='gelu_adapters'), STDHA),
  )
  yield (
    'LoRA, relocation',
    row(get, dict(name='lora', on=ALL, rank=16), STDHA),
  )
  yield 'full, relocation', row(get, None, STDHA, ('',))
  first = trained_parts.two_heads(get())
  c = row(get, None, STDHA, (*first, *CLASSIFIER))
  c.optimizer.first_channels = first
  yield 'temporal heads only', c
  yield 'AIM', embedded(get, AIM)
  yield 'ST-Adapter', row(get, st_adapter)
  yield 'ST-Adapter, relocation', row(get, st_adapter, STDHA)
  for preset in ('paper', 'release'):
    dualpath = dict(name='dualpath', preset=preset, rank=16) | GRID
    trained = ('adapters', 'head', 'backbone/cls', 'backbone/pos')
    yield f'DualPath, {preset}', row(get, dualpath, trainable=trained)
  evl = dict(name='evl', layers=2, dropout=0.0)
  yield 'EVL', row(get, evl, trainable=('adapters', 'head'))
  yield 'attentive probe', probe(get, 'attentive_probe')
  yield 'STEP', probe(get, 'step_probe')


def on_swin(get):
  """The papers' methods on a Swin, pretrained as the ViT is."""

  def swin():
    c = get()
    c.model.backbone = SWIN | dict(image_size=32)
    if c.weights != 'random':
      c.weights = 'builtin:digits_swin'
    return c

  quarter = dict(name='head_relocation', offsets='quarter')
  dualpath = dict(name='dualpath', rank=16) | GRID | dict(grid=(2, 2))
  yield 'Swin, linear probe', row(swin, None, trainable=('head',))
  yield 'Swin, linear adapters', row(swin, LINEAR)
  yield 'Swin, ZeroI2V', row(swin, LINEAR | dict(heads='quarter'))
  yield 'Swin, AIM', row(swin, AIM | dict(scale=0.5))
  yield 'Swin, DualPath', row(swin, dualpath, None, ('adapters', 'head'))
  yield 'Swin, full, relocation', row(swin, None, quarter, ('',))


def rows(get):
  for group in (still, between, moving, on_swin):
    yield from group(get)
