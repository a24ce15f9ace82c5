"""Makes folders in the shape of VidTAB, with the defects of its lists."""

import pathlib
import shutil

from files import touch, write

from i2v_jax.data.sets import vidtab

SHOTS = 4
DARK = ('Drink', 'Jump', 'Pick', 'Pour', 'Push', 'Run')
DARK += ('Sit', 'Stand', 'Turn', 'Walk', 'Wave')
# Unordered, as published: keys are text, or numbers, from 0 or from 1.
MAPS = {
  'AR_in_Dark': {str(n): DARK[n] for n in (5, 9, 6, 10, 7, 8, 0, 1, 2, 3, 4)},
  'Animal_Behavior': {
    n: {'Category': 'Movement', 'Action': f'Act {n}', 'Description': '\n'}
    for n in reversed(range(12))
  },
  'Fake_Face': {0: 'video with fake face', 1: 'origin video'},
  'Harmful_Content': {0: 'harmless', 1: 'violent', 2: 'obscene'},
  'Medical_Surgery': {
    n: f'step {n}' for n in (1, 5, *range(2, 5), *range(6, 17))
  },
}
NAMES = {  # of training lists, by fold
  'AR_in_Dark': ('train_4_fold1.txt', 'train_4_fold2.txt', 'train_4_fold3.txt'),
  'Animal_Behavior': ('train_4.txt', 'train_4_fold2.txt', 'train_4_fold3.txt'),
  'Medical_Surgery': ('train.txt',),
}


def make(root, task: str, clips=None) -> dict[str, str]:
  """Makes a task with lists of 4 shots and a test list of two per class.

  Harmful_Content has a test video with two labels and one that is also in the
  first training list; AR_in_Long_Video has every test line twice.

  Args:
    root: folder of all tasks.
    task: one of `MAPS`.
    clips: videos to copy in turn; without any, they are empty files.

  Returns:
    list -> its text.
  """
  classes, folder = vidtab.TASKS[task].classes, pathlib.Path(root, task)
  lists = {}
  for fold, name in enumerate(NAMES.get(task, NAMES['AR_in_Dark']), 1):
    lists[name] = _list(classes, f'fold{fold}', SHOTS)
  test = _list(classes, 'test', 2)
  if task == 'Harmful_Content':
    test += 'test/1_0.mp4 2\nfold1/0_0.mp4 0\n'
  lists[vidtab.TASKS[task].test] = test
  write(folder, lists | {'label_map.txt': repr(MAPS[task])})
  _write_videos(folder / 'videos', lists.values(), clips)
  return lists


def _list(classes: int, folder: str, count: int) -> str:
  return ''.join(
    f'{folder}/{label}_{n}.mp4 {label}\n'
    for label in range(classes)
    for n in range(count)
  )


def _write_videos(folder: pathlib.Path, lists, clips) -> None:
  videos = {
    line.rpartition(' ')[0] for text in lists for line in text.split('\n')
  }
  videos = sorted(videos - {''})
  touch(folder, *videos)
  for number, video in enumerate(videos if clips else ()):
    shutil.copy(clips[number % len(clips)], folder / video)
