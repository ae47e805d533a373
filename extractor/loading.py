"""From what a user names to the thing itself: record types, JSON Schemas, texts, examples.

Loading a record type runs the Python file that defines it, as `python FILE.py` would.
"""

from __future__ import annotations

import importlib
import json
import os
import re
import sys
import traceback
from codecs import getincrementaldecoder
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass, is_dataclass
from difflib import get_close_matches
from functools import reduce
from importlib.util import module_from_spec, spec_from_file_location
from inspect import isroutine
from operator import or_
from pathlib import Path
from types import ModuleType
from typing import Any, Literal

from pydantic import BaseModel, PydanticSchemaGenerationError, TypeAdapter, ValidationError

from .errors import ConfigError, UnreadableKind, UnreadableSource
from .evaluation.gold import text_in
from .layout import Source
from .masking import PRESIDIO
from .messages import JSON, Prompt
from .readers import read
from .readers.kinds import PDF, is_text, sniffed
from .saying import Example
from .schema import RecordType

HOW = "write FILE.py:Name, package.module:Name, or FILE.json for a JSON Schema"


def load_type(spec: str) -> Any:
    """Return the record type that `spec` names, or the JSON Schema.

    spec: "FILE.py:Name", "package.module:Name" or "FILE.json"; the name may be left out where the
    file defines one record type alone, and "FILE.py:One|Other" is a union. Raises ConfigError, with file and
    line where the user's code fails.
    """
    where, name = _split(spec)
    if where.endswith(".json"):
        return load_schema(where)
    module = _run(Path(where)) if _is_path(where) else _import(where)
    if not name:
        return _only_type(module, where)
    named = [_named(module, each, where) for each in name.split("|")]
    try:
        return _checked_type(reduce(or_, named), spec)
    except TypeError as error:
        raise ConfigError(f"{spec} is not a union of types: {error}") from error


def absolute(spec: str) -> str:
    """Return what `spec` names as it is named in any folder of this machine."""
    where, name = _split(spec)
    if where.endswith(".json") or _is_path(where):
        return ":".join(filter(None, (str(Path(where).expanduser().absolute()), name)))
    return spec


def load_schema(path: str) -> dict[str, JSON]:
    """Return the JSON Schema in a file; `true` and `false` are schemas too. Raises ConfigError."""
    try:
        schema = json.loads(_bytes_of(Path(path)).decode("utf-8-sig"), parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"{path} is not JSON: {error}") from error
    if isinstance(schema, bool):
        return {} if schema else {"not": {}}
    if not isinstance(schema, dict):
        raise ConfigError(f"{path} is not a JSON Schema: a schema is an object, not {type(schema).__name__}")
    return schema


def load_prompt(name: str) -> str:
    """Return the template in a file; "plain" and "small" as they are. Raises ConfigError."""
    if name in list(Prompt):
        return name
    told = decode_text(_bytes_of(Path(name)))
    if isinstance(told, BadInput):
        raise ConfigError(f"{name} is not a prompt: {told.message}")
    return told


def load_examples(path: str, record_type: Any) -> list[Example]:
    """Return the (text, record) pairs in a file of gold, as `evaluation.gold` describes its lines; a line
    that tells where values stand as a mapping.

    Raises ConfigError with the line that is no such pair, and for a file that is not UTF-8.
    """
    read, folder = RecordType.of(record_type).read, Path(path).parent
    data = _bytes_of(Path(path))
    try:
        lines = data.decode("utf-8-sig").split("\n")
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: {_why_not_utf_8(data, error)}") from error
    numbered = [(f"{path}, line {n}", line) for n, line in enumerate(lines, 1) if line.strip()]
    return [_example(line, read, where, folder) for where, line in numbered]


def load_masks(specs: Sequence[str]) -> list[Any]:
    """Return the masks that `specs` name, for `mask=`. Raises ConfigError.

    Each is the name of one, "KIND=REGEX", or a function in a Python file, "FILE.py:name", or of a module,
    "package.module:name", which is run.
    """
    return [_mask(spec) for spec in specs]


