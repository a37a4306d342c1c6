"""A small product for demos, examples and tests: a program that serves its revision."""

from __future__ import annotations

from string import Template

_PROGRAM = Template('''\
#!/usr/bin/env python3
"""A release of the example product: GET /health tells its revision."""

import json
import os
import signal
from http.server import BaseHTTPRequestHandler
from socketserver import ThreadingTCPServer

REVISION = $revision
REPORTS = $reports


class Product(BaseHTTPRequestHandler):
    def do_GET(self):
        found = self.path == "/health"
        body = json.dumps({"status": "ok", "revision": REPORTS} if found else {"status": "not found"}).encode()
        self.send_response(200 if found else 404)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class Server(ThreadingTCPServer):  # HTTPServer would look up the name of this machine, which can take seconds
    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 64


signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
$begin
''')

_SERVES = 'Server(("127.0.0.1", int(os.environ["PORT"])), Product).serve_forever()'
_CRASHES = 'raise SystemExit("cannot start: the database is newer than revision " + REVISION)'


def release_program(revision: str, *, reports: str | None = None, crashes: bool = False) -> str:
    """The text of a Python program that serves ``{"status": "ok", "revision": ...}`` at ``/health`` of port $PORT.

    ``reports``: the revision that it claims to be, where that is not its own. ``crashes``: it gives a reason and exits
    with code 1 instead. It needs the standard library only, and runs with ``python -S -E`` too.
    """
    return _PROGRAM.substitute(
        revision=repr(revision),
        reports=repr(revision if reports is None else reports),
        begin=_CRASHES if crashes else _SERVES,
    )
