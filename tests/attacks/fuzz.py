"""Coverage-guided fuzzing of what reads strangers' bytes.

    python -m tests.attacks.fuzz [TARGET...] [--seconds 60]

Each target runs in a process of its own, within its seconds and a gigabyte of memory, from a few seeds. The
table tells the inputs tried, the edges of our code that they reached, and what was found; an input that
broke something is kept in `--found DIR`. Needs atheris.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

MEMORY, LONGEST, HANGING = 1024, 4096, 10  # megabytes; bytes of an input; seconds for one
Target = tuple[Callable[[], Callable[[bytes], None]], list[bytes]]
REPLY = (
    b'{"id":"1","choices":[{"index":0,"message":{"role":"assistant","content":"{\\"name\\":\\"Ada\\"}"},'
    b'"finish_reason":"stop"}],"usage":{"prompt_tokens":1,"completion_tokens":1}}'
)
CHUNK = (
    b'data: {"id":"1","choices":[{"index":0,"delta":{"content":"{\\"na"},"finish_reason":null}]}\n\n'
    b"data: [DONE]\n\n"
)
RECORD = (
    b'{"name":"Ada","born":"1815-12-10","at":[{"kind":"home","town":"London"},null],"score":0.5,"open":true}'
)


def _type():  # type: ignore[no-untyped-def]
    from datetime import date
    from decimal import Decimal
    from typing import Literal

    from pydantic import BaseModel, Field

    class Place(BaseModel):
        kind: Literal["home", "work"]
        town: str = Field(max_length=40)
        inner: Place | None = None

    class Person(BaseModel):
        name: str
        born: date | None = None
        at: list[Place | None] = []
        score: float | Decimal = 0
        open: bool = False
        more: dict[str, int | list[str]] = {}

    return Person


def sse() -> Callable[[bytes], None]:
    from extractor.transport.sse import SSEDecoder

    def one(data: bytes) -> None:
        whole, split = SSEDecoder(), SSEDecoder()
        pieces = [data[start : start + 3] for start in range(0, len(data), 3)]
        assert list(whole.feed(data)) == [event for piece in pieces for event in split.feed(piece)]

    return one


def unpacking() -> Callable[[bytes], None]:
    from extractor.transport.decoding import Body, TooLarge, Unreadable

    def one(data: bytes) -> None:
        name, _, packed = data.partition(b"\n")
        with suppress(TooLarge, Unreadable):
            body = Body(name.decode("latin-1"), 10**6)
            assert sum(map(len, body.feed(packed))) <= 10**6
            body.end()

    return one


def replies(name: str) -> Callable[[], Callable[[bytes], None]]:
    def made() -> Callable[[bytes], None]:
        from extractor.dialects import DIALECTS, read_reply
        from extractor.messages import Completion, Failure

        def one(data: bytes) -> None:
            for status in (200, 400):
                event = read_reply(DIALECTS[name], status, {}, data, 0.0, 0.0)
                assert isinstance(event, Completion | Failure)
                broken = isinstance(event, Failure) and "could not be read" in event.message
                assert not broken, event

        return one

    return made


def streams(name: str) -> Callable[[], Callable[[bytes], None]]:
    def made() -> Callable[[bytes], None]:
        from extractor.dialects import DIALECTS
        from extractor.messages import Completion, Failure
        from extractor.streams import StreamReader
        from extractor.transport.http import Head

        def one(data: bytes) -> None:
            reading = StreamReader(DIALECTS[name], lambda: 0.0, lambda: 0.0)
            list(reading.feed(Head(200, {"content-type": "text/event-stream"})))
            for start in range(0, len(data), 7):
                list(reading.feed(data[start : start + 7]))
            assert isinstance(reading.end(), Completion | Failure)

        return one

    return made


def codec() -> Callable[[bytes], None]:
    from extractor import Invalid, compile_schema

    compiled = [compile_schema(_type(), target) for target in ("openai", "gemini", "permissive")]

    def one(data: bytes) -> None:
        for each in compiled:
            with suppress(Invalid):
                record = each.decode(data.decode(errors="replace"))
                assert each.decode(each.encode(record)) == record

    return one


def readings() -> Callable[[bytes], None]:
    from extractor import Invalid, compile_schema

    compiled = compile_schema(_type())
    reader = compiled.reader(values=True)

    def one(data: bytes) -> None:
        with suppress(Invalid):
            reader.read(data.decode(errors="replace"))

    return one


def partial() -> Callable[[bytes], None]:
    from extractor import compile_schema
    from extractor.schema.reading.partial import Growing

    compiled = compile_schema(_type())

    def one(data: bytes) -> None:
        growing, text = Growing(compiled), data.decode(errors="replace")
        for start in range(0, len(text), 5):
            growing.feed(text[start : start + 5])
            growing.now()

    return one


def delimited() -> Callable[[bytes], None]:
    from extractor import ConfigError
    from extractor.tables.delimited import cells_of, delimiter_in

    def one(data: bytes) -> None:
        lines = data.decode(errors="replace").splitlines(keepends=True)
        with suppress(ConfigError):
            list(cells_of(lines, delimiter_in(lines[0] if lines else "")))

    return one


def headers() -> Callable[[bytes], None]:
    from extractor.dialects.replies import parse_json, retry_after, retry_delay

    def one(data: bytes) -> None:
        text = data.decode("latin-1")
        for name in ("retry-after", "retry-after-ms", "x-ratelimit-reset"):
            wait = retry_after({name: text}, 0.0)
            assert wait is None or 0 <= wait < 10**8
        retry_delay(parse_json(data))

    return one


def models() -> Callable[[bytes], None]:
    from extractor import ConfigError
    from extractor.transport.gguf import read_header

    place = Path(tempfile.mkdtemp()) / "m.gguf"

    def one(data: bytes) -> None:
        place.write_bytes(data)
        with suppress(ConfigError):
            read_header(place)

    return one


def journals() -> Callable[[bytes], None]:
    """Overwrite the bytes of a journal: each 3 bytes of an input are a place and what stands there then."""
    import logging

    from extractor.bulk.journal.interface import Kept
    from extractor.bulk.journal.places import open_store
    from extractor.bulk.journal.store import StoreWork
    from extractor.errors import JournalError

    logging.disable()
    folder, keys = Path(tempfile.mkdtemp()), [bytes([n]) * 16 for n in range(40)]
    kept = {key: Kept(REPLY + key, 200, "r", 0.5, model="m") for key in keys}
    store = open_store(folder / "whole.sqlite")
    store.do("me", StoreWork(puts=kept))
    store.close()
    whole = (folder / "whole.sqlite").read_bytes()

    def one(data: bytes) -> None:
        damaged, place = bytearray(whole), folder / "damaged.sqlite"
        for start in range(0, len(data) - 2, 3):
            damaged[int.from_bytes(data[start : start + 2], "big") % len(damaged)] = data[start + 2]
        for left in folder.glob("damaged*"):
            left.unlink()
        place.write_bytes(damaged)
        with suppress(JournalError):
            opened = open_store(place)
            try:
                for key, found in zip(keys, opened.look([(key, 0.0) for key in keys]), strict=True):
                    assert found is None or found.body == kept[key].body, "a damaged answer counts"
                list(opened.export())
                opened.stats()
            finally:
                opened.close()

    return one


DIALECT_NAMES = ("openai_chat", "openai_responses", "anthropic", "gemini")
TARGETS: Mapping[str, Target] = {
    "sse": (sse, [CHUNK, b"event: a\r\ndata: b\r\n\r\n"]),
    "unpacking": (unpacking, [b"gzip\n\x1f\x8b\x08\x00", b"deflate\nx\x9c", b"identity\nabc"]),
    **{f"replies:{name}": (replies(name), [REPLY, b'{"error":{"message":"no"}}']) for name in DIALECT_NAMES},
    **{f"streams:{name}": (streams(name), [CHUNK]) for name in DIALECT_NAMES},
    "codec": (codec, [RECORD]),
    "readings": (readings, [RECORD, b"```json\n" + RECORD + b"\n```", b"<think>a</think>" + RECORD]),
    "partial": (partial, [RECORD, RECORD[:40]]),
    "csv": (delimited, [b'a;b\n"x";"y ""z"""\n', b"a,b\n1,2\n"]),
    "headers": (headers, [b"3", b"Wed, 21 Oct 2026 07:28:00 GMT"]),
    "models": (models, [b"GGUF\x03\x00\x00\x00"]),
    "journals": (journals, [b"\x00\x10\xff"]),
}


