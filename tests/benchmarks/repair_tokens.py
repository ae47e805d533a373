"""What repair costs: python tests/benchmarks/repair_tokens.py

A scripted server leaves one field of thirty out of every fifth first reply. Counted is what arrives at
the server, four characters a token, a record, by us and by those peers that are installed (instructor,
pydantic-ai). The last column has the messages of the n-th repair where no repair succeeds.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from pydantic import BaseModel, Field, create_model

from extractor import Extractor
from extractor.testing import ChatServer, ReceivedRequest, calls, reply

TEXTS = 50
PARAGRAPH = (
    "The quarterly report lists the figures of each department in turn, with remarks by the auditors. "
)
FIELDS: Any = {f"figure_{i}": (int, Field(description=f"The figure of department {i}")) for i in range(30)}
Report: type[BaseModel] = create_model("Report", **FIELDS)
WHOLE = {name: i for i, name in enumerate(FIELDS)}
Call = Callable[[ChatServer, str, int], Any]


def text(i: int) -> str:
    return f"Report {i}. " + PARAGRAPH * 40


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
    body = request.json
    return len(json.dumps(body["messages"], ensure_ascii=False)) // 4


def main() -> None:
    heads = ("messages", "with schema", "a repair", "with schema")
    print(" " * 14 + "".join(f"{head:>13}" for head in heads) + "   the n-th repair")
    for name, call in (("extractor", ours), ("instructor", instructors), ("pydantic-ai", pydantic_ais)):
        try:
            print(f"{name:14}" + row(call))
        except ImportError as error:
            print(f"{name:14}not installed ({error.name})")


def row(call: Call) -> str:
    with ChatServer(answers(lambda number, n: number % 5 == 0 and n == 1)) as server:
        for i in range(TEXTS):
            call(server, text(i), 3)
        seen: set[str] = set()
        firsts, repairs = [], []
        for request in server.requests:
            number = str(request.json["messages"]).split("Report ")[1].split(".")[0]
            (repairs if number in seen else firsts).append(request)
            seen.add(number)
    messages = sum(map(tokens, firsts + repairs)) / TEXTS
    whole = sum(len(r.body) // 4 for r in firsts + repairs) / TEXTS
    with ChatServer(answers(lambda number, n: True)) as server:
        with suppress(Exception):  # each library has its own
            call(server, text(0), 5)
        growth = [tokens(request) for request in server.requests[1:]]
    mended = sum(map(tokens, repairs)) / len(repairs)
    mended_whole = sum(len(r.body) // 4 for r in repairs) / len(repairs)
    cells = (messages, whole, mended, mended_whole)
    return "".join(f"{cell:13.0f}" for cell in cells) + f"   {growth}"


if __name__ == "__main__":
    main()
