"""The labels of mirrored clips, from the config to what is printed and kept."""

import pytest

from i2v_jax.data.clips import clips
from i2v_jax.data.show import picked, show
from i2v_jax.runtime.console import console
from i2v_jax.training import experiment, facts, overview
from i2v_jax.training.run import prepare_run

PUSHED = ('push_left', 'push_right')


def config_of(smoke_config, **clip):
  config = smoke_config('finetune_folder')
  with config.unlocked():
    config.clip.update(clip)
  return config


def test_clips_are_mirrored_with_the_label_of_the_other_side(smoke_config):
  spec = experiment.make_clip_spec(config_of(smoke_config), PUSHED)
  assert spec.flip == 0.5 and spec.flip_map == {0: 1, 1: 0}


def test_a_side_without_partner_ends_training_unless_nothing_is_mirrored(
  smoke_config,
):
  names = ('push_left', 'wave')
  with pytest.raises(ValueError, match=r'exactly one mirror.*clip\.flip=0'):
    experiment.make_clip_spec(config_of(smoke_config), names)
  for change in (dict(flip=0.0), dict(flip_labels=False)):
    config = config_of(smoke_config, **change)
    assert experiment.make_clip_spec(config, names).flip_map == {}


@pytest.mark.parametrize(
  ('change', 'said'),
  [
    ({}, 'clips exchange: left and back <-> right and back, moves left <->'),
    (dict(flip=0.0), 'no clip is mirrored'),
    (dict(flip_labels=False), 'keep their labels, though classes name sides'),
  ],
)
def test_what_becomes_of_labels_is_said_at_the_start(
  smoke_config, tmp_path, monkeypatch, change, said
):
  lines = []
  monkeypatch.setattr(console, 'print', lines.append)
  config = config_of(smoke_config, **change)
  overview.print_overview(prepare_run(config, tmp_path / 'w'))
  assert said in lines[-1]


def test_facts_hold_the_exchanged_labels(smoke_config):
  config = config_of(smoke_config)
  found = facts.describe_preprocessing(config, PUSHED)
  assert found['clip']['flip_map'] == {0: 1, 1: 0}
  # A run of an older version may have trained with such names.
  assert (
    facts.describe_preprocessing(config, PUSHED[:1])['clip']['flip_map'] == {}
  )


def test_folders_of_classes_give_labels_and_names(tmp_path):
  for name in ('train/push_right/a.mp4', 'train/push_left/b.mp4'):
    (tmp_path / name).parent.mkdir(parents=True)
    (tmp_path / name).touch()
  names = picked.find_class_names([tmp_path])
  assert names == PUSHED
  videos = picked.label_videos(picked.list_clips([tmp_path], 2), names)
  assert [label for _, label in videos] == [0, 1]
  assert picked.find_class_names([tmp_path / 'train' / 'push_left']) == ()
  assert picked.label_videos([('x/push_right/c.mp4', 7)], names)[0][1] == 7
  assert picked.label_videos([('x/other/c.mp4', None)], names)[0][1] is None


def test_a_mirrored_strip_names_the_exchanged_class(videos):
  spec = clips.ClipSpec(
    num_frames=2, image_size=32, short_side=40, flip=1.0, flip_map={0: 1, 1: 0}
  )
  with show.open_video(videos / 'rotated_90.mov') as video:
    (seen,) = show.draw_train_clips(video, 0, spec, (0,), 1, PUSHED)
  assert seen.notes == ['mirrored', 'label 1', 'push_right']
