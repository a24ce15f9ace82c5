"""Names of classes that a mirror exchanges, however they are written."""

import pytest

from i2v_jax.data.clips import flips, sides

PAIRS = [
  ('push_left', 'push_right'),
  ('pushLeft', 'pushRight'),
  ('push-left2', 'push-right2'),
  ('LEFTturn', 'RIGHTturn'),
  ('LEFTTurn', 'RIGHTTurn'),
  ('TVLeft', 'TVRight'),
  ('turnLeft', 'turn_right'),
  ('left2right', 'right2left'),
  ('Left-to-Right', 'right to left'),
  ('turnleft', 'turnright'),
  ('leftward pan', 'rightward pan'),
  ('Turning Hand Clockwise', 'Turning Hand Counterclockwise'),
  ('counter-clockwise', 'clockwise'),
  ('anti clockwise', 'clockwise'),
  ('spin_cw', 'spin_ccw'),
  ('turn left clockwise', 'turn right anticlockwise'),
  ('überholen_links', 'überholen_rechts'),
  ('linke Hand', 'rechte Hand'),
  ('Linkskurve', 'Rechtskurve'),
  ('im Uhrzeigersinn', 'gegen den Uhrzeigersinn'),
  ('à gauche', 'à droite'),
  ('bras gauche', 'bras droit'),
  ('mano izquierda', 'mano derecha'),
  ('向左转', '向右转'),
  ('hand_l', 'hand_r'),
  ('pan_L2R', 'pan_R2L'),
  ('ClockWise', 'CounterClockWise'),
  ('turn LHS', 'turn RHS'),
  ('turn_lt', 'turn_rt'),
  ('顺时针转', '逆时针转'),
  ('時計回り', '反時計回り'),
  ('повернуть налево', 'повернуть направо'),
  ('왼쪽 손', '오른쪽 손'),
]


@pytest.mark.parametrize('pair', PAIRS)
def test_a_pair_is_found(pair):
  assert flips.make_flip_map(['wave', *pair]) == {1: 2, 2: 1}
  assert flips.make_flip_map([pair[1], 'wave', pair[0]]) == {0: 2, 2: 0}


@pytest.mark.parametrize('form', ['{:02}_{}', '{}{}', '{} - {}', '{}. {}'])
def test_numbers_that_count_the_classes_are_no_part_of_names(form):
  names = [form.format(*n) for n in enumerate(['turn left', 'turn right', 'x'])]
  assert flips.make_flip_map(names) == {0: 1, 1: 0}


def test_numbers_that_tell_classes_apart_are():
  names = ['1 left', '2 left', '2 right', '1 right']
  assert flips.make_flip_map(names) == {0: 3, 1: 2, 2: 1, 3: 0}
  assert flips.make_flip_map(['10', '11', '1']) == {}


@pytest.mark.parametrize(
  'names',
  [
    ('left_and_right',),
    ('LeftOrRight',),
    ('left & right', 'left/right'),
    ('links und rechts',),
    ('左右',),
    ('zoom in', 'zoom out', 'up', 'down', 'open', 'close'),
    ('bright', 'leftover', 'upright', 'alright', 'tout droit', 'rights'),
    ('sign_a', 'sign_l', 'sign_r'),  # letters
    ('l', 'wave'),
  ],
)
def test_what_a_mirror_leaves_has_no_entry(names):
  assert flips.make_flip_map(names) == {}
  assert not flips.names_sides(names)


def test_letters_alone_are_left_and_right_if_there_are_no_others():
  assert flips.make_flip_map(['L', 'R']) == {0: 1, 1: 0}
  assert flips.make_flip_map('abcdefghijklmnopqrstuvwxyz') == {}


@pytest.mark.parametrize(
  ('names', 'problem'),
  [
    (('wave', 'push_left'), 'class 1 "push_left" .* but there is none'),
    (('all right',), 'but there is none: .*clip.flip=0; .*clip.flip_labels'),
    (('ccw', 'left', 'right'), 'class 0 "ccw"'),
    (('push_left', 'pushLeft', 'push_right'), '"push_left" and "pushLeft" are'),
    (('turn_l', 'turnL', 'turn_r'), '"turn_l" and "turnL" are one name'),
  ],
)
def test_a_side_without_one_partner_is_refused(names, problem):
  with pytest.raises(ValueError, match=problem):
    flips.make_flip_map(names)


def test_words_end_at_cases_digits_and_signs():
  assert sides.split_words('LEFTturnLeft2go-now_é3') == [
    *('left', 'turn', 'left', '2', 'go', 'now', 'é', '3')
  ]


def test_the_pairs_are_named():
  names = ['a left', 'b', 'a right']
  assert flips.describe_exchanged({0: 2, 2: 0}, names) == 'a left <-> a right'
  assert flips.describe_exchanged({}, names) == 'none'
  many = [f'{side}{n}' for n in range(8) for side in ('left', 'right')]
  said = flips.describe_exchanged(flips.make_flip_map(many), many)
  assert said.endswith('left5 <-> right5 and 2 more pairs')
