"""What repair costs: python tests/benchmarks/repair_tokens.py

A scripted server leaves one field of thirty out of every fifth first reply. Counted is what arrives at
the server, body and all, four characters a token, by us and by those peers that are installed
(instructor, pydantic-ai), for texts of several lengths. In the last column are the tokens of the n-th
repair where no repair succeeds.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any

from pydantic import BaseModel, Field, create_model

from extractor import Extractor
from extractor.testing import ChatServer, ReceivedRequest, calls, reply

TEXTS = 20
LENGTHS = (100, 300, 1_000)  # tokens of a text
PARAGRAPH = "The quarterly report lists the figures of each department in turn, with remarks by auditors. "
FIELDS: Any = {f"figure_{i}": (int, Field(description=f"The figure of department {i}")) for i in range(30)}
Report: type[BaseModel] = create_model("Report", **FIELDS)
WHOLE = {name: i for i, name in enumerate(FIELDS)}
Call = Callable[[ChatServer, str, int], Any]


def text(i: int, length: int) -> str:
    return (f"Report {i}. " + PARAGRAPH * (length // 20))[: 4 * length]


def answers(misses: Callable[[int, int], bool]) -> Callable[[ReceivedRequest], Any]:
    """Answer with what the request asks for; `misses` says when a field is left out: (text, try)."""
    tries: dict[int, int] = {}

    def answer(request: ReceivedRequest) -> Any:
        asked = request.json
        number = int(str(asked["messages"]).split("Report ")[1].split(".")[0])
        tries[number] = tries.get(number, 0) + 1
        tools = asked.get("tools")
        schema = (
            tools[0]["function"]["parameters"] if tools else asked["response_format"]["json_schema"]["schema"]
        )
        wanted = {name: WHOLE.get(name, 0) for name in schema["properties"]}
        if misses(number, tries[number]):
            wanted.pop("figure_7", None)
        return calls((tools[0]["function"]["name"], wanted)) if tools else reply(wanted)

    return answer


def ours(server: ChatServer, source: str, retries: int) -> None:
    with Extractor("openai:m", base_url=server.base_url, api_key="any", max_repairs=retries) as ex:
        ex.extract(Report, source)


def instructors(server: ChatServer, source: str, retries: int) -> None:
    import instructor
    from openai import OpenAI

    client = instructor.from_openai(OpenAI(base_url=server.base_url, api_key="any"))
    client.chat.completions.create(
        model="m",
        response_model=Report,
        max_retries=retries,
        messages=[{"role": "user", "content": source}],
    )


def pydantic_ais(server: ChatServer, source: str, retries: int) -> None:
    from pydantic_ai import Agent
    from pydantic_ai.models.openai import OpenAIChatModel
    from pydantic_ai.providers.openai import OpenAIProvider

    model = OpenAIChatModel("m", provider=OpenAIProvider(base_url=server.base_url, api_key="any"))
    Agent(model, output_type=Report, retries=retries).run_sync(source)


def tokens(request: ReceivedRequest) -> int:
    return len(request.body) // 4


def main() -> None:
    for length in LENGTHS:
        print(f"\ntexts of {length} tokens")
        print(" " * 14 + "  first request    a repair    a record   the n-th repair")
        baseline: tuple[float, ...] | None = None
        for name, call in (("extractor", ours), ("instructor", instructors), ("pydantic-ai", pydantic_ais)):
            try:
                cells, growth = measured(call, length)
            except ImportError as error:
                print(f"{name:14}not installed ({error.name})")
                continue
            baseline = baseline or cells
            shares = [f"{cell:6.0f} ({own / cell:4.2f})" for cell, own in zip(cells, baseline, strict=True)]
            print(f"{name:14}" + " ".join(shares) + f"   {growth}")
    print(
        "\nIn parentheses: ours as a part of theirs. A record: first requests and repairs over all records."
    )


def measured(call: Call, length: int) -> tuple[tuple[float, ...], list[int]]:
    """Return tokens of a first request, of a repair and of a record, and those of each repair in a row."""
    with ChatServer(answers(lambda number, n: number % 5 == 0 and n == 1)) as server:
        for i in range(TEXTS):
            call(server, text(i, length), 3)
        sent = [*map(tokens, server.requests)]
        numbers = [str(r.json["messages"]).split("Report ")[1].split(".")[0] for r in server.requests]
    first = [n not in numbers[:i] for i, n in enumerate(numbers)]
    firsts = [size for size, is_first in zip(sent, first, strict=True) if is_first]
    repairs = [size for size, is_first in zip(sent, first, strict=True) if not is_first]
    with ChatServer(answers(lambda number, n: True)) as server:
        with suppress(Exception):  # each library has its own
            call(server, text(0, length), 5)
        growth = [tokens(request) for request in server.requests[1:]]
    return (sum(firsts) / len(firsts), sum(repairs) / len(repairs), sum(sent) / TEXTS), growth


if __name__ == "__main__":
    main()
