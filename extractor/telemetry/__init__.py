"""What dialogues report while they run: events, OpenTelemetry spans and metrics, log lines."""

from .events import AttemptEnded, DialogueEnded, DialogueStarted, Event
from .watch import Watch, Who, watching

__all__ = ["AttemptEnded", "DialogueEnded", "DialogueStarted", "Event", "Watch", "Who", "watching"]
