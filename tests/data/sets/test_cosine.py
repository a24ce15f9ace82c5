"""Neighbours and pairs are those of all similarities, whatever the blocks."""

import numpy as np
import pytest

from i2v_jax.data.sets import cosine


def nothing(row):
  return np.empty(0, np.int64)


def itself(row):
  return np.array([row])


@pytest.fixture
def vectors():
  made = np.random.default_rng(0).normal(size=(60, 8)).astype(np.float32)
  made[40:50] = made[10:20]  # ties
  return made / np.linalg.norm(made, axis=1, keepdims=True)


@pytest.mark.parametrize('block', [1, 150, 2**20])
def test_the_nearest_are_in_order_and_ties_by_row(vectors, block, monkeypatch):
  monkeypatch.setattr(cosine, 'BLOCK', block)
  found = [*cosine.find_nearest(vectors, vectors, 7, itself)]
  similarities = np.round(vectors.astype(float) @ vectors.T, 6)
  for row, nearest in enumerate(found):
    order = [
      n for n in np.argsort(-similarities[row], kind='stable') if n != row
    ]
    assert [pair.other for pair in nearest] == order[:7]
    assert {pair.one for pair in nearest} == {row}
    wanted = similarities[row][order[:7]]
    got = [pair.similarity for pair in nearest]
    np.testing.assert_allclose(got, wanted, atol=2e-6)


@pytest.mark.parametrize('block', [1, 150, 2**20])
def test_pairs_are_all_from_a_similarity_on(vectors, block, monkeypatch):
  monkeypatch.setattr(cosine, 'BLOCK', block)
  similarities = np.round(vectors.astype(float) @ vectors.T, 6)
  wanted = {
    (i, j)
    for i in range(60)
    for j in range(i + 1, 60)
    if similarities[i, j] >= 0.7
  }
  found = cosine.find_pairs(vectors, 0.7, itself)
  assert {(one, other) for one, other, _ in found} == wanted
  assert len(found) == len(wanted) > 10
  assert [p.similarity for p in found[:10]] == pytest.approx([1] * 10, abs=1e-5)
  got = [pair.similarity for pair in found]
  assert got == sorted(got, reverse=True)


def test_what_is_excluded_is_no_neighbour():
  same = np.ones((3, 1), np.float32)
  found = [*cosine.find_nearest(same, same, 5, lambda row: np.array([0, row]))]
  assert [[p.other for p in nearest] for nearest in found] == [[1, 2], [2], [1]]
  assert cosine.find_pairs(same, 1.0, lambda row: np.arange(3)) == []


def test_too_many_pairs_are_refused(monkeypatch):
  monkeypatch.setattr(cosine, 'MOST', 5)
  with pytest.raises(ValueError, match=r'More than 5 pairs .* larger one'):
    cosine.find_pairs(np.ones((4, 1), np.float32), 0.98, nothing)
