"""A small RTSP server: one video, over TCP, to one reader after another."""

import contextlib
import socketserver
import threading

PACKETS = 7  # of a transport stream, in one of RTP
_SDP = """v=0
o=- 0 0 IN IP4 127.0.0.1
s=test
c=IN IP4 127.0.0.1
t=0 0
m=video 0 RTP/AVP 33
a=control:video
"""


def split_packets(stream, number=0):
  """RTP packets of an MPEG transport stream (RFC 2250), interleaved in TCP."""
  for start in range(0, len(stream), 188 * PACKETS):
    head = bytes([0x80, 33]) + (number % 65536).to_bytes(2)
    head += bytes(4) + b'test'
    body = head + stream[start : start + 188 * PACKETS]
    number += 1
    yield b'$\0' + len(body).to_bytes(2) + body


class _Handler(socketserver.StreamRequestHandler):
  def handle(self):
    with contextlib.suppress(OSError):  # the reader has gone
      self.answer_all()

  def answer_all(self):
    while line := self.rfile.readline():
      headers = {}
      while row := self.rfile.readline().strip():
        name, _, value = row.decode().partition(':')
        headers[name.lower()] = value.strip()
      method = line.decode().split()[0]
      self.answer(method, headers)
      if method == 'PLAY':  # all has been sent
        return

  def answer(self, method, headers):
    self.server.asked.append(method)
    more, body = {'Session': '1'}, b''
    if method == 'DESCRIBE':
      body = _SDP.replace('\n', '\r\n').encode()
      more = {'Content-Type': 'application/sdp', 'Content-Length': len(body)}
    elif method == 'SETUP':
      more['Transport'] = 'RTP/AVP/TCP;unicast;interleaved=0-1'
    lines = ['RTSP/1.0 200 OK', f'CSeq: {headers["cseq"]}']
    lines += [f'{name}: {value}' for name, value in more.items()]
    self.wfile.write('\r\n'.join([*lines, '', '']).encode() + body)
    if method == 'PLAY':
      for packet in split_packets(self.server.stream):
        self.wfile.write(packet)


@contextlib.contextmanager
def serve(stream):
  """Serves an MPEG transport stream; yields its address and what was asked."""
  socketserver.ThreadingTCPServer.daemon_threads = True
  with socketserver.ThreadingTCPServer(('127.0.0.1', 0), _Handler) as server:
    server.stream, server.asked = stream, []
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    port = server.server_address[1]
    try:
      yield f'rtsp://me:secret@127.0.0.1:{port}/live', server
    finally:
      server.shutdown()
      thread.join()
