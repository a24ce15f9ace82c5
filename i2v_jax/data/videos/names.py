"""File names: which may be videos, and which differ only in spelling."""

import os
import re
import unicodedata

_VIDEOS = 'mp4 m4v mov qt avi divx mkv webm mpg mpeg mpv m1v m2v ts m2t m2ts '
_VIDEOS += 'mts tod mod vob flv f4v wmv asf 3gp 3g2 ogv ogm gif mxf rm rmvb dv '
_VIDEOS += 'y4m mjpg mjpeg h263 h264 h265 hevc ivf nut wtv insv'
_TEXTS = 'txt md rst rtf csv tsv json jsonl xml yaml yml toml ini cfg log list '
_TEXTS += 'lst htm html pdf doc docx xls xlsx ppt pptx odt ods odp tex bib py '
_TEXTS += 'pyc ipynb sh bat ps1 js m mat eaf'
_IMAGES = (
  'jpg jpeg jpe png bmp tif tiff webp heic heif svg psd ico ppm pgm dng '
)
_IMAGES += 'exr thm'
_ARCHIVES = 'zip tar gz tgz bz2 tbz tbz2 xz txz 7z rar zst iso dmg'
_SOUNDS = 'wav mp3 aac flac m4a opus wma aif aiff mid'
_SUBTITLES = 'srt vtt ass ssa sub idx sbv lrc'
_ARRAYS = 'npy npz pkl pickle pt pth ckpt safetensors h5 hdf5 lmdb mdb db '
_ARRAYS += 'sqlite tfrecord parquet arrow feather'
_LINKS = 'm3u m3u8 pls mpd sdp ffconcat url webloc lnk torrent md5 sha1 sha256 '
_LINKS += (
  'sfv part ytdl crdownload download aria2 tmp temp bak swp lock exe dll'
)
ARCHIVES = frozenset(_ARCHIVES.split())
_OTHERS = (_TEXTS, _IMAGES, _ARCHIVES, _SOUNDS, _SUBTITLES, _ARRAYS, _LINKS)
VIDEOS = frozenset(_VIDEOS.split())
_KNOWN_OTHERS = frozenset(' '.join(_OTHERS).split())
_PLAIN = re.compile(
  r'readme|licen[cs]e|changelog|makefile|(md5|sha1|sha256)sums?', re.I
)
_TAR = re.compile(r'\.tar\.\w+$', re.I)
_LITTER = re.compile(
  r'\.DS_Store|\._.*|Thumbs\.db|desktop\.ini|__MACOSX|@eaDir|__pycache__'
  r'|\$RECYCLE\.BIN|System Volume Information|lost\+found',
  re.I,
)


def get_extension(name: str) -> str:
  """Returns the extension in lower case, without the dot, or ''."""
  return os.path.splitext(name)[1][1:].lower()


def has_video_extension(name: str) -> bool:
  """Whether a file name has the extension of a video."""
  return get_extension(name) in VIDEOS


def may_be_video(name: str) -> bool:
  """Whether a file of this name counts as a video.

  Hidden files do not, nor do texts, images, archives, sound and subtitles. A
  name without an extension does.
  """
  other = get_extension(name) in _KNOWN_OTHERS or _PLAIN.fullmatch(name)
  return not (name.startswith('.') or other)


def is_archive(name: str) -> bool:
  """Whether a name is that of an archive, such as a.zip or a.tar.lz4."""
  return get_extension(name) in ARCHIVES or bool(_TAR.search(name))


def is_litter(name: str) -> bool:
  """Whether operating systems leave files or folders of this name behind."""
  return bool(_LITTER.fullmatch(name))


def make_comparison_key(name: str) -> str:
  """Makes a key that ignores case, Unicode form and outer blanks."""
  for form in _FORMS.values():
    name = form(name)
  return name


def make_blank_free_key(name: str) -> str:
  """Makes a comparison key that ignores all blanks too."""
  return re.sub(r'\s', '', make_comparison_key(name))


def describe_difference(name: str, other: str) -> str:
  """Says how two names of the same comparison key differ."""
  found = []
  for word in _FORMS:
    one, two = name, other
    for kept, form in _FORMS.items():
      if kept != word:
        one, two = form(one), form(two)
    if one != two:
      found.append(word)
  return ' and '.join(found)


def _strip(name: str) -> str:
  return ''.join(part.strip() for part in os.path.splitext(name))


_FORMS = {
  'case': str.casefold,
  'Unicode form (NFC or NFD)': lambda name: unicodedata.normalize('NFC', name),
  'blanks at the ends': _strip,
}
