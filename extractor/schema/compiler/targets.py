"""What each family of servers accepts in a schema, as frozen values.

A target is data: the compiler asks it and never asks for its name. Hosted services cannot be tried
from a test, so their values are a strict lower bound; each says where its claims come from.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from types import MappingProxyType
from typing import Any, Literal

from ...errors import ConfigError
from ..names import legal

NUMBERS = frozenset({"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"})
LENGTHS = frozenset({"minLength", "maxLength"})
ITEMS = frozenset({"minItems", "maxItems"})
ALL_KEYWORDS = NUMBERS | LENGTHS | ITEMS | {"multipleOf", "pattern", "format", "const", "prefixItems"}
PRINTABLE = r'^[^"\\\x00-\x1f]+$'
OPENAI_FORMATS = frozenset(
    {"date-time", "time", "date", "duration", "email", "hostname", "ipv4", "ipv6", "uuid"}
)


@dataclass(frozen=True, slots=True)
class Target:
    """What one family of servers accepts.

    Keywords and shapes:

    - keywords: the accepted assertions, of ALL_KEYWORDS. All targets accept type, properties, required,
      items, enum, anyOf, $defs, $ref and description.
    - formats: values of `format` that are enforced without rejecting valid text.
    - all_required: whether every property must be required.
    - maps: whether `additionalProperties` may be a schema; open_objects: also beside properties;
      empty_objects: whether objects below the root may have no members.
    - roots: JSON types that the root may have; unions also need `root_anyof`.
    - recursion: whether a definition may refer to itself: "all", "optional" (only through properties that are
      not required), or "none".
    - ref_siblings: whether `$ref` may stand beside a description; lone_references: whether it may be the only
      member of an `anyOf`.
    - pattern_with_length: whether a pattern or format may stand beside a length; raw_patterns: whether
      patterns are matched against the JSON text with its escapes.
    - loose_on_numbers: assertions that are enforced on integers, but not on numbers.
    - name_pattern, property_pattern: legal names.

    Limits of the whole schema, None for no limit:

    - max_depth: levels of objects, the root and each definition counted separately; max_inlined: the same
      with all references written out.
    - max_properties, max_optional, max_unions (of the root).
    - max_text: characters of names and values, and of descriptions if the target `counts_words`.
    - max_enum_values; max_enum_text: characters in an enum of over `max_enum_long` texts; max_all_enum_text:
      characters in all enums.
    - max_repeats: the sum of `maxItems`, nested ones multiplied.
    - inlines: references are written out, in at most so many characters.

    Limits of one node:

    - max_branches: members of a union; max_min_items: the largest `minItems`; max_nesting: levels of schemas
      of any kind.
    - max_repetition: the largest count of repetitions in a pattern, nested ones multiplied; max_references:
      how deep references may be nested.
    - integer_digits: longer integers cannot be expressed.

    How it is used:

    - verbatim: how values that must stand in the text are marked. `told`: in words. `marked`: by the keyword
      for a grammar. `all`: so are all plain strings except the exempt ones.
    - sends_schema: False if the schema is only in the prompt; enforced: whether the server constrains the
      model to the schema.
    - bare_decimals: whether a decimal is a number of JSON, and no text.
    - max_string, max_array: bounds that the compiler adds to strings and arrays without any.
    - source: where these claims come from.
    """

    name: str
    source: str
    keywords: frozenset[str] = ALL_KEYWORDS
    formats: frozenset[str] = OPENAI_FORMATS
    all_required: bool = False
    maps: bool = True
    roots: frozenset[str] = frozenset({"object"})
    root_anyof: bool = False
    recursion: Literal["all", "optional", "none"] = "all"
    ref_siblings: bool = False
    lone_references: bool = True
    max_depth: int | None = None
    max_properties: int | None = None
    max_enum_values: int | None = None
    max_enum_text: int | None = None
    max_enum_long: int = 250
    max_all_enum_text: int | None = None
    max_repeats: int | None = None
    max_inlined: int | None = None
    max_text: int | None = None
    counts_words: bool = False
    integer_digits: int | None = None
    max_optional: int | None = None
    max_unions: int | None = None
    max_branches: int | None = None
    max_min_items: int | None = None
    max_repetition: int | None = None
    name_pattern: str = r"^[A-Za-z0-9_-]{1,64}$"
    property_pattern: str | None = None
    sends_schema: bool = True
    max_string: int | None = None
    max_array: int | None = None
    pattern_with_length: bool = True
    loose_on_numbers: frozenset[str] = frozenset()
    raw_patterns: bool = False
    open_objects: bool = True
    max_references: int | None = None
    max_nesting: int | None = None
    inlines: int | None = None
    enforced: bool = True
    empty_objects: bool = True
    verbatim: Literal["told", "marked", "all"] = "told"
    bare_decimals: bool = False

    def legal_name(self, name: str) -> str:
        """Return a name that the target accepts. A changed name ends in a hash, so that names stay
        distinct.
        """
        return name if re.match(self.name_pattern, name) else legal(name, "record", 50)

    def legal_property(self, key: str) -> str:
        """Return a legal name for a member on the wire."""
        pattern = self.property_pattern
        return key if pattern is None or re.match(pattern, key) else legal(key, "member", 40)


OPENAI = Target(
    "openai",
    "platform.openai.com/docs/guides/structured-outputs; OpenAI's Node SDK; refusals reported by users",
    keywords=ALL_KEYWORDS - {"prefixItems"},
    all_required=True,
    maps=False,
    max_depth=10,
    max_properties=5000,
    max_enum_values=1000,
    max_enum_text=15_000,
    max_text=120_000,
)
AZURE = replace(
    OPENAI,
    name="azure",
    source="learn.microsoft.com, Azure OpenAI structured outputs: 100 properties, 5 levels; of OpenAI's "
    "first limits, which it kept, 500 enum values, 7,500 characters in a long enum, 15,000 in all names and "
    "values (docs.snaplogic.com, Azure OpenAI structured outputs)",
    max_depth=5,
    max_properties=100,
    max_enum_values=500,
    max_enum_text=7_500,
    max_text=15_000,
)
COMPATIBLE = replace(
    OPENAI,
    name="compatible",
    source="servers that are known by their URL alone: OpenAI's rules, and no recursion, which Gemini's "
    "compatible API, Bedrock, xAI, Cerebras and outlines refuse",
    recursion="none",
)
ANTHROPIC = Target(
    "anthropic",
    "docs.anthropic.com structured outputs; the counting in pydantic-ai's source; refusals reported by users",
    keywords=frozenset({"const", "format", "pattern", "minItems"}),
    formats=OPENAI_FORMATS | {"uri"},
    maps=False,
    recursion="none",
    max_optional=24,
    max_unions=16,
    max_min_items=1,
    max_repetition=100,  # "complex {n,m} quantifiers with large ranges" are refused; no number is given
    property_pattern=r"^[a-zA-Z0-9_.-]{1,64}$",
)
GEMINI = Target(
    "gemini",
    "ai.google.dev/gemini-api/docs/structured-output; responseJsonSchema in the google-genai SDK; refusals: "
    "python-genai 2170 and vercel/ai 21192 (maxItems, 960 in all), python-genai 2133 and 950 (text of enums: "
    "1,700 characters pass, 3,600 do not), 660 (states: nested arrays multiply), presenton 327 (5 levels; "
    "references are not counted: litellm 21014)",
    keywords=frozenset({"minimum", "maximum", "minItems", "maxItems", "prefixItems", "format"}),
    formats=frozenset({"date-time", "date", "time"}),
    recursion="optional",
    max_depth=5,
    max_repeats=900,
    max_all_enum_text=2_000,
)
VERTEX = replace(
    GEMINI,
    name="vertex",
    source="cloud.google.com/vertex-ai/generative-ai/docs/migrate/openai/overview: Gemini's limits, with "
    "references written out (js-genai 882, Portkey gateway 1546); maps arrive empty (pydantic-ai 2588)",
    keywords=frozenset({"minimum", "maximum", "minItems", "maxItems"}),
    formats=frozenset(),
    all_required=True,
    maps=False,
    recursion="none",
    max_depth=None,
    max_inlined=5,
)
XAI = Target(
    "xai",
    "docs.x.ai/developers/model-capabilities/text/structured-outputs: no circular references, maps closed "
    "unless they are true; lengths end in a 502 (reported by users, 2026)",
    keywords=frozenset({"const", "format"}),
    formats=frozenset({"date", "time", "date-time", "email", "uuid", "ipv4"}),
    all_required=True,
    maps=False,
    recursion="none",
)
BEDROCK = Target(
    "bedrock",
    "docs.aws.amazon.com/bedrock/latest/userguide/structured-output.html: 400 on what is not supported; "
    "refusals of numeric bounds, lengths, maxItems, minItems over 1 (litellm 29624, instructor 2530, "
    "vercel/ai 17197)",
    keywords=frozenset({"const", "minItems"}),
    formats=frozenset(),
    all_required=True,
    maps=False,
    recursion="none",
    max_min_items=1,
)
COHERE = Target(
    "cohere",
    "docs.cohere.com/docs/structured-outputs and /v2/docs/parameter-types-in-tool-use: strict tools of at "
    "most 200 fields; other keywords than const are not promised on its compatibility API",
    keywords=frozenset({"const"}),
    formats=frozenset(),
    all_required=True,
    maps=False,
    recursion="none",
    max_properties=200,
)
MISTRAL = Target(
    "mistral",
    "docs.mistral.ai structured output; refusals of format (2025-02) and $schema (2025-08) reported by users",
    keywords=ALL_KEYWORDS - {"format", "prefixItems"},
    formats=frozenset(),
    all_required=True,
    maps=False,
    loose_on_numbers=frozenset({"multipleOf"}),  # as llguidance
)
GROQ = replace(
    OPENAI,
    name="groq",
    source="console.groq.com/docs/structured-outputs: closed, all required; minItems refused (2025-10)",
    keywords=frozenset({"minimum", "maximum", "const"}),
    formats=frozenset(),
)
FIREWORKS = Target(
    "fireworks",
    "docs.fireworks.ai structured responses; 400 on untyped nodes and on $ref beside default",
    keywords=ALL_KEYWORDS - {"prefixItems", "format", "multipleOf"},
    formats=frozenset(),
    all_required=True,
    maps=False,
)
TOGETHER = Target(
    "together",
    "docs.together.ai JSON mode documents no keywords: only what every engine enforces",
    keywords=frozenset({"const", "minLength", "maxLength", "minItems", "maxItems"}),
    formats=frozenset(),
    all_required=True,
    maps=False,
)
CEREBRAS = replace(
    OPENAI,
    name="cerebras",
    source="inference-docs.cerebras.ai structured outputs: no type arrays, unions of at most 5, no recursion",
    keywords=frozenset({"minimum", "maximum", "const"}),
    formats=frozenset(),
    recursion="none",
    max_branches=5,
    max_text=5_000,
    counts_words=True,
)
DEEPSEEK = replace(
    OPENAI,
    name="deepseek",
    source="api-docs.deepseek.com function calling, strict mode (beta); no reference alone in an anyOf",
    lone_references=False,
    keywords=NUMBERS | {"pattern", "format", "multipleOf", "const"},
    empty_objects=False,
    formats=frozenset({"email", "hostname", "ipv4", "ipv6", "uuid"}),
)
PERMISSIVE = Target(
    "permissive",
    "JSON Schema 2020-12 as jsonschema reads it",
    roots=frozenset({"object", "array", "string", "number", "integer", "boolean", "null"}),
    root_anyof=True,
    ref_siblings=True,
    enforced=False,
    formats=OPENAI_FORMATS | {"uri"},
)
JSON_OBJECT = replace(
    PERMISSIVE,
    name="json_object",
    source="servers that promise JSON but take no schema: it is told in the prompt",
    roots=frozenset({"object"}),
    root_anyof=False,
    ref_siblings=False,
    sends_schema=False,
)
LLAMACPP = Target(
    "llamacpp",
    "executed: llama.cpp b11434, json-schema-to-grammar",
    keywords=LENGTHS | ITEMS | {"minimum", "maximum", "pattern", "format", "const", "prefixItems"},
    formats=frozenset({"date", "uuid", "time", "date-time"}),
    loose_on_numbers=NUMBERS | {"multipleOf"},
    raw_patterns=True,
    all_required=True,
    property_pattern=PRINTABLE,
    integer_digits=16,
    pattern_with_length=False,
)
OLLAMA = replace(LLAMACPP, name="ollama", source="github.com/ollama/ollama: llama.cpp's converter")
LLGUIDANCE = Target(
    "llguidance",
    "executed: llguidance 1.9.1; an unknown keyword or format is an error, and so are most fractions as "
    "multipleOf: it takes only some spellings of them",
    loose_on_numbers=frozenset({"multipleOf"}),
    max_optional=32,
)
LOCAL = replace(
    LLGUIDANCE,
    name="local",
    source="llguidance in the embedded llama.cpp, with bounds that stop a small model from running away",
    all_required=True,  # a small model leaves out what it may leave out
    max_string=300,
    max_array=50,
    bare_decimals=True,  # in quotes, a small model writes fewer of them right
)
XGRAMMAR = Target(
    "xgrammar",
    "executed: xgrammar 0.2.8",
    loose_on_numbers=frozenset({"multipleOf"}),
    raw_patterns=True,
    max_optional=32,
    pattern_with_length=False,
)
VLLM = replace(
    XGRAMMAR,
    name="vllm",
    keywords=ALL_KEYWORDS - {"multipleOf"},
    source="vllm's gate before xgrammar: no multipleOf, no pattern or format beside a length",
)
SGLANG = replace(XGRAMMAR, name="sglang", source="sglang hands schemas to xgrammar")
OUTLINES = Target(
    "outlines",
    "executed: outlines-core; references are written out, optional members cost quadratically",
    raw_patterns=True,
    all_required=True,
    open_objects=False,
    inlines=500_000,
    property_pattern=PRINTABLE,
    keywords=LENGTHS | ITEMS | {"pattern", "format", "const", "prefixItems"},
    formats=frozenset({"date", "uuid"}),
    recursion="none",
    pattern_with_length=False,
)


def says_number(target: Target, decimal: Mapping[str, Any]) -> bool:
    """Return whether a decimal is sent as a number. decimal: its constraints; infinities need text."""
    return target.bare_decimals and not decimal.get("allow_inf_nan")


def find_target(target: str | Target) -> Target:
    """Return the target of that name. Raises ConfigError."""
    if isinstance(target, Target):
        return target
    try:
        return TARGETS[target]
    except (KeyError, TypeError):
        raise ConfigError(f"there is no target {target!r}; there are {', '.join(TARGETS)}") from None


@cache
def grounding(target: str | Target, verbatim: Literal["marked", "all"]) -> Target:
    """Return the target, for schemas that a grammar of pieces of a text is made of."""
    return replace(TARGETS[target] if isinstance(target, str) else target, verbatim=verbatim)


@cache
def bounded(name: str, bounds: tuple[int, int] | None, bare_decimals: bool = False) -> str | Target:
    """Return the target of that name. bounds: its characters and items, in place of its own, and with them
    whether its decimals are bare.
    """
    if bounds is None:
        return name
    string, array = bounds
    return replace(TARGETS[name], max_string=string, max_array=array, bare_decimals=bare_decimals)


TARGETS: Mapping[str, Target] = MappingProxyType(
    {
        target.name: target
        for target in (
            *(OPENAI, AZURE, COMPATIBLE, ANTHROPIC, GEMINI, VERTEX, XAI, BEDROCK, COHERE, MISTRAL, GROQ),
            *(FIREWORKS, TOGETHER, CEREBRAS, DEEPSEEK, JSON_OBJECT, OLLAMA, LLAMACPP, LLGUIDANCE, XGRAMMAR),
            *(VLLM, SGLANG, OUTLINES, PERMISSIVE, LOCAL),
        )
    }
)
