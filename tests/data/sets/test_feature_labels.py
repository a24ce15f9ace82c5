"""Classes by folder or table, and the vote of neighbours."""

import pytest
import vectors

from i2v_jax.data.sets import feature_labels


@pytest.fixture
def features():
  return vectors.imagine([('run/1.mp4', [1]), ('jump/2.mp4', [1])])


def write(path, text):
  path.write_text(text, encoding='utf-8')
  return path


def test_a_class_is_the_folder_of_a_video(features):
  assert feature_labels.list_labels(features, None) == ['run', 'jump']


def test_a_class_of_a_table_is_by_path_or_base_name(
  features, tmp_path, monkeypatch
):
  text = 'label;file\na; run/1.mp4\nb;2.mp4\n'
  path = write(tmp_path / 'x.csv', text)
  labels = feature_labels.read_labels(path)
  monkeypatch.chdir(tmp_path)
  assert feature_labels.list_labels(features, labels) == ['a', 'b']


def test_columns_may_have_the_names_that_segments_accept(tmp_path):
  path = write(tmp_path / 'x.csv', 'sep=;\nVideo;Action;by\n1.mp4;run;me\n')
  assert feature_labels.read_labels(path)['1.mp4'] == 'run'


def test_a_video_without_a_line_is_refused(features, tmp_path):
  labels = feature_labels.read_labels(write(tmp_path / 'x.csv', 'file,label\n'))
  with pytest.raises(ValueError, match=r'2 videos of x.npz .* as run/1.mp4'):
    feature_labels.list_labels(features, labels)


@pytest.mark.parametrize(
  ('text', 'said'),
  [
    ('', "has no column 'file'"),
    ('file,kind\na,b\n', "has no column 'label', only file, kind"),
    ('file,label\na.mp4\n,b\n', '2 bad lines; line 2: lacks a file or a lab'),
    ('file,label\na,b\na,c\n', 'line 3: a is c, and b before'),
  ],
)
def test_a_table_with_problems(text, said, tmp_path):
  with pytest.raises(ValueError, match=said):
    feature_labels.read_labels(write(tmp_path / 'x.csv', text))


@pytest.mark.parametrize(
  ('labels', 'similarities', 'wanted'),
  [
    ('abb', (0.9, 0.5, 0.3), 'a'),
    ('abb', (0.7, 0.5, 0.3), 'b'),
    ('bab', (0.5, 0.5, -0.9), 'b'),
    ('', (), ''),
  ],
)
def test_votes_weigh_as_much_as_their_similarity(labels, similarities, wanted):
  assert feature_labels.vote([*labels], similarities) == wanted
