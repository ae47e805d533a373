"""Whether the chunks of a stream are of one completion, and end when it does. Pure."""

from __future__ import annotations

from collections.abc import Collection

from ..messages import ChunkChoice

FOREIGN = "the stream has a chunk of another completion"
AFTER_END = "the stream has text after the end of its reply"


class Order:
    """Takes chunks in order, and says what is wrong with one."""

    def __init__(self) -> None:
        self._id = self._settled = ""  # that of the last chunk; that which two chunks in a row had
        self._ended = set[int]()

    def take(self, completion: str, choices: Collection[ChunkChoice]) -> str | None:
        """Return what is wrong with a chunk, None if nothing is. completion: its id, "" if it has none.

        Some servers give each chunk an id of its own. Some of Gemini's models end each chunk with "stop".
        """
        is_foreign = self._is_foreign(completion)
        added = {choice.index for choice in choices if _adds(choice)}
        more = {choice.index for choice in choices if _adds(choice) and not choice.finish_reason}
        late = not self._ended.isdisjoint(more)
        self._ended.update(choice.index for choice in choices if choice.finish_reason)
        if added and is_foreign:
            return FOREIGN
        return AFTER_END if late else None

    def take_text(self, completion: object, text: str) -> str | None:
        """The same for a chunk that only adds text to the first choice."""
        if self._is_foreign(completion if isinstance(completion, str) else "") and text.strip():
            return FOREIGN
        return AFTER_END if 0 in self._ended and text.strip() else None

    def _is_foreign(self, completion: str) -> bool:
        name = completion or self._id
        self._settled = self._settled or (name if name == self._id else "")
        self._id = name
        return self._settled not in ("", name)


def _adds(choice: ChunkChoice) -> bool:
    delta = choice.delta
    return bool(
        (delta.content or "").strip() or any(call.name or call.arguments for call in delta.tool_calls)
    )
