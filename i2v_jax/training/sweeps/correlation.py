"""Whether a sweep ranks its rows as a paper does."""

from collections.abc import Mapping, Sequence
from typing import Any

FEWEST = 3  # rows; two are always in the same order or in reverse


def describe_correlation(rows: Sequence[Mapping[str, Any]]) -> str:
  """States the rank correlation of our accuracies with the published ones.

  Args:
    rows: as of `sweep.train_and_show`; those that failed or have no published
      number (`reported` 0) are left out.

  Returns:
    A sentence with Spearman's coefficient, tied rows at their mean rank; '' for
    fewer than three rows, or if all have the same accuracy.
  """
  found = [r for r in rows if r['reported'] and not r.get('error')]
  ours = [row.get('mAP', row.get('top1')) for row in found]
  papers = [row['reported'] for row in found]
  if len(found) < FEWEST or 1 in (len(set(ours)), len(set(papers))):
    return ''
  from scipy import stats  # slow to import

  correlation = stats.spearmanr(ours, papers).statistic
  return (
    f"Spearman's rank correlation with the paper: {correlation:+.2f}, over "
    f'{len(found)} rows.'
  )
