"""A far end that misbehaves on purpose: an HTTP server whose answers a test writes down."""

import contextlib
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

JSON = "application/dicom+json"


@dataclass
class Peer:
    """`answers` are given in turn, the last one for ever; `asked` is what was asked."""

    url: str
    answers: list[tuple[int, dict[str, str], bytes]] = field(default_factory=list)
    asked: list[tuple[str, str, dict[str, str]]] = field(default_factory=list)

    def answer(self, status=200, body=b"[]", content_type=JSON, **headers):
        self.answers.append((status, {"Content-Type": content_type, **headers}, body))


@contextlib.contextmanager
def listening():
    """A peer on a free loopback port."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.0"

        def do_GET(self):
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            peer.asked.append((self.command, self.path, dict(self.headers)))
            status, headers, body = peer.answers[0]
            if len(peer.answers) > 1:
                del peer.answers[0]
            self.send_response(status)
            for name, value in {"Content-Length": str(len(body)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            with contextlib.suppress(OSError):
                self.wfile.write(body)

        do_POST = do_GET  # noqa: N815

        def log_message(self, *args):
            """Silent."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    peer = Peer(f"http://127.0.0.1:{server.server_port}/dicom-web")
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield peer
    finally:
        server.shutdown()
        server.server_close()
