"""Which map is drawn on which frame, and what a sheet and a video show."""

import dataclasses

import cv2
import numpy as np
import pytest
from encoded import decode_all

from i2v_jax.data.show import sheet
from i2v_jax.deploy.attention import outputs, pictures
from i2v_jax.deploy.attention import rows as rows_of
from i2v_jax.deploy.attention.clip import Clip
from i2v_jax.deploy.attention.compute import ClipAttention
from i2v_jax.models.attention.maps import AttentionMap

COUNT, SIDE = 4, 4  # frames of the clip, patches along a side


def make_clip(frames=None, count=COUNT):
  """Frames whose brightness is their number times 20."""
  if frames is None:
    grey = 20 * np.arange(count, dtype=np.uint8)
    frames = np.broadcast_to(grey[:, None, None, None], (count, 32, 32, 3))
  numbers = 10 * np.arange(count)
  return Clip('a.mp4', {}, np.array(frames), numbers, numbers / 10)


def make_map(name='spatial', frames=None, spots=(), **options):
  """Two heads that look at one patch of each frame, and at no patch."""
  frames = np.array(range(COUNT) if frames is None else frames)
  queries = options.pop('queries', np.arange(len(frames)))
  weights = np.zeros((1, len(frames), 2, SIDE, SIDE), np.float32)
  for place in range(len(frames)):
    y, x = spots[place] if spots else (0, 0)
    weights[0, place, :, y, x] = 0.5, 0.7
  rest = np.full((1, len(frames), 2), 0.4, np.float32)
  made = AttentionMap(name, weights, frames, queries, (2, 3), rest, 'places')
  return made._replace(**options)


def attend(*maps, image=(), clip=None, at=None, **facts):
  facts = {'grid': (SIDE, SIDE)} | facts
  clip = clip or make_clip()
  return ClipAttention(
    clip, maps, image, ['a.mp4', 'a run'], [], facts, at, True
  )


def test_rows_are_frames_image_model_and_groups_of_heads():
  before = make_map('frame -1', [0, 0, 1, 2])
  rows = rows_of.make_rows(attend(make_map(), before, image=[make_map()]))
  titles = [row.title for row in rows]
  assert titles == [
    'frames',
    'image model',
    'spatial heads',
    'temporal heads, frame -1',
  ]
  assert rows[1].notes[:2] == [
    'frozen, without adapters',
    'mean of all 2 heads',
  ]
  assert rows[3].notes == [
    'look at the previous frame of the clip',
    'mean of heads 2-3',
    'brightest patch: 60% of the attention',
    'even attention: 3.8% a patch',  # 60% on 16 patches
    'on other tokens: 40%',
  ]


def test_an_image_model_that_training_changed_is_not_called_frozen():
  attention = dataclasses.replace(attend(image=[make_map()]), frozen=False)
  _, before = rows_of.make_rows(attention)
  assert before.notes[0] == 'as it was before fine-tuning'


def test_a_moved_head_is_drawn_on_the_frame_of_its_keys():
  attention = attend(make_map(), make_map('frame +1', [1, 2, 3, 3]))
  _, spatial, after = rows_of.make_rows(attention)
  assert [cell.frame for cell in spatial.cells.values()] == [0, 1, 2, 3]
  assert {place: cell.frame for place, cell in after.cells.items()} == {
    0: 1,
    1: 2,
    2: 3,
    3: 3,
  }
  captions = [pictures.caption(attention, after, p) for p in range(4)]
  assert captions == [
    ['on frame 1'],
    ['on frame 2'],
    ['on frame 3'],
    ['on frame 3, its own:', 'there is none after'],
  ]
  assert not any(pictures.caption(attention, spatial, p) for p in range(4))
  drawn = pictures.draw_cell(attention, after, 0, 96)
  dark = drawn[-1, -1].mean()  # where the map has nothing, the frame is left
  wanted = pictures.draw_cell(attention, spatial, 1, 96)[-1, -1].mean()
  assert (
    dark
    == wanted
    > pictures.draw_cell(attention, spatial, 0, 96)[-1, -1].mean()
  )