def _mask(spec: str) -> Any:
    kind, equals, pattern = spec.partition("=")
    if equals and kind.strip().replace("-", "_").isidentifier():
        return {kind.strip(): pattern}
    where, name = _split(spec)
    if where == PRESIDIO or spec.startswith(f"{PRESIDIO}:") or name is None:
        return spec
    module = _run(Path(where)) if _is_path(where) else _import(where)
    found = _named(module, name, where)
    if not callable(found):
        raise ConfigError(f"{spec} is not a function from a text to (start, end, label) triples")
    return found


@dataclass(frozen=True, slots=True)
class BadInput:
    """Why there is no text in an input. message: one sentence, and what to do about it."""

    kind: Literal["unreadable", "encoding"] | UnreadableKind
    message: str


def read_text(source: str) -> str | BadInput:
    """Return the text of a file, or of standard input for "-"; it has to be UTF-8."""
    data = _data_of(source)
    return data if isinstance(data, BadInput) else decode_text(data)


ON_STANDARD_INPUT = "; a text itself is read from standard input: echo 'TEXT' | extractor extract - ..."


def read_source(source: str, reader: Callable[..., Source] = read) -> str | Source | BadInput:
    """Return the text of a file, or of standard input for "-"; of a document, such as a PDF, the Source.

    reader: `read`, with the options that documents are read with.
    """
    data = _data_of(source)
    if isinstance(data, BadInput):
        return data
    if is_text(data):
        return decode_text(data)
    try:
        return reader(data, name=source)
    except UnreadableSource as error:
        return BadInput(error.kind, error.message)


def _data_of(source: str) -> bytes | BadInput:
    try:
        return sys.stdin.buffer.read() if source == "-" else Path(source).read_bytes()
    except FileNotFoundError:
        hint = _near_file(Path(source)) or (ON_STANDARD_INPUT if " " in source.strip() else "")
        return BadInput("missing", f"there is no file {source}{hint}")
    except IsADirectoryError:
        return BadInput("unreadable", f"{source} is a folder: name its files, such as {source}/*.txt")
    except (OSError, ValueError) as error:
        return BadInput("unreadable", f"cannot read {source}: {getattr(error, 'strerror', None) or error}")


def decode_text(data: bytes) -> str | BadInput:
    """Return UTF-8 bytes as text, without a byte order mark."""
    if why := why_no_text(data):
        return BadInput("encoding", why)
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        return BadInput("encoding", _why_not_utf_8(data, error))
    return text if text.strip() else BadInput("empty", "it has no text")


_MAGIC = {
    b"PK\x03\x04": "it is a ZIP archive, as office documents are: extract its text first",
    b"\xd0\xcf\x11\xe0": "it is an old office document: extract its text first",
    b"\x1f\x8b": "it is compressed: unpack it with gunzip first",
    b"PAR1": "it is Parquet: name it .parquet",
    b"\xff\xfe\x00\x00": "it is UTF-32: convert it with iconv -f UTF-32 -t UTF-8",
    b"\x00\x00\xfe\xff": "it is UTF-32: convert it with iconv -f UTF-32 -t UTF-8",
    b"\xff\xfe": "it is UTF-16: convert it with iconv -f UTF-16 -t UTF-8",
    b"\xfe\xff": "it is UTF-16: convert it with iconv -f UTF-16 -t UTF-8",
}
SNIFFED = 4096  # bytes
CONVERT = "convert it, with iconv -f WINDOWS-1252 -t UTF-8 for instance"


def why_no_text(data: bytes) -> str | None:
    """Return why bytes are no text in UTF-8, and what to do; None if their beginning may be one."""
    beginning = data[:SNIFFED]
    try:
        getincrementaldecoder("utf-8")().decode(beginning)
    except UnicodeDecodeError:
        return _kind_of(beginning)
    return _why_zeros(beginning)


