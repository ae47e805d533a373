"""Files that are one text each: rows with their path, whose text is read on demand."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from ..errors import ConfigError
from ..layout import Source
from ..loading import utf_16_of, why_no_text
from ..readers.given import USUAL, Reading
from ..readers.kinds import TEXT, is_text, kind_of, misnamed
from .input import byte_stream
from .table import Fields, Table

MOST_BYTES = 64 * 2**20  # of a document, unpacked
MARKS = {  # longest first. Source: Unicode 16, section 23.8
    b"\xff\xfe\x00\x00": "utf-32",
    b"\x00\x00\xfe\xff": "utf-32",
    b"\xef\xbb\xbf": "utf-8-sig",
    b"\xff\xfe": "utf-16",
    b"\xfe\xff": "utf-16",
}
_FOREIGN_WORD = re.compile(r"(?<!\w)[^\W\d_\x00-\x7f]{4,}(?!\w)|[þðÞÐ]")  # Turkish has other letters there
_OF_OLD_MACS = {
    "maccyrillic": "windows-1251",
    "mac-cyrillic": "windows-1251",
    "maclatin2": "windows-1250",
    "mac-latin2": "windows-1250",
    "macgreek": "windows-1253",
    "mac-greek": "windows-1253",
    "macturkish": "windows-1254",
    "mac-turkish": "windows-1254",
    "macroman": "windows-1252",
    "mac-roman": "windows-1252",
}
_IN_A_WORD = re.compile(  # what stands between two letters of no Western word, read as Windows-1252
    r"(?<=[^\W\d_])[^\w\s\x00-\x7f’‘'·\-–—…“”\"„«»€£§°]+(?=[^\W\d_])|[\x80-\x9f]"
)


class DecodedText(NamedTuple):
    """A text. guessed: the encoding, where nothing in the file says it."""

    text: str
    guessed: str | None = None


def documents_table(paths: Sequence[str], encoding: str | None) -> Table:
    """Return a row for each file: `path`, and `encoding` where one is given."""
    given = {} if encoding is None else {"encoding": encoding}

    def rows() -> Iterator[Fields]:
        return ({"path": path, **given} for path in paths)

    return Table(("path", *given), len(paths), rows, of_files=True, place=lambda index: paths[index])


class TextFiles:
    """Reads texts and documents out of files, and counts the encodings that were guessed. reading: how
    documents are read.
    """

    def __init__(self, reading: Reading = USUAL) -> None:
        self._reading = reading
        self._guessed: dict[str, str] = {}  # encodings by path
        self._misnamed: list[str] = []  # notes

    def read(self, path: str, encoding: str | None) -> str | Source:
        """Return a file's text; of a document, such as a PDF, the Source. Raises ConfigError where there is
        none, in words that other files share: the row has the path.
        """
        try:
            with byte_stream(path) as stream:
                data = stream.read(MOST_BYTES + 1)
        except ConfigError as error:
            raise ConfigError(str(error).replace(path, "the file")) from error
        return self.of_bytes(data, encoding, path)

    def of_bytes(self, data: bytes, encoding: str | None = None, path: str = "a row") -> str | Source:
        """Return what `read` does of a file's bytes. path: where they are from, for the note."""
        if len(data) > MOST_BYTES:
            raise ConfigError(f"the file is larger than {MOST_BYTES // 2**20} MB: cut it into pieces")
        if note := misnamed(path, kind_of(data) or TEXT):
            self._misnamed.append(note)
        if encoding is None and not is_text(data):
            return self._reading.read(data, "the file")
        text, guessed = decoded(data, encoding)
        if guessed is not None:
            self._guessed[path] = guessed
        return text

    @property
    def note(self) -> str | None:
        """Which encodings were guessed, and which files are not what their names say; None for none."""
        told = [f"{len(self._misnamed):,} × {self._misnamed[0]}."] if self._misnamed else []
        return " ".join([*self._encodings(), *told]) or None

    def _encodings(self) -> Iterator[str]:
        if not self._guessed:
            return
        first = {encoding: path for path, encoding in reversed(self._guessed.items())}
        counts = Counter(self._guessed.values()).most_common()
        told = ", ".join(f"{count:,} as {each} ({first[each]})" for each, count in counts)
        yield f"Guessed the encodings of files that don't declare one: {told}."