def test_frames_count_in_the_clip_as_offsets_do():
  """Whatever their numbers in the video are, which are 10 apart here."""
  attention = attend(make_map('frame -2', [0, 0, 0, 1]))
  frames, back = rows_of.make_rows(attention)
  assert pictures.caption(attention, frames, 2) == ['frame 2, 2.00 s']
  assert [pictures.caption(attention, back, p) for p in range(COUNT)] == [
    ['on frame 0, its own:', 'there is none before'],
    ['on frame 0:', 'there is none before'],
    ['on frame 0'],
    ['on frame 1'],
  ]


@pytest.mark.parametrize(
  ('name', 'title', 'notes'),
  [
    ('space', 'over space', ['looks at its own frame']),
    (
      'frame -2',
      'temporal heads, frame -2',
      ['look 2 frames back in the clip'],
    ),
    (
      'spatial, values -1',
      'spatial heads',
      ['look at their own frame', 'values of frame -1'],
    ),
    ('frames -1 0 +1 mixed', 'mixed heads', ['channels of frames -1 0 +1']),
    ('rollout framesets', 'rollout, framesets', ['cut back into frames']),
  ],
)
def test_every_group_has_a_title(name, title, notes):
  row = rows_of.make_rows(attend(make_map(name)))[1]
  assert row.title == title and row.notes[: len(notes)] == notes


@pytest.mark.parametrize(
  ('name', 'title', 'note'),
  [
    ('spatial', 'spatial head', 'looks at its own frame'),
    ('frame +1', 'temporal head, frame +1', 'looks at the next frame'),
    ('frames 0 +1 mixed', 'mixed head', 'channels of frames 0 +1'),
  ],
)
def test_one_head_is_not_called_heads(name, title, note):
  row = rows_of.make_rows(attend(make_map(name, heads=(5,))))[1]
  assert row.title == title and row.notes[0].startswith(note)
  assert row.notes[1] == 'head 5'


@pytest.mark.parametrize(
  ('share', 'text'),
  [(0.9996, '100%'), (0.117, '12%'), (0.0234, '2.3%'), (0.00123, '0.12%')],
)
def test_the_brightest_patch_has_two_digits(share, text):
  weights = np.full((1, COUNT, 2, SIDE, SIDE), share / 10, np.float32)
  weights[0, 1, :, 2, 3] = share
  row = rows_of.make_rows(attend(make_map(weights=weights)))[1]
  assert f'brightest patch: {text} of the attention' in row.notes


def test_the_pooling_query_of_an_image_model_has_a_row_of_its_own():
  maps = [make_map(), make_map('pool')]
  titles = [row.title for row in rows_of.make_rows(attend(image=maps))]
  assert titles[1:] == ['image model', 'image model, pooling query']


def test_heads_are_averaged_and_named():
  one = make_map()
  assert rows_of.average_heads(one)[0, 0, 0] == pytest.approx(0.6)
  names = rows_of.describe_heads
  assert names((5,)) == 'head 5'
  assert names((0, 1, 2, 7, 9, 8)) == 'mean of heads 0-2, 7-9'


def test_framesets_and_fewer_frames_have_the_columns_of_their_frames():
  """As DualPath: every second frame by itself, and all of them in framesets."""
  frames = make_map('frames', [0, 2], queries=[0, 2])
  framesets = make_map('framesets')
  rows = rows_of.make_rows(attend(frames, framesets))
  assert [*rows[1].cells] == [0, 2] and [*rows[2].cells] == [0, 1, 2, 3]
  assert not rows[1].offset
  assert rows[1].find_cell(1) is rows[1].cells[0]  # held in a video


def test_one_query_of_all_frames_has_the_columns_of_its_keys():
  one = make_map('decoder', sums_over='both')
  row = rows_of.make_rows(attend(one))[1]
  assert [*row.cells] == [0, 1, 2, 3] and not row.offset
  assert 'on other tokens: 160%' in row.notes  # the sum of what frames have
  time = rows_of.make_rows(attend(make_map('time', sums_over='frames')))[1]
  assert 'brightest frame: 60% of the attention' in time.notes


