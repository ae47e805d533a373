"""Progress in a notebook: one output that is drawn anew, whose last state stays; no widgets are needed."""

from __future__ import annotations

import sys
from types import ModuleType, SimpleNamespace

import pytest

from extractor.bulk.display import shown
from extractor.bulk.notebook import NotebookLines, in_notebook
from extractor.results import Progress


class Output:
    """What a notebook would show, as IPython.display's handle changes it."""

    def __init__(self) -> None:
        self.drawn: list[NotebookLines] = []
        self.outputs = 0

    def display(self, lines: NotebookLines, display_id: bool) -> Output:
        self.outputs += 1
        self.drawn.append(lines)
        return self

    def update(self, lines: NotebookLines) -> None:
        self.drawn.append(lines)


@pytest.fixture
def output(monkeypatch: pytest.MonkeyPatch) -> Output:
    output, module, display = Output(), ModuleType("IPython"), ModuleType("IPython.display")
    module.get_ipython = lambda: SimpleNamespace(kernel=object())  # type: ignore[attr-defined]
    display.display = output.display  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "IPython", module)
    monkeypatch.setitem(sys.modules, "IPython.display", display)
    return output


def test_one_output_is_drawn_anew_and_its_last_state_stays(output: Output) -> None:
    with shown(None, 200) as tell:
        for done in range(1, 201):
            tell(Progress(done=done, ok=done, retried={"HTTP 503 busy": 2}))
    assert output.outputs == 1
    assert len(output.drawn) < 10, "not every row is worth a drawing"
    last = output.drawn[-1]
    assert (last.done, repr(last).split("\n")[0]) == (1.0, "200 of 200 rows, 200 ok, 0 tokens")
    assert last.why == ["2 × HTTP 503 busy, asked again"]


def test_what_a_service_says_is_escaped(output: Output) -> None:
    with shown(True, None) as tell:
        tell(Progress(done=1, failed=1, failures={"HTTP 500 <script>": 1}))
    html = output.drawn[-1]._repr_html_()
    assert "&lt;script&gt;" in html
    assert "<script>" not in html


def test_nothing_is_shown_where_progress_is_not_wanted(output: Output) -> None:
    with shown(False, 10) as tell:
        tell(Progress(done=1))
    assert output.outputs == 0


def test_a_plain_process_is_no_notebook() -> None:
    assert not in_notebook()
