"""The process at the other end of `workers.Pool`: one call after another."""

import os
import pickle
import signal
import socket
import struct
import sys
import threading
import traceback
from collections.abc import Callable
from typing import Any

import numpy as np

_SIZE = struct.Struct('<Q')


def send(pipe: socket.socket, value: Any) -> None:
  """Sends any value that can be pickled; arrays are not copied first."""
  buffers = []
  body = pickle.dumps(value, 5, buffer_callback=buffers.append)
  raws = [buffer.raw() for buffer in buffers]
  head = pickle.dumps((body, [raw.nbytes for raw in raws]))
  pipe.sendall(_SIZE.pack(len(head)) + head)
  for raw in raws:
    pipe.sendall(raw)


def receive(pipe: socket.socket) -> Any:
  """What `send` sent; raises EOFError or OSError if the other end is gone."""
  (size,) = _SIZE.unpack(_exactly(pipe, _SIZE.size))
  body, sizes = pickle.loads(_exactly(pipe, size))
  return pickle.loads(body, buffers=[_exactly(pipe, size) for size in sizes])


def _exactly(pipe: socket.socket, size: int) -> np.ndarray:
  data = np.empty(size, np.uint8)  # unlike bytearray, not filled with zeros
  view, done = memoryview(data), 0
  while done < size:
    count = pipe.recv_into(view[done:])
    if not count:
      raise EOFError('the process at the other end is gone')
    done += count
  return data


def serve(pipe: socket.socket) -> None:
  """Receives a function, then arguments; answers (result, error)."""
  function = receive(pipe)
  send(pipe, 'ready')
  while True:
    arguments = receive(pipe)
    send(pipe, _called(function, arguments))


def _called(function: Callable, arguments: tuple) -> tuple:
  try:
    return function(*arguments), None
  except Exception as error:
    error.add_note(f'In a worker process:\n{traceback.format_exc()}')
    try:
      pickle.loads(pickle.dumps(error))
    except Exception:  # some errors cannot be rebuilt from what they show
      error = RuntimeError(repr(error))
    return None, error


def _end_with_parent() -> None:
  """The parent never writes to our stdin, which ends when it does."""
  sys.stdin.buffer.read()
  os._exit(0)


def main() -> None:
  signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides
  threading.Thread(target=_end_with_parent, daemon=True).start()
  with socket.socket(fileno=int(sys.argv[1])) as pipe:
    try:
      serve(pipe)
    except (EOFError, OSError):  # the parent is gone, or has closed the pool
      os._exit(0)


if __name__ == '__main__':
  main()