def _kind_of(data: bytes) -> str | None:
    kind = sniffed(data)
    if kind == PDF:
        return "it is a PDF: extract its text first, for instance with pdftotext"
    if kind is not None:
        return (
            f"it is an image, {kind}: extract its text first, for instance with tesseract; or show it to "
            "a model that sees, in Python: extract(Model, [image(Path(...))])"
        )
    for magic, why in _MAGIC.items():
        if data.startswith(magic):
            return why
    return _why_zeros(data)


def _why_zeros(data: bytes) -> str | None:
    form = utf_16_of(data)
    return None if form is None else f"it is {form}: convert it with iconv -f {form} -t UTF-8"


def utf_16_of(data: bytes) -> str | None:
    """Return which UTF-16 bytes without a byte order mark are, None for others: where most of the text is
    Latin, every other byte is zero.
    """
    beginning = data[:SNIFFED]
    high, low = beginning[::2].count(0), beginning[1::2].count(0)
    if max(high, low) <= len(beginning) // 4 or min(high, low) > len(beginning) // 8:
        return None
    return "UTF-16LE" if low > high else "UTF-16BE"


def _why_not_utf_8(data: bytes, error: UnicodeDecodeError) -> str:
    byte = data[error.start]
    return f"it is not UTF-8: byte 0x{byte:02x} at offset {error.start}; {CONVERT}"


def _split(spec: str) -> tuple[str, str | None]:
    where, colon, name = spec.rpartition(":")
    if colon and where and all(part.isidentifier() for part in re.split(r"[.|]", name)):
        return where, name
    return spec.removesuffix(":"), None


def _is_path(where: str) -> bool:
    return where.endswith(".py") or "/" in where or os.sep in where


def _bytes_of(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError as error:
        raise ConfigError(f"there is no file {path}{_near_file(path)}") from error
    except OSError as error:
        raise ConfigError(f"cannot read {path}: {error.strerror or error}") from error


def _near_file(path: Path) -> str:
    try:
        names = os.listdir(path.parent)
    except OSError:
        return ""
    near = get_close_matches(path.name, names, 1, cutoff=0.75)
    return f"; did you mean {path.parent / near[0]}?" if near else ""


def _no_constant(name: str) -> JSON:
    raise ValueError(f"{name} is not JSON")


# -- Python: a file, or a module that can be imported


def _run(path: Path) -> ModuleType:
    """Return the module in a file, run once."""
    _bytes_of(path)
    own = f"{path.stem}_py"  # a file types.py is not the library's types
    for known in (sys.modules.get(path.stem), sys.modules.get(own)):
        if known is not None and _same_file(getattr(known, "__file__", None), path):
            return known
    name = own if path.stem in sys.modules else path.stem
    spec = spec_from_file_location(name, path.resolve())
    if spec is None or spec.loader is None:
        raise ConfigError(f"{path} is not a Python file: {HOW}")
    module = sys.modules[name] = module_from_spec(spec)
    try:
        with _users_code(str(path), path.resolve().parent):
            spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


def _import(name: str) -> ModuleType:
    if not all(part.isidentifier() for part in name.split(".")):
        raise ConfigError(f"{name!r} does not name a record type: {HOW}")
    with _users_code(name, Path.cwd()):
        try:
            return importlib.import_module(name)
        except ModuleNotFoundError as error:
            if error.name is None or not f"{name}.".startswith(f"{error.name}."):
                raise  # the module is there, and imports one that is not
            raise ConfigError(f"there is no module {error.name!r} to import: {HOW}") from error


def _same_file(known: str | None, path: Path) -> bool:
    return known is not None and Path(known).resolve() == path.resolve()


@contextmanager
def _users_code(name: str, folder: Path) -> Iterator[None]:
    """Run the user's code: siblings in `folder` can be imported, prints go to standard error, and what
    it raises becomes a ConfigError with its place.
    """
    own = str(folder)
    sys.path.insert(0, own)
    try:
        with redirect_stdout(sys.stderr):
            yield
    except (ConfigError, KeyboardInterrupt):
        raise
    except BaseException as error:  # SystemExit too: a script that is no module
        raise ConfigError(f"{name} cannot be loaded: {_explained(error, folder)}") from error
    finally:
        sys.path.remove(own)
        if own not in sys.path:
            sys.path.append(own)  # last: what it imports later is found, and hides no library


def _explained(error: BaseException, folder: Path) -> str:
    what = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    if isinstance(error, SyntaxError) and error.filename:
        return f"{error.filename}, line {error.lineno}: {type(error).__name__}: {error.msg}"
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if Path(frame.filename).is_relative_to(folder)]
    return f"{own[-1].filename}, line {own[-1].lineno}: {what}" if own else what


