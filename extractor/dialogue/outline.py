"""A strict schema in few words that tell a model its shape: for servers that enforce it unseen. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from ..messages import JSON

Schema = Mapping[str, JSON]


def outline(schema: Schema) -> str:
    """Return the schema's shape: members with their types, and their descriptions as comments.

    Constraints are left out, since the server holds the model to them. A definition is written out
    where it is met first, and named after that. About half of the schema's tokens.
    """
    return _Writer(schema.get("$defs", {})).type_of(schema, 0)


@dataclass(slots=True)
class _Writer:
    definitions: Mapping[str, Schema]
    written: set[str] = field(default_factory=set)

    def type_of(self, node: Schema, depth: int) -> str:
        """Return one node, at so many levels of indentation."""
        if "$ref" in node:
            return self._reference(str(node["$ref"]).removeprefix("#/$defs/"), depth)
        if "const" in node or "enum" in node:
            values = node["enum"] if "enum" in node else [node["const"]]
            return " | ".join(json.dumps(value, ensure_ascii=False) for value in values)
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
        if name in self.written or name not in self.definitions:
            return name
        self.written.add(name)
        body = self.type_of(self.definitions[name], depth)
        return f"{name} {body}" if body.startswith("{") else body

    def _object(self, node: Schema, depth: int) -> str:
        pad = "  " * (depth + 1)
        lines = []
        for name, member in node.get("properties", {}).items():
            said = f"  // {' '.join(member['description'].split())}" if member.get("description") else ""
            lines.append(
                f"{pad}{json.dumps(name, ensure_ascii=False)}: {self.type_of(member, depth + 1)}{said}"
            )
        if isinstance(node.get("additionalProperties"), Mapping):
            lines.append(f"{pad}any name: {self.type_of(node['additionalProperties'], depth + 1)}")
        return "\n".join(["{", *lines, "  " * depth + "}"])

    def _array(self, node: Schema, depth: int) -> str:
        items = [self.type_of(item, depth) for item in node.get("prefixItems", ())]
        if isinstance(node.get("items"), Mapping):
            items += [self.type_of(node["items"], depth), "..."]
        return f"[{', '.join(items)}]"
