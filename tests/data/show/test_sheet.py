"""Pictures land where they should, words are drawn, files are written."""

import errno
import pathlib

import cv2
import numpy as np
import pytest

from i2v_jax.data.show import sheet
from i2v_jax.runtime.errors import UserError

RED, BLUE = (250, 0, 0), (0, 0, 250)


def plain(height, width, colour=RED):
  return np.full((height, width, 3), colour, np.uint8)


def is_background(picture):
  return (picture == sheet.BACKGROUND).all()


def test_columns_and_rows_keep_pictures_and_fill_the_rest():
  one, two = plain(4, 6), plain(3, 9, BLUE)
  below = sheet.make_column([one, two], gap=2)
  assert below.shape == (9, 9, 3)
  assert (below[:4, :6] == RED).all() and (below[6:] == BLUE).all()
  assert is_background(below[4:6]) and is_background(below[:4, 6:])
  beside = sheet.make_row([one, two], gap=2)
  assert beside.shape == (4, 17, 3)
  assert (beside[:, :6] == RED).all() and (beside[:3, 8:] == BLUE).all()
  assert is_background(beside[:, 6:8]) and is_background(beside[3:, 8:])


def test_pictures_wrap_after_so_many():
  found = sheet.wrap([plain(4, 5) for _ in range(5)], 3)
  assert found.shape == (4 * 2 + sheet.GAP, 5 * 3 + 2 * sheet.GAP, 3)
  assert is_background(found[4 + sheet.GAP :, 2 * 5 + sheet.GAP :])


def test_borders_and_widths():
  found = sheet.pad(plain(2, 3), width=5, border=1)
  assert found.shape == (4, 7, 3)
  assert (found[1:3, 1:4] == RED).all() and is_background(found[:, 4:])


@pytest.mark.parametrize('size', [(8, 8), (64, 64), (90, 120)])
def test_a_tile_has_its_width_and_the_aspect_of_its_picture(size):
  bare = sheet.draw_tile(plain(*size), 32)
  assert bare.shape[:2] == (32 * size[0] // size[1], 32)
  assert (bare == RED).all()
  captioned = sheet.draw_tile(plain(*size), 32, 'a caption that does not fit')
  assert captioned.shape[1] == 32 and len(captioned) > len(bare)
  assert not is_background(captioned[len(bare) :])


def test_small_pictures_show_their_pixels():
  image = np.random.default_rng(0).integers(0, 256, (4, 4, 3), np.uint8)
  large = sheet.draw_tile(image, 16)
  np.testing.assert_array_equal(large, image.repeat(4, 0).repeat(4, 1))


def test_words_grow_with_their_size_and_are_cut_where_told():
  small, large = (
    sheet.draw_words('frame 12', 10),
    sheet.draw_words('frame 12', 20),
  )
  assert small.shape[0] < large.shape[0] and small.shape[1] < large.shape[1]
  assert not is_background(small)
  assert sheet.draw_words('frame 12' * 9, 10, width=60).shape[1] <= 60
  np.testing.assert_array_equal(sheet.draw_words('é'), sheet.draw_words('?'))


@pytest.mark.parametrize('suffix', ['png', 'jpg'])
def test_a_file_holds_the_picture(tmp_path, suffix):
  path, picture = tmp_path / f'sheet.{suffix}', plain(16, 16)
  sheet.write(path, picture)
  found = cv2.imread(str(path))[..., ::-1].astype(int)
  assert np.abs(found - picture).max() <= (3 if suffix == 'jpg' else 0)


def test_what_jpeg_cannot_hold_is_one_sentence(tmp_path):
  path, tall = tmp_path / 'sheet.jpg', plain(65_501, 1)
  with pytest.raises(ValueError, match=r'sheet\.jpg: .* 65,501 .* write \.png'):
    sheet.write(path, tall)
  assert not path.exists()
  sheet.write(path.with_suffix('.png'), tall)


def test_places_that_cannot_be_written_are_named(tmp_path):
  with pytest.raises(ValueError, match=r'x\.gif; end the name in \.png'):
    sheet.check_path(tmp_path / 'x.gif')
  with pytest.raises(FileNotFoundError, match='no_folder does not exist'):
    sheet.check_path(tmp_path / 'no_folder' / 'x.png')


def test_a_full_disk_is_one_sentence(tmp_path, monkeypatch):
  def write_bytes(path, data):
    raise OSError(errno.ENOSPC, 'No space left on device')

  monkeypatch.setattr(pathlib.Path, 'write_bytes', write_bytes)
  with pytest.raises(UserError, match=r'png could not be written \(No space'):
    sheet.write(tmp_path / 'sheet.png', plain(4, 4))
