"""Shortlists of a vocabulary: `python -m tests.benchmarks.vocabularies [CODES [TEXTS]]`.

Prints the share of texts whose right code is on the list, by its length; the tokens of a request with the
list, against one with all codes; and the time. Nothing is sent.
"""

from __future__ import annotations

import sys
import time
from typing import Annotated

from pydantic import BaseModel, create_model

from extractor import Coded, Extractor
from tests.vocabulary_of_goods import texts, vocabulary

LENGTHS = (1, 5, 10, 20, 50)


def main(codes: int = 10_000, count: int = 500) -> None:
    goods = vocabulary(codes)
    letters = texts({code: goods.labels[code][0] for code in goods.labels}, count)
    began = time.process_time()
    goods.shortlist("?", 1)
    indexed = time.process_time() - began
    began = time.process_time()
    lists = [goods.shortlist(text, max(LENGTHS)).codes for text, _ in letters]
    searched = (time.process_time() - began) / count
    print(f"{codes:,} codes, {count:,} texts: index {indexed:.2f} s, search {searched * 1000:.2f} ms a text")
    whole = len("; ".join(f"{code} = {goods.label(code)}" for code in goods.labels)) // 4
    print(f"{'list':>6} {'right code on it':>17} {'prompt tokens':>14}")
    with Extractor("openai:m", base_url="http://127.0.0.1:9/v1", api_key="none") as ex:
        for length in LENGTHS:
            kind = Annotated[str | None, Coded(goods, shown=length)]
            record_type: type[BaseModel] = create_model("Order", article=(kind, None))
            right = sum(code in found[:length] for found, (_, code) in zip(lists, letters, strict=True))
            tokens = sum(ex.preview(record_type, text).tokens for text, _ in letters[:50]) // 50
            print(f"{length:6} {right / count:17.1%} {tokens:14,}")
    print(f"{'all':>6} {1:17.1%} {whole:14,}  (of the codes and labels alone, at 4 bytes a token)")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
