"""The review page in a real browser: by keyboard, over a server that is killed, and under attack."""

from __future__ import annotations

import json
import shutil
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.review.serving import HOSTILE, reviewing, texts, written
from tests.selecting import examples

playwright = pytest.importorskip("playwright.sync_api", reason="needs the `browser` extra")
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
pytestmark = [pytest.mark.server, pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium")]


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with playwright.sync_playwright() as driver:
        chromium = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield chromium
        chromium.close()


@pytest.fixture
def tab(browser: Any) -> Iterator[Any]:
    page = browser.new_page()
    page.errors = []
    page.on("pageerror", lambda error: page.errors.append(str(error)))
    page.on("dialog", lambda dialog: (page.errors.append(dialog.message), dialog.dismiss()))
    yield page
    page.close()


def gold(folder: Path) -> list[Any]:
    return [json.loads(line) for line in (folder / "in.gold.jsonl").read_text().splitlines()]


def shows(tab: Any, title: str) -> None:
    playwright.expect(tab.locator("#title")).to_contain_text(title)


def name_of(tab: Any) -> Any:
    return tab.locator('[data-pointer="/name"]')


def test_a_value_is_corrected_out_of_the_text_by_keyboard_alone(tab: Any, tmp_path: Path) -> None:
    written(tmp_path, texts(2))
    with reviewing(tmp_path) as (process, address):
        tab.goto(address)
        shows(tab, "r000")
        tab.keyboard.press("e")  # the least sure value, which stands nowhere in the text
        assert tab.evaluate("document.activeElement.dataset.pointer") == "/name"
        tab.keyboard.press("Control+m")
        playwright.expect(tab.locator("mark.pick")).to_have_text("Ada000")
        tab.keyboard.press("Enter")
        playwright.expect(name_of(tab)).to_have_value("Ada000")
        playwright.expect(tab.locator("mark.lit")).to_have_text("Ada000")
        tab.keyboard.press("Control+Enter")
        shows(tab, "r001")
        tab.keyboard.press("r")
        playwright.expect(tab.locator("#decision")).to_contain_text("rejected")
        playwright.expect(tab.locator("#counts")).to_contain_text("1 accepted, 1 rejected")
        process.terminate()
        process.wait()
    assert tab.errors == []


def test_a_wrong_value_is_told_as_one_types_and_undo_takes_it_back(tab: Any, tmp_path: Path) -> None:
    written(tmp_path, texts(1))
    with reviewing(tmp_path) as (_, address):
        tab.goto(address)
        age = tab.locator('[data-pointer="/age"]')
        age.fill("200")
        playwright.expect(tab.locator(".reason")).to_contain_text("150")
        assert tab.evaluate("document.activeElement.dataset.pointer") == "/age"
        tab.keyboard.press("Control+Enter")
        playwright.expect(tab.locator("#alarm")).to_contain_text("not valid yet")
        tab.keyboard.press("Escape")
        tab.keyboard.press("u")
        playwright.expect(age).to_have_value("20")
        playwright.expect(tab.locator(".reason")).to_have_count(0)
        tab.keyboard.press("n")
        tab.keyboard.type("looked at twice")
        tab.keyboard.press("Enter")
        tab.keyboard.press("a")
        playwright.expect(tab.locator("#decision")).to_contain_text("accepted")
    with reviewing(tmp_path):  # the gold file is brought up to date at the start
        (line,) = gold(tmp_path)
    assert line["review"]["note"] == "looked at twice"


def test_what_was_typed_is_there_after_the_tab_was_closed(browser: Any, tab: Any, tmp_path: Path) -> None:
    written(tmp_path, texts(1))
    with reviewing(tmp_path) as (_, address):
        tab.goto(address)
        name_of(tab).focus()
        tab.keyboard.press("Control+a")
        tab.keyboard.type("Ada Lovelace", delay=5)
        tab.close(run_before_unload=True)
        other = browser.new_page()
        other.goto(address)
        playwright.expect(name_of(other)).to_have_value("Ada Lovelace")
        other.close()


def test_typing_goes_on_while_answers_come(tab: Any, tmp_path: Path) -> None:
    written(tmp_path, texts(1))
    with reviewing(tmp_path) as (_, address):
        tab.goto(address)
        name_of(tab).focus()
        tab.keyboard.press("Control+a")
        said = "Augusta Ada King, Countess of Lovelace"
        tab.keyboard.type(said, delay=60)  # several times slower and faster than the page saves
        playwright.expect(name_of(tab)).to_have_value(said)
        tab.wait_for_timeout(1500)
        playwright.expect(name_of(tab)).to_have_value(said)
        tab.keyboard.press("Control+Enter")
        playwright.expect(tab.locator("#counts")).to_contain_text("1 accepted")
        last = (tmp_path / "in.jsonl.review.jsonl").read_text().splitlines()[-1]
        assert json.loads(last)["record"]["name"] == said


@pytest.mark.crash
@pytest.mark.slow
def test_200_records_are_corrected_and_none_is_lost_where_the_server_is_killed(
    tab: Any, tmp_path: Path
) -> None:
    count = examples(200)
    written(tmp_path, texts(count))
    done = 0
    for last in (count // 3, count * 2 // 3, count):
        with reviewing(tmp_path) as (process, address):
            tab.goto(address)
            while done < last:
                shows(tab, f"r{done:03}")
                tab.keyboard.press("e")
                tab.keyboard.press("Control+m")
                playwright.expect(tab.locator("mark.pick")).to_have_text(f"Ada{done:03}")
                tab.keyboard.press("Enter")
                playwright.expect(name_of(tab)).to_have_value(f"Ada{done:03}")
                tab.keyboard.press("Control+Enter")
                done += 1
                playwright.expect(tab.locator("#counts")).to_contain_text(f"{done} accepted")
            process.kill()  # SIGKILL, at once after the page has said so
    with reviewing(tmp_path):
        lines = gold(tmp_path)
    assert [line["id"] for line in lines] == [f"r{n:03}" for n in range(count)]
    assert [line["record"]["name"] for line in lines] == [f"Ada{n:03}" for n in range(count)]
    assert {line["review"]["before"]["name"] for line in lines} == {"Nobody"}
    assert tab.errors == []


def test_a_value_of_a_second_model_says_what_the_first_one_said(tab: Any, tmp_path: Path) -> None:
    (line,) = texts(1)
    choices = {"/name": "second", "/age": "review"}
    written(
        tmp_path,
        [{**line, "escalation": {"to": HOSTILE, "choices": choices, "first_values": {"/name": HOSTILE}}}],
    )
    with reviewing(tmp_path) as (_, address):
        tab.goto(address)
        first, second = (tab.locator("#leaves .leaf").nth(i) for i in range(2))
        playwright.expect(first.locator(".badge.unsure").last).to_have_text("left to review")
        playwright.expect(second).to_contain_text(f"from {HOSTILE}; the first model: {HOSTILE}")
    assert tab.errors == []


def test_a_hostile_text_stays_text(tab: Any, tmp_path: Path) -> None:
    line = {"id": HOSTILE, "text": f"{HOSTILE} Ada", "record": {"name": HOSTILE, "age": 3, HOSTILE: HOSTILE}}
    written(tmp_path, [line])
    with reviewing(tmp_path) as (_, address):
        tab.goto(address)
        playwright.expect(name_of(tab)).to_have_value(HOSTILE)
        assert tab.text_content("#text") == f"{HOSTILE} Ada"
        assert tab.query_selector("img, svg, iframe") is None
        assert tab.evaluate("document.scripts.length") == 2
        tab.wait_for_timeout(200)
    assert tab.errors == []


ATTACK = """<!doctype html><body><script>
const tries = [];
const address = ADDRESS;
const read = (answer) => answer.text();
const body = JSON.stringify({ number: 0, version: 0, do: "reject" });
for (const headers of [{}, { "Content-Type": "text/plain" }, { "Content-Type": "application/json" }])
  for (const mode of ["cors", "no-cors"])
    tries.push(fetch(address + "api/act", { method: "POST", body, headers, mode }).then(read, String));
tries.push(fetch(address + "api/items").then((a) => a.text(), String));
tries.push(fetch(address + "api/items", { mode: "no-cors" }).then((a) => a.text(), String));
navigator.sendBeacon(address + "api/act", body);
const form = document.createElement("form");
form.method = "POST"; form.enctype = "text/plain"; form.action = address + "api/undo"; form.target = "frame";
const field = document.createElement("input");
field.name = '{"a":"'; field.value = '"}';
form.append(field);
const frame = document.createElement("iframe");
frame.name = "frame";
document.body.append(form, frame);
form.submit();
const framed = document.createElement("iframe");
framed.src = address;
document.body.append(framed);
window.tried = Promise.all(tries);
</script>"""


def test_a_page_of_another_origin_reads_and_changes_nothing_even_if_it_knows_the_address(
    tab: Any, tmp_path: Path
) -> None:
    written(tmp_path, texts(1))
    with reviewing(tmp_path) as (_, address):

        class Evil(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(200)
                self.send_header("Content-Type", "text/html")
                self.end_headers()
                self.wfile.write(ATTACK.replace("ADDRESS", json.dumps(address)).encode())

            def log_message(self, *args: Any) -> None:
                pass

        with ThreadingHTTPServer(("127.0.0.1", 0), Evil) as evil:
            threading.Thread(target=evil.serve_forever, daemon=True).start()
            tab.goto(f"http://127.0.0.1:{evil.server_address[1]}/")
            said = tab.evaluate("window.tried")
            tab.wait_for_timeout(500)
            assert [text for text in said if "r000" in text or "accepted" in text] == []
            for frame in tab.frames[1:]:
                assert "Nobody" not in frame.content()
            evil.shutdown()
        assert not (tmp_path / "in.jsonl.review.jsonl").read_bytes()
