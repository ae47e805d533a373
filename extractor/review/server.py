"""The page of a review on loopback, for one person: a secret in its address, and nobody else's requests.

A page of another origin does not know the token. Nor are its requests accepted: they need our Host, so that
no name can be rebound to this address. Those that change something also need our Origin and JSON. Source:
https://cheatsheetseries.owasp.org, "Cross-Site Request Forgery Prevention".
"""

from __future__ import annotations

import json
import re
import secrets
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from hmac import compare_digest
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from ..files import Unwritten
from ..messages import JSON
from ..report import assembled
from .session import NotDone, ReviewSession, StaleRecord

HOST = "127.0.0.1"
MOST = 1 << 20  # bytes of a request
SECONDS = 30  # that a connection may be silent
SAVED = 2.0  # seconds between two looks at whether gold is behind
RECORD = re.compile(r"api/(item|pages)/(\d{1,9})", re.ASCII)
PICTURE = re.compile(r"api/picture/(\d{1,9})/(\d{1,6})", re.ASCII)  # of a record, and of its page
HEADERS = {
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "X-Frame-Options": "DENY",
}


class ReviewServer(ThreadingHTTPServer):
    """Serves one review. port: 0 takes a free one. token: stands in the address."""

    daemon_threads = True
    block_on_close = False

    def __init__(self, session: ReviewSession, port: int = 0, token: str | None = None) -> None:
        super().__init__((HOST, port), _Handler)
        self.session, self.token = session, token or secrets.token_urlsafe(32)
        self.page = assembled("review", None, "Review", connect="'self'", pictures="'self'").encode()

    @property
    def origin(self) -> str:
        """Scheme, host and port."""
        return f"http://{HOST}:{self.server_address[1]}"

    @property
    def url(self) -> str:
        """The address of the page, with its token."""
        return f"{self.origin}/{self.token}/"

    @contextmanager
    def saving(self) -> Iterator[None]:
        """Write the gold file at once, then where it is behind, and in the end."""
        self.session.save()
        ended = threading.Event()

        def run() -> None:
            while not ended.wait(SAVED):
                with suppress(OSError):  # the log has everything; the last attempt says what is wrong
                    self.session.save()

        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()
            self.session.save()


class _Handler(BaseHTTPRequestHandler):
    server: ReviewServer
    timeout = SECONDS
    protocol_version = "HTTP/1.1"
    server_version, sys_version = "extractor", ""

    def do_GET(self) -> None:
        """Answer with the page, all records in short, one record, or the pages of its document."""
        path = self._path()
        if path is None:
            return
        if path == "":
            self._send(HTTPStatus.OK, self.server.page, "text/html; charset=utf-8")
        elif path == "api/items":
            self._json(self.server.session.overview)
        elif found := RECORD.fullmatch(path):
            session, number = self.server.session, int(found[2])
            asked = session.pages if found[1] == "pages" else session.item
            self._json(lambda: asked(number))
        elif found := PICTURE.fullmatch(path):
            self._picture(int(found[1]), int(found[2]))
        else:
            self._refuse(HTTPStatus.NOT_FOUND)

    def _picture(self, number: int, page: int) -> None:
        try:
            picture = self.server.session.picture(number, page)
        except NotDone:
            picture = None
        if picture is None:
            self._refuse(HTTPStatus.NOT_FOUND)
        else:
            self._send(HTTPStatus.OK, picture, "image/webp")

    def do_POST(self) -> None:
        """Do what the page asks for, and answer with the record as it is then."""
        path = self._path()
        asked = None if path is None else self._body()
        if path is None or asked is None:
            return
        if path == "api/undo":
            self._json(self.server.session.undo)
        elif path == "api/act" and isinstance(asked.get("number"), int):
            self._json(lambda: self.server.session.act(asked["number"], asked))
        else:
            self._refuse(HTTPStatus.NOT_FOUND)

    def _path(self) -> str | None:
        """Return what follows on the token; None, and a refusal, for whoever does not know it."""
        hosts = (self.server.origin[7:], f"localhost:{self.server.server_address[1]}")
        token, _, rest = self.path.removeprefix("/").partition("/")
        if self.headers.get("Host") not in hosts:
            self._refuse(HTTPStatus.MISDIRECTED_REQUEST)
            return None
        if self.headers.get("Sec-Fetch-Site", "none") not in ("none", "same-origin"):
            self._refuse(HTTPStatus.FORBIDDEN)
            return None
        if not compare_digest(token.encode("utf-8", "replace"), self.server.token.encode()):
            self._refuse(HTTPStatus.NOT_FOUND)
            return None
        return rest

    def _body(self) -> Mapping[str, Any] | None:
        """Return the JSON object of a request; None, and a refusal, where it is none or of another origin."""
        origins = (self.server.origin, f"http://localhost:{self.server.server_address[1]}")
        length = self.headers.get("Content-Length", "")
        if self.headers.get("Origin") not in origins:
            self._refuse(HTTPStatus.FORBIDDEN)
            return None
        if self.headers.get("Content-Type") != "application/json":
            self._refuse(HTTPStatus.UNSUPPORTED_MEDIA_TYPE)
            return None
        if not length.isdecimal() or len(length) > 9 or int(length) > MOST:
            self._refuse(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
            return None
        try:
            told = json.loads(self.rfile.read(int(length)))
        except (ValueError, RecursionError):
            told = None
        if isinstance(told, dict):
            return told
        self._refuse(HTTPStatus.BAD_REQUEST)
        return None

    def _json(self, answer: Callable[[], JSON]) -> None:
        status = HTTPStatus.OK
        try:
            told = answer()
        except StaleRecord:
            status, told = (
                HTTPStatus.CONFLICT,
                {"error": "the record was changed elsewhere: it is shown again"},
            )
        except NotDone as error:
            status, told = HTTPStatus.UNPROCESSABLE_ENTITY, {"error": str(error)}
        except (OSError, Unwritten) as error:
            status, told = HTTPStatus.INSUFFICIENT_STORAGE, {"error": f"it could not be saved: {error}"}
        self._send(status, json.dumps(told).encode(), "application/json")

    def _refuse(self, status: HTTPStatus) -> None:
        self.close_connection = True  # its body is not read
        self._send(status, b"", "text/plain")

    def _send(self, status: HTTPStatus, body: bytes, kind: str) -> None:
        self.send_response(status)
        for name, value in {**HEADERS, "Content-Type": kind, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.send_header("Content-Security-Policy", "frame-ancestors 'none'")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  the name in the base class
        """Say nothing: addresses have the token in them."""
