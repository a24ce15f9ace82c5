"""The worker process of `workers.Pool`: answers one call after another."""

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
  """Sends any picklable value; arrays are not copied first."""
  _transmit(pipe, *_pack(value))


def _pack(value: Any) -> tuple[bytes, list[memoryview]]:
  buffers = []
  body = pickle.dumps(value, 5, buffer_callback=buffers.append)
  raws = [buffer.raw() for buffer in buffers]
  return pickle.dumps((body, [raw.nbytes for raw in raws])), raws


def _transmit(pipe: socket.socket, head: bytes, raws: list) -> None:
  pipe.sendall(_SIZE.pack(len(head)) + head)
  for raw in raws:
    pipe.sendall(raw)


def receive(pipe: socket.socket) -> Callable[[], Any]:
  """Receives a value from `send`; the callable returned unpacks it.

  Raises EOFError or OSError if the other process has ended.
  """
  (size,) = _SIZE.unpack(_receive_exactly(pipe, _SIZE.size))
  body, sizes = pickle.loads(_receive_exactly(pipe, size))
  buffers = [_receive_exactly(pipe, size) for size in sizes]
  return lambda: pickle.loads(body, buffers=buffers)


def _receive_exactly(pipe: socket.socket, size: int) -> np.ndarray:
  data = np.empty(size, np.uint8)  # unlike bytearray, not filled with zeros
  view, done = memoryview(data), 0
  while done < size:
    count = pipe.recv_into(view[done:])
    if not count:
      raise EOFError('the other process has ended')
    done += count
  return data


def serve(pipe: socket.socket) -> None:
  """Receives a function, then arguments; answers with (result, error)."""
  function = receive(pipe)()
  send(pipe, 'ready')
  while True:
    arguments = receive(pipe)()
    _transmit(pipe, *_answer(function, arguments))


def _answer(function: Callable, arguments: tuple) -> tuple:
  answer = _call(function, arguments)
  try:
    return _pack(answer)
  except Exception as error:
    problem = f'its result cannot be sent from a worker process: {error!r}'
    return _pack((None, TypeError(problem)))


def _call(function: Callable, arguments: tuple) -> tuple:
  try:
    return function(*arguments), None
  except Exception as error:
    error.add_note(f'In a worker process:\n{traceback.format_exc()}')
    try:
      pickle.loads(pickle.dumps(error))
    except Exception:  # some errors cannot be unpickled
      error = RuntimeError(repr(error))
    return None, error


def _end_with_parent() -> None:
  """Ends this process when the parent ends, which closes our stdin."""
  os.read(0, 1)  # sys.stdin would be locked when Python ends
  os._exit(0)


def main() -> None:
  for number in (signal.SIGINT, signal.SIGTERM):  # the parent decides
    signal.signal(number, signal.SIG_IGN)
  threading.Thread(target=_end_with_parent, daemon=True).start()
  with socket.socket(fileno=int(sys.argv[1])) as pipe:
    try:
      serve(pipe)
    except (EOFError, OSError):  # the parent has ended, or closed the pool
      os._exit(0)


if __name__ == '__main__':
  main()