def decoded(data: bytes, encoding: str | None = None) -> DecodedText:
    """Return the text of a file's bytes. encoding: None to find it out.

    UTF-8, a byte order mark, and UTF-16 of mostly Latin text are certain; others are guessed: Windows-1252
    where the text then looks Western, else what chardet takes it for. Raises ConfigError for bytes that are
    no text, or in an encoding that can't be determined.
    """
    if encoding is not None:
        return DecodedText(_decoded(data, encoding))
    if mark := next((name for mark, name in MARKS.items() if data.startswith(mark)), None):
        return DecodedText(_decoded(data, mark))
    if kind := utf_16_of(data):
        return DecodedText(_decoded(data, kind))
    if why := why_no_text(data):
        raise ConfigError(why)
    try:
        return DecodedText(_checked(data.decode()))
    except UnicodeDecodeError:
        guess = "windows-1252" if _looks_western(data) else _guess(data)
    return DecodedText(_decoded(data, guess), guess)


def _decoded(data: bytes, encoding: str) -> str:
    try:
        return _checked(data.decode(encoding))
    except UnicodeError as error:
        raise ConfigError(f"it is not {encoding}: {error}") from error


def _checked(text: str) -> str:
    if "\0" in text:
        raise ConfigError("it is not text: it contains zero bytes")
    return text


def _looks_western(data: bytes) -> bool:
    """Whether bytes are words of Western languages in Windows-1252. In these, few letters are outside of
    ASCII, no symbol stands inside of a word, and every word has a letter of ASCII.
    """
    try:
        text = data.decode("windows-1252")
    except UnicodeDecodeError:
        return False
    letters = [char for char in text if char.isalpha()]
    outside = sum(not char.isascii() for char in letters)
    return outside * 4 <= len(letters) and not (_IN_A_WORD.search(text) or _FOREIGN_WORD.search(text))


def _guess(data: bytes) -> str:
    try:
        import chardet
    except ImportError as error:
        raise ConfigError(
            "it is neither UTF-8 nor Windows-1252: name its encoding, or pip install "
            "'typed-extractor[files]' to guess it"
        ) from error
    telling = b" ".join(word for word in data.split() if not word.isascii())
    found = chardet.detect(telling)["encoding"] or chardet.detect(data)["encoding"]
    if found is None:
        raise ConfigError("it is not a document that can be read; if it is a text, name its encoding")
    return _today(found.lower(), data)


def _today(encoding: str, data: bytes) -> str:
    """Return the encoding that Windows has of the same letters in place of that of old Macs, which hardly any
    file has, where that gives words too.
    """
    sibling = _OF_OLD_MACS.get(encoding)
    try:
        return encoding if sibling is None or _IN_A_WORD.search(data.decode(sibling)) else sibling
    except UnicodeDecodeError:
        return encoding


# -- which files


def files_in(source: str, leave_out: frozenset[str]) -> list[str]:
    """Return the files of a folder or a pattern, sorted; hidden ones are left out, and links to folders are
    not followed. leave_out: absolute paths of files that are written. Raises ConfigError where there is none.
    """
    from glob import glob

    path = Path(source)
    if path.is_dir():
        found = [str(each) for each in _below(path)]
    else:
        found = sorted(each for each in glob(source, recursive=True) if Path(each).is_file())
    kept = [each for each in found if str(Path(each).absolute()) not in leave_out]
    if not kept:
        raise ConfigError(f"there is no file in {source}" if path.is_dir() else f"no file is {source}")
    return kept


def _below(folder: Path) -> Iterator[Path]:
    for each in sorted(folder.iterdir()):
        if each.name.startswith("."):
            continue
        if each.is_dir() and not each.is_symlink():
            yield from _below(each)
        elif each.is_file():
            yield each
