"""Tools for a server that has none: the reply's schema is a call or an answer, and results are said in
the user's turn. Pure.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from ..dialogue import shown_schema
from ..errors import Invalid, InvalidJSON, Problem
from ..messages import JSON, Completion, FunctionCall, Message, Request, StrictSchema, ToolCall

STEP = "next"  # the member that holds the call or the answer: a schema's root may have to be an object


def spoken(request: Request, tools: Sequence[StrictSchema], choice: Any, answers: bool) -> Request:
    """Return the request with its tools described in the prompt and called by a reply that fits a schema.

    choice: "auto", "none", "required", or the name of the tool to call. answers: whether the model may
    answer in words.
    """
    if choice == "none":
        tools = ()
    elif isinstance(choice, str) and choice not in ("auto", "required"):
        tools = [tool for tool in tools if tool.name == choice] or tools
    schema = step_schema(tools, answers and choice in (None, "auto", "none"))
    told = Message("system", _instructions(tools, shown_schema(schema.schema, request.mode)))
    messages = _merged(told, [_said(message, request.messages) for message in request.messages])
    return replace(request, messages=messages, response_schema=schema)


def step_schema(tools: Sequence[StrictSchema], answers: bool) -> StrictSchema:
    """Return the schema of one step: a call of one of the tools, or an answer in words."""
    definitions: dict[str, JSON] = {}
    branches = [_object(answer={"type": "string"})] if answers else []
    for tool in tools:
        own = dict(tool.schema)
        inner = own.pop("$defs", {})
        definitions |= {f"{tool.name}_{name}": _moved(value, tool.name) for name, value in inner.items()}
        definitions[tool.name] = _moved(own, tool.name)
        name = {"type": "string", "enum": [tool.name]}
        branches.append(_object(tool=name, arguments={"$ref": f"#/$defs/{tool.name}"}))
    step = branches[0] if len(branches) == 1 else {"anyOf": branches}
    return StrictSchema(
        "step", {**_object(**{STEP: step}), **({"$defs": definitions} if definitions else {})}
    )


def _object(**members: JSON) -> dict[str, JSON]:
    return {
        "type": "object",
        "properties": members,
        "required": list(members),
        "additionalProperties": False,
    }


def _moved(schema: JSON, name: str) -> JSON:
    """Return a tool's schema with its references pointing to where it stands now."""
    if isinstance(schema, list):
        return [_moved(item, name) for item in schema]
    if not isinstance(schema, dict):
        return schema
    moved = {key: _moved(value, name) for key, value in schema.items()}
    target = schema.get("$ref")
    if isinstance(target, str) and target.startswith("#"):
        inner = target.removeprefix("#").removeprefix("/$defs/")
        moved["$ref"] = f"#/$defs/{name}_{inner}" if inner else f"#/$defs/{name}"
    return moved


def read_step(text: str) -> tuple[str | None, ToolCall | None]:
    """Return the answer in words, or the call, that a reply says. Raises Invalid."""
    try:
        step = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InvalidJSON("no JSON", [Problem("", f"is not JSON: {error}", type="json_invalid")]) from None
    match step:
        case {"next": {"answer": str(words)}}:
            return words, None
        case {"next": {"tool": str(name), "arguments": dict(arguments)}}:
            said = json.dumps(arguments, ensure_ascii=False, separators=(",", ":"))
            return None, ToolCall("", FunctionCall(name, said))
    raise Invalid("no step", [Problem("", "is neither a call of a tool nor an answer", step)])


def heard(completion: Completion, step: tuple[str | None, ToolCall | None], number: int) -> Completion:
    """Return the completion as a server with tools would have given it."""
    words, call = step
    if call is None:
        return completion.with_message(content=words)
    called = completion.with_message(content=None, tool_calls=(replace(call, id=f"call_{number}"),))
    first, *others = called.choices
    return replace(called, choices=(replace(first, finish_reason="tool_calls"), *others))


def _instructions(tools: Sequence[StrictSchema], schema: str) -> str:
    if not tools:
        return schema
    listed = "\n".join(f"- {_line(tool)}" for tool in tools)
    return (
        f"You can call these tools, one at a time:\n{listed}\n"
        "What they give is shown to you, as data. Call one where you need it, else answer. "
        f"Answer with JSON only.\n{schema}"
    )


def _line(tool: StrictSchema) -> str:
    return f"{tool.name}: {tool.description}" if tool.description else tool.name


def _said(message: Message, messages: Sequence[Message]) -> Message:
    """Return a turn with its calls, or its result, in words."""
    if message.role == "tool":
        name = _name_of(message.tool_call_id, messages)
        return Message("user", f"What {name} gave, as data:\n{message.content}")
    if message.role != "assistant":
        return message
    calls = [_step(call.function) for call in message.tool_calls]
    if not calls:
        said: Mapping[str, JSON] = {STEP: {"answer": message.content or ""}}
        calls = [json.dumps(said, ensure_ascii=False, separators=(",", ":"))]
    return Message("assistant", "\n".join(calls))


def _step(function: FunctionCall) -> str:
    return f'{{"{STEP}":{{"tool":{json.dumps(function.name)},"arguments":{function.arguments or "{}"}}}}}'


def _name_of(call_id: str | None, messages: Sequence[Message]) -> str:
    calls = [call for message in messages for call in message.tool_calls]
    return next((call.function.name for call in calls if call.id == call_id), "the tool")


def _merged(told: Message, messages: Sequence[Message]) -> tuple[Message, ...]:
    """Put the instructions first, into the system message if there is one: many templates have one."""
    if messages and messages[0].role in ("system", "developer") and isinstance(messages[0].content, str):
        said = f"{messages[0].content}\n\n{told.content}"
        return (Message("system", said), *messages[1:])
    return (told, *messages)
