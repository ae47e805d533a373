"""The engines that constrain a model's output, as judges: does the grammar build, and does it take a text?

Each engine turns a schema into a function text -> bool, and raises ValueError where it refuses the
schema. A tokenizer of the 256 bytes stands for any other: what a grammar takes does not depend on it.

    pip install 'typed-extractor[judges]'                  llguidance and outlines-core
    pip install torch transformers                   all that xgrammar imports of its dependencies
    pip install --no-deps xgrammar apache-tvm-ffi    xgrammar, without a compiler for GPUs
"""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from typing import Any, ClassVar

from tests.schema.checker import children

JSON = Any
Takes = Callable[[str], bool]
END = 256
VOCABULARY = [*(bytes([byte]) for byte in range(256)), b"<end>"]


@dataclass(frozen=True)
class Engine:
    """A judge: the modules that it needs, the targets that it judges, how it builds a grammar."""

    name: str
    modules: tuple[str, ...]
    targets: tuple[str, ...]
    build: Callable[[JSON], Takes]
    can_say: Callable[[str], bool] = lambda _: True

    @property
    def missing(self) -> str:
        """The modules that are not installed; empty where the engine can judge."""
        return ", ".join(module for module in self.modules if not find_spec(module))


class ByteTokenizer:
    """One token for each byte, and one for the end."""

    eos_token_id = END
    bos_token_id = None
    special_token_ids: ClassVar[list[int]] = [END]
    tokens = VOCABULARY

    def __call__(self, text: str | bytes) -> list[int]:
        """Return the bytes of `text`."""
        return list(text.encode() if isinstance(text, str) else text)


def llguidance(schema: JSON) -> Takes:
    """Return llguidance's grammar of a schema."""
    from llguidance import LLMatcher

    return lark(LLMatcher.grammar_from_json_schema(json.dumps(schema)))


def llama_cpp(schema: JSON) -> Takes:
    """Return the grammar that xllamacpp makes of a schema, run by the engine that it is built with."""
    from llguidance import LLMatcher
    from llguidance.gbnf_to_lark import any_to_lark
    from xllamacpp import json_schema_to_grammar

    return lark(LLMatcher.grammar_from_lark(any_to_lark(json_schema_to_grammar(json.dumps(schema)))))


def lark(grammar: str) -> Takes:
    """Return llguidance's reading of a grammar."""
    from llguidance import LLMatcher

    fresh = LLMatcher(_byte_tokens(), grammar, log_level=0)
    if fresh.is_error():
        raise ValueError(fresh.get_error())

    def takes(text: str) -> bool:
        matcher, tokens = fresh.deep_copy(), list(text.encode())
        return matcher.try_consume_tokens(tokens) == len(tokens) and matcher.is_accepting()

    return takes


@cache
def _byte_tokens() -> Any:
    from llguidance import LLTokenizer, TokenizerWrapper

    return LLTokenizer(TokenizerWrapper(ByteTokenizer()))


def xgrammar(schema: JSON) -> Takes:
    """Return xgrammar's grammar of a schema."""
    from xgrammar import GrammarMatcher

    try:
        grammar = _xgrammar_compiler().compile_json_schema(json.dumps(schema))
    except RuntimeError as error:
        raise ValueError(str(error)) from error

    def takes(text: str) -> bool:
        matcher = GrammarMatcher(grammar)
        return bool(matcher.accept_string(text.encode()) and matcher.accept_token(END))

    return takes


@cache
def _xgrammar_compiler() -> Any:
    from xgrammar import GrammarCompiler, TokenizerInfo, VocabType

    return GrammarCompiler(TokenizerInfo(VOCABULARY, vocab_type=VocabType.RAW, stop_token_ids=[END]))


def outlines(schema: JSON) -> Takes:
    """Return the regular expression that outlines-core makes of a schema.

    Its automaton of a large expression takes minutes to build, so the expression itself is the judge.
    outlines-core writes references out and the items of arrays twice, and a process that runs out of
    memory there is aborted: what grows too large is refused here.
    """
    from outlines_core.json_schema import build_regex_from_schema

    if (size := _written_out(schema, schema.get("$defs", {}), 40)) > 1_000_000:
        raise ValueError(f"a regular expression of about {size} characters")
    whole = re.compile(build_regex_from_schema(json.dumps(schema)))
    return lambda text: whole.fullmatch(text) is not None


def _written_out(node: JSON, definitions: JSON, levels: int) -> int:
    """Return about how many characters the expression of `node` has; references end after `levels`."""
    if not levels:
        return 0
    inner = [
        _written_out(child, definitions, levels - 1) * (2 if step == "/items" else 1)
        for step, child in children(node)
        if not step.startswith("/$defs")
    ]
    if "$ref" in node:
        inner.append(_written_out(definitions.get(node["$ref"][8:], {}), definitions, levels - 1))
    spelled = len(json.dumps([node.get("enum"), list(node.get("properties", {}))]))
    optional = len(set(node.get("properties", {})) - set(node.get("required", [])))
    return (sum(inner) + spelled + 20) * (optional + 1)


def without_escapes(text: str) -> bool:
    r"""Return whether outlines can say the text: no \u escape and no raw control character is in it."""
    return not re.search(r"\\u|[\x7f-\x9f]", text)


ENGINES = (
    Engine(
        "llguidance", ("llguidance",), ("llguidance", "mistral", "openai", "llamacpp", "local"), llguidance
    ),
    Engine("llama.cpp", ("llguidance", "xllamacpp"), ("llamacpp", "local"), llama_cpp),
    Engine(
        "xgrammar",
        ("xgrammar", "torch", "transformers"),
        ("xgrammar", "sglang", "vllm"),
        xgrammar,
    ),
    Engine("outlines-core", ("outlines_core",), ("outlines",), outlines, without_escapes),
)
