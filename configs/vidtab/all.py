r"""VidTAB, all eight tasks: ZeroI2V's Table 8 (CLIP L/14, 8 frames).

i2v sweep --config configs/vidtab/all.py
  configs/vidtab/all.py:shots=16,method=zeroi2v
  configs/vidtab/all.py:release_quirks
  configs/vidtab/all.py:smoke

A cell is the mean over the folds of its shots, of which 4 and 16 have three and
100 has one; Medical_Surgery has one list of 4. The average is over the tasks
that have these shots. Methods are zeroi2v, st_adapter, aim, attentive_probe,
linear_probe and full. Other numbers of shots, such as `shots=8`, are drawn from
the next larger list by the seed. `root=DIR` is the folder of all tasks
(docs/datasets.md).

The paper's numbers are not here: its Table 8 is in none of our sources.
What is reported is the last step. `release_quirks` reports the best of all
evaluations on the test list, as the authors do, which is too high; AIM then
drops paths as its release does.
"""

from functools import partial

from configs.vidtab import recipe

sweep = partial(recipe.sweep, tuple(recipe.TASKS))