def _named(module: ModuleType, name: str, where: str) -> Any:
    value: Any = module
    for part in name.split("."):
        if not hasattr(value, part):
            raise ConfigError(f"{where} defines no {name!r}{_near_type(module, name, where)}")
        value = getattr(value, part)
    return value


def _near_type(module: ModuleType, name: str, where: str) -> str:
    names = _types_in(module)
    near = get_close_matches(name, [n for n in vars(module) if not n.startswith("_")], 1)
    if near:
        return f"; did you mean {where}:{near[0]}?"
    return f"; its record types are {', '.join(names)}" if names else "; it has no record type"


def _only_type(module: ModuleType, where: str) -> Any:
    types = _types_in(module)
    match list(types):
        case [name]:
            return types[name]
        case []:
            raise ConfigError(f"{where} defines no record type: name one, as in {where}:Name")
        case names:
            raise ConfigError(f"{where} defines {', '.join(names)}: name one, as in {where}:{names[-1]}")


def _types_in(module: ModuleType) -> dict[str, Any]:
    """Return the Pydantic models, dataclasses and TypedDicts that the module itself defines."""
    return {
        name: value
        for name, value in vars(module).items()
        if isinstance(value, type)
        and value.__module__ == module.__name__
        and (issubclass(value, BaseModel) or is_dataclass(value) or hasattr(value, "__total__"))
    }


def _checked_type(value: Any, spec: str) -> Any:
    if RecordType.of(value).is_document:  # written in Python
        return value
    try:
        if isinstance(value, ModuleType | str) or isroutine(value):
            raise TypeError(f"it is a {type(value).__name__}")
        TypeAdapter(value)
    except (PydanticSchemaGenerationError, TypeError, NameError) as error:
        why = str(error).partition("\n")[0]
        raise ConfigError(
            f"{spec} is not a record type ({why}): use a Pydantic model, or any type that a TypeAdapter takes"
        ) from error
    return value


# -- examples


def if_array(line: str) -> str:
    """Return what to do about a line that begins an array, where each line should be an object."""
    is_array = line.lstrip().startswith("[")
    return "; jq -c '.[]' makes JSON Lines of a JSON array" if is_array else ""


def _example(line: str, read: Any, where: str, folder: Path) -> Example:
    try:
        told = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"{where}: this is not JSON: {error}{if_array(line)}") from error
    known = told.keys() & {"record", "gold"} if isinstance(told, dict) else ()
    text = text_in(told, folder, where) if known else None
    if text is None:
        raise ConfigError(f'{where}: an example must be {{"text": "...", "record": {{...}}}}{if_array(line)}')
    try:
        record = read(told["gold"] if "gold" in told else told["record"])
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = "/".join(("", *map(str, first["loc"])))
        raise ConfigError(
            f"{where}: the record is invalid at {place or 'its root'}: {first['msg']}"
        ) from error
    if told.get("evidence") is None:
        return text, record
    return {"text": text, "record": record, "evidence": told["evidence"]}
