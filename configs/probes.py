"""How probes of a frozen image model are trained."""


def attentive_probe(c):
  """As VideoEval trains it; what decays is everything.

  It reads the last hidden state of Hugging Face's models, which is after the
  final norm, but for CLIP's before it.
  """
  after = c.model.backbone.family != 'clip'
  c.model.adapter = dict(
    name='attentive_probe', positions=True, final_norm=after
  )
  as_probe(c)
  c.optimizer.lr, c.optimizer.lr_end = 5e-5, 0.02
  c.optimizer.schedule, c.optimizer.warmup_epochs = 'epoch', 5.0


def step_probe(c):
  """STEP; its recipe is ours."""
  c.model.adapter = dict(name='step_probe', positions=True)
  as_probe(c)


def as_probe(c):
  c.model.temporal_embedding, c.trainable = False, ('adapters', 'head')
