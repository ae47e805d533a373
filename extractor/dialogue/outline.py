"""A strict schema in few words that tell a model its shape: for servers that enforce it unseen. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from ..messages import JSON

Schema = Mapping[str, JSON]


def outline(schema: Schema, beside: bool = False) -> str:
    """Return the schema's shape: members with their types, and their descriptions as comments.

    beside: the values of an enum stand in the comment, since very small models copy the first one of those
    that follow a name. Constraints are left out, since the server holds the model to them. A definition is
    written out where it is met first, and named after that. About half of the schema's tokens.
    """
    return _Writer(schema.get("$defs", {}), beside).type_of(schema, 0)


@dataclass(slots=True)
class _Writer:
    definitions: Mapping[str, Schema]
    beside: bool
    written: set[str] = field(default_factory=set)
    choices: dict[str, None] = field(default_factory=dict)  # of the member that is being written

    def type_of(self, node: Schema, depth: int) -> str:
        """Return one node, at so many levels of indentation."""
        if "$ref" in node:
            return self._reference(str(node["$ref"]).removeprefix("#/$defs/"), depth)
        if "const" in node or "enum" in node:
            values = node["enum"] if "enum" in node else [node["const"]]
            said = [json.dumps(value, ensure_ascii=False) for value in values]
            if not self.beside or len(values) == 1 or not isinstance(node.get("type"), str):
                return " | ".join(said)
            self.choices |= dict.fromkeys(said)
            return str(node["type"])
        if "anyOf" in node:
            return " | ".join(dict.fromkeys(self.type_of(branch, depth) for branch in node["anyOf"]))
        match node.get("type"):
            case "object":
                return self._object(node, depth)
            case "array":
                return self._array(node, depth)
            case list(types):
                return " | ".join(types)
            case kind:
                return str(node.get("format") or kind or "any")

    def _reference(self, name: str, depth: int) -> str:
        if name not in self.definitions or (name in self.written and not self._is_beside(name)):
            return name
        self.written.add(name)
        body = self.type_of(self.definitions[name], depth)
        return f"{name} {body}" if body.startswith("{") else body

    def _is_beside(self, name: str) -> bool:
        return self.beside and "enum" in self.definitions[name]

    def _object(self, node: Schema, depth: int) -> str:
        pad = "  " * (depth + 1)
        lines = []
        outer = self.choices
        for name, member in node.get("properties", {}).items():
            self.choices = {}
            kind = self.type_of(member, depth + 1)
            words = [" ".join(member.get("description", "").split())]
            words += [f"one of {', '.join(self.choices)}"] if self.choices else []
            said = "; ".join(filter(None, words))
            lines.append(
                f"{pad}{json.dumps(name, ensure_ascii=False)}: {kind}{f'  // {said}' if said else ''}"
            )
        self.choices = outer
        if isinstance(node.get("additionalProperties"), Mapping):
            lines.append(f"{pad}any name: {self.type_of(node['additionalProperties'], depth + 1)}")
        return "\n".join(["{", *lines, "  " * depth + "}"])

    def _array(self, node: Schema, depth: int) -> str:
        items = [self.type_of(item, depth) for item in node.get("prefixItems", ())]
        if isinstance(node.get("items"), Mapping):
            items += [self.type_of(node["items"], depth), "..."]
        return f"[{', '.join(items)}]"
