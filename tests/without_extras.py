"""A script, not a test: what has to work after a plain `pip install typed-extractor`."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path

from pydantic import BaseModel

from extractor import Chunks, ConfigError, DatabaseSource, Extractor, Run, compile_schema, pdf, read
from extractor.evaluation.calibrating import check_installed
from extractor.testing import ChatServer, reply


class Person(BaseModel):
    name: str
    age: int


def main() -> None:
    documents = "pypdfium2 rapidocr docx openpyxl pptx oxmsg"
    others = "xllamacpp semantic_text_splitter h2 redis sklearn rich typer pandas pyarrow"
    for extra in f"{documents} {others} pytest openai".split():
        assert importlib.util.find_spec(extra) is None, f"{extra} is installed: this proves nothing"
    assert compile_schema(Person).schema["additionalProperties"] is False
    with (
        ChatServer([reply('{"name": "Ada", "age": 36}')]) as server,
        Extractor(model="m", base_url=server.base_url) as ex,
    ):
        assert ex.extract(Person, "Ada is 36.") == Person(name="Ada", age=36)
    try:
        Extractor("local:smollm2").extract(Person, "Ada is 36.")
    except ConfigError as error:
        assert "typed-extractor[local]" in str(error), error
    else:
        raise AssertionError("the embedded model ran without its extra")
    for extra, ask in {
        "typed-extractor[pdf]": lambda: pdf(b"%PDF-1.4", as_="text"),
        "typed-extractor[ocr]": lambda: read(b"\x89PNG\r\n\x1a\n"),
        "typed-extractor[databases]": lambda: DatabaseSource(
            "postgresql://db/shop", table="a"
        ).__arrow_c_stream__(),
        "typed-extractor[http2]": lambda: Extractor("m", base_url="http://127.0.0.1:9/v1", http2=True),
        "typed-extractor[calibrate]": check_installed,
        "typed-extractor[long]": lambda: Extractor("m", base_url="http://127.0.0.1:9/v1").document(
            Person, "Ada is 36. " * 99, chunks=Chunks(size=99)
        ),
        "typed-extractor[redis]": lambda: list(
            Extractor("m", base_url="http://127.0.0.1:9/v1").rows(
                ["Ada"], Person, run=Run(journal="redis://127.0.0.1")
            )
        ),
    }.items():
        try:
            ask()
        except ConfigError as error:
            assert extra in str(error), error
        else:
            raise AssertionError(f"it went without {extra}")
    command = Path(sys.executable).with_name("extractor")
    assert subprocess.run([command, "--version"], capture_output=True, check=True).stdout
    end = subprocess.run([command, "--help"], capture_output=True, text=True)
    assert end.returncode == 2, end
    assert "typed-extractor[cli]" in end.stderr, end
    print("works without extras")


if __name__ == "__main__":
    main()