def fuzz(name: str, seconds: int, folder: str) -> None:
    """Run in a process of its own, until its time is over or something is found."""
    import atheris

    make, seeds = TARGETS[name]
    with atheris.instrument_imports(include=["extractor"]):
        one = make()
    place = Path(folder)
    for number, seed in enumerate(seeds):
        (place / f"seed{number}").write_bytes(seed)
    bounds = [f"-max_total_time={seconds}", f"-rss_limit_mb={MEMORY}", f"-timeout={HANGING}"]
    rest = [f"-max_len={LONGEST}", f"-artifact_prefix={folder}/", "-print_final_stats=1", folder]
    atheris.Setup([sys.argv[0], *bounds, *rest], one)
    atheris.Fuzz()


def ended(name: str, seconds: int, found: Path) -> str | None:
    """Fuzz a target in a process of its own, tell how it went, and return what was found."""
    with tempfile.TemporaryDirectory() as folder:
        module = [sys.executable, "-m", "tests.attacks.fuzz", name]
        command = [*module, f"--seconds={seconds}", f"--one={folder}"]
        done = subprocess.run(command, capture_output=True, text=True, errors="replace")
        for broke in Path(folder).glob("[cto]*-*"):  # crash, timeout, oom
            found.mkdir(parents=True, exist_ok=True)
            (found / f"{name.replace(':', '-')}-{broke.name}").write_bytes(broke.read_bytes())
    runs = re.findall(r"stat::number_of_executed_units:\s+(\d+)", done.stderr)
    edges = re.findall(r"cov: (\d+)", done.stderr)
    said = re.findall(r"^\w+(?:Error|Exception)\b.*", done.stdout + done.stderr, re.MULTILINE)
    what = (said or [done.stderr[-200:]])[-1][:90] if done.returncode else None
    told = f"FOUND {what}" if what else "nothing found"
    print(f"{name:26} {(runs or '?')[-1]:>9} inputs {(edges or '?')[-1]:>6} edges  {told}", flush=True)
    return what


def main() -> int:
    """Fuzz the targets that are named, one after the other; return how many gave a finding."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.attacks.fuzz", description=__doc__.partition("\n")[0]
    )
    parser.add_argument("targets", nargs="*", metavar="TARGET", help=f"of {', '.join(TARGETS)}; default all")
    parser.add_argument("--seconds", type=int, default=60, help="for each target (default 60)")
    parser.add_argument("--found", type=Path, default=Path("found"), help="keeps the inputs that broke it")
    parser.add_argument("--one", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.one:
        fuzz(asked.targets[0], asked.seconds, asked.one)
    return sum(ended(name, asked.seconds, asked.found) is not None for name in asked.targets or TARGETS)


if __name__ == "__main__":
    sys.exit(main())