def test_the_query_patch_is_outlined_in_its_frame():
  one = make_map('frame -1', [1], queries=[2])
  attention = attend(one, at=(2, 1, 2))
  frames, before = rows_of.make_rows(attention)
  assert {p: cell.frame for p, cell in before.cells.items()} == {2: 1}
  plain = attend(one)
  changed = [
    np.argwhere(
      pictures.draw_cell(attention, frames, place, 128)
      != pictures.draw_cell(plain, frames, place, 128)
    )
    for place in range(COUNT)
  ]
  assert [len(found) > 0 for found in changed] == [False, False, True, False]
  low, high = changed[2].min(axis=0)[:2], changed[2].max(axis=0)[:2]
  np.testing.assert_allclose(low, (32, 64), atol=2)
  np.testing.assert_allclose(high, (63, 95), atol=2)


def test_a_frame_without_a_query_shows_that_of_its_step():
  """Of DualPath's single frames, and of tubelets: never as a temporal head."""
  spatial = make_map('frames', [0], queries=[0])
  attention = attend(
    spatial, make_map('framesets', sums_over='both'), at=(1, 1, 1)
  )
  rows = rows_of.make_rows(attention)
  _, frames, framesets = rows
  assert [*frames.cells] == [0] and not frames.offset
  assert pictures.caption(attention, frames, 0) == ['shown for frame 1']
  assert not any(
    pictures.caption(attention, framesets, p) for p in range(COUNT)
  )
  assert pictures.list_asked(attention, rows) == [1, 0]
  after = make_map('frame +2', [2], queries=[0])  # of tubelets of two frames
  attention = attend(after, at=(1, 1, 1))
  row = rows_of.make_rows(attention)[1]
  wanted = ['on frame 2', 'shown for frame 1']
  assert pictures.caption(attention, row, 0) == wanted
  own = attend(make_map('frames', [2], queries=[2]), at=(1, 1, 2))
  assert not pictures.caption(own, rows_of.make_rows(own)[1], 2)


def test_long_clips_have_a_few_columns_and_say_so():
  assert pictures.choose_columns(8) == [*range(8)]
  places = pictures.choose_columns(64)
  assert len(places) == pictures.MOST and places[:3] == [0, 4, 8]
  assert pictures.choose_columns(64, 5)[:4] == [0, 4, 5, 8]
  clip = make_clip(count=32)
  one = make_map(frames=range(32), spots=[(0, 0)] * 32)
  drawn = pictures.draw_sheet(attend(one, clip=clip))
  assert 16 * 112 < drawn.shape[1] < 20 * 112


def test_a_sheet_and_a_video_are_written(tmp_path):
  attention = attend(make_map(), image=[make_map()])
  outputs.write(tmp_path / 'a.png', attention)
  picture = cv2.imread(str(tmp_path / 'a.png'))
  assert picture.shape[1] > COUNT * 128
  np.testing.assert_array_equal(picture[0, 0, ::-1], sheet.BACKGROUND)
  outputs.write(tmp_path / 'a.mp4', attention)
  images = decode_all(tmp_path / 'a.mp4')
  assert len(images) == COUNT
  first, last = (image.astype(int).mean() for image in images[::3])
  assert last > first  # as the frames of the clip
  assert not [*tmp_path.glob('*.new')]


def test_the_legend_tells_relocation_from_adapters():
  """Only where temporal heads are compared with an image model."""
  before = make_map('frame -1', [0, 0, 1, 2])
  high = lambda *maps, **options: len(
    pictures.draw_legend(rows_of.make_rows(attend(*maps, **options)))
  )
  plain, image = high(make_map()), high(make_map(), image=[make_map()])
  temporal, both = high(before), high(before, image=[make_map()])
  assert plain == image < temporal < both


def test_the_arrays_are_the_maps(tmp_path):
  after = make_map('frame +1', [1, 2, 3, 3])
  attention = attend(make_map(), after, image=[make_map()], block=3)
  outputs.write(tmp_path / 'a.npz', attention)
  found = np.load(tmp_path / 'a.npz')
  np.testing.assert_array_equal(found['frame +1/weights'], after.weights[0])
  np.testing.assert_array_equal(found['frame +1/rest'], after.rest[0])
  assert found['frame +1/frames'].tolist() == [1, 2, 3, 3]
  assert found['frame +1/queries'].tolist() == [0, 1, 2, 3]
  assert found['spatial/heads'].tolist() == [2, 3]
  assert found['spatial/sums_over'] == 'places'
  assert found['image model/spatial/weights'].shape == (COUNT, 2, SIDE, SIDE)
  assert found['numbers'].tolist() == [0, 10, 20, 30]
  assert '"block": 3' in str(found['facts'])
