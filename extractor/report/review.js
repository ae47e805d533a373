"use strict";
const $ = (id) => document.getElementById(id);
const UNSURE = 0.5; // below, a value is marked
const PAUSE = 400; // milliseconds without a key until what was typed is saved
let items = [];
let shown = null; // the record on the screen
let focused = null; // the pointer of the leaf that is being looked at
let pick = null; // the words that are chosen in the text: { from, to }, indexes into `words`
let words = [];
let layout = { pages: [], words: [] }; // of the document of the record, without any for a plain text
let asPages = true; // whether a document is shown as its pages
let dragged = null; // the words of the page that the mouse is drawn over: { from, to }, indexes into `layout.words`
let waiting = Promise.resolve(); // steps are sent one after the other

function made(name, className, text) {
  const element = document.createElement(name);
  if (className) element.className = className;
  if (text !== undefined) element.textContent = text;
  return element;
}

function alarm(text) {
  $("alarm").hidden = !text;
  $("alarm").textContent = text;
}

// -- what is asked of the server

async function ask(path, body) {
  const json = JSON.stringify(body);
  const keepalive = (json?.length ?? 0) < 20000; // the tab may close meanwhile; browsers keep 64 KiB at most
  const given = body === undefined ? {} : { method: "POST", body: json, headers: { "Content-Type": "application/json" }, keepalive };
  let answer, told;
  try {
    answer = await fetch(path, { ...given, referrerPolicy: "same-origin" });
    told = await answer.json();
  } catch {
    alarm("The server does not answer: what was not saved is still in its field. Start it again, and open its new address.");
    return null;
  }
  if (answer.ok) return told;
  alarm(told.error ?? `the server said ${answer.status}`);
  if (answer.status === 409) await open(shown.number);
  return null;
}

function then(act) {
  waiting = waiting.then(act, act);
  return waiting;
}

function act(asked, focus) {
  return then(async () => {
    const told = await ask("api/act", { number: shown.number, version: shown.version, ...asked });
    if (told) show(told, focus);
    return told !== null;
  });
}

let reviewer = "";
async function list() {
  const told = await ask("api/items");
  if (told) [items, reviewer] = [told.items, told.by];
}

function recount({ number, decision, counts }) {
  items[number][1] = decision;
  const { accepted, rejected, draft, open: left } = counts;
  $("counts").textContent = `${accepted} accepted, ${rejected} rejected, ${draft} drafts, ${left} open of ${items.length}; ${reviewer}`;
}

async function open(number, focus) {
  if (!items.length) return;
  const told = await ask(`api/item/${Math.max(0, Math.min(number, items.length - 1))}`);
  if (told) show(told, focus);
}

function show(told, focus) {
  const other = shown?.number !== told.number;
  const live = other || focus !== undefined ? null : document.activeElement.closest("#leaves input");
  alarm("");
  shown = told;
  if (other) {
    pick = null;
    words = [...told.text.matchAll(/[\p{L}\p{N}_]+|[^\s\p{L}\p{N}_]/gu)].map((found) => [found.index, found.index + found[0].length]);
  }
  $("title").textContent = `${told.number + 1} of ${items.length}: ${told.title}`;
  $("decision").textContent = told.by ? `${told.decision}, ${told.by}` : told.decision;
  $("decision").className = told.decision;
  $("note").value = told.note;
  $("problems").replaceChildren(...told.problems.filter((each) => !told.leaves.some((leaf) => leaf.pointer === each.pointer)).map((each) => made("li", "", `${each.pointer}: ${each.reason}`)));
  $("leaves").replaceChildren(...told.leaves.map(row), ...told.empty.map(emptyRow));
  if (other) focused = null;
  if (live) restore(live);
  else if (focus !== undefined) edit(focus);
  if (other) showDocument(told);
  showText();
  recount(told);
}

function restore(live) {
  const input = edit(live.dataset.pointer);
  if (!input) return;
  input.value = live.value;
  input.sent = live.sent;
  input.setSelectionRange(live.selectionStart, live.selectionEnd);
  if (live.value !== live.sent) input.timer = setTimeout(() => commit(input), PAUSE); // typed meanwhile
}

// -- values

function row(leaf) {
  const box = made("div", "leaf");
  const label = made("label", "", leaf.pointer || "(record)");
  const input = made("input");
  input.autocomplete = "off";
  input.spellcheck = false;
  input.value = leaf.value ?? "";
  input.placeholder = leaf.value === null ? "nothing" : "";
  input.dataset.pointer = leaf.pointer;
  input.number = shown.number;
  input.sent = input.value;
  if (leaf.sure !== null && leaf.value !== null) {
    const told = leaf.told ? `confidence ${leaf.sure.toFixed(2)}` : leaf.spans.length ? "in the text" : "no evidence";
    label.append(made("span", leaf.sure < UNSURE ? "badge unsure" : "badge", told));
  }
  if (leaf.escalated) label.append(made("span", leaf.escalated[1] ? "badge unsure" : "badge", leaf.escalated[0]));
  if (leaf.value !== leaf.before) {
    box.classList.add("changed");
    label.append(made("span", "badge", `was ${leaf.before ?? "nothing"}`));
  }
  label.append(input);
  box.append(label);
  for (const { reason } of shown.problems.filter((each) => each.pointer === leaf.pointer)) {
    box.classList.add("bad");
    box.append(made("p", "reason", reason));
  }
  input.addEventListener("focus", () => {
    focused = leaf.pointer;
    showText();
  });
  input.addEventListener("input", () => {
    clearTimeout(input.timer);
    input.timer = setTimeout(() => commit(input), PAUSE);
  });
  input.addEventListener("change", () => commit(input));
  input.addEventListener("keydown", (event) => keyInValue(event, input));
  return box;
}

function emptyRow(pointer) {
  const box = made("p", "leaf");
  const button = made("button", "", `${pointer}: add an item`);
  button.type = "button";
  button.addEventListener("click", () => act({ do: "add", pointer }));
  box.append(button);
  return box;
}

function commit(input, focus) {
  clearTimeout(input.timer);
  if (input.number !== shown.number || input.value === input.sent) {
    if (focus !== undefined) edit(focus);
    return waiting.then(() => true);
  }
  input.sent = input.value;
  return act({ do: "type", pointer: input.dataset.pointer, typed: input.value }, focus);
}

function edit(pointer) {
  const input = [...document.querySelectorAll("#leaves input")].find((each) => each.dataset.pointer === pointer);
  input?.focus();
  return input;
}

function following(pointer) {
  const at = shown.leaves.findIndex((leaf) => leaf.pointer === pointer);
  return shown.leaves[at + 1]?.pointer;
}

function keyInValue(event, input) {
  const { pointer } = input.dataset;
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) commit(input).then(() => decide("accept"));
  else if (event.key === "Enter") {
    const next = following(pointer);
    commit(input, next).then(() => next === undefined && input.blur());
  } else if (event.key === "Escape") input.blur();
  else if (event.key.toLowerCase() === "m" && (event.ctrlKey || event.metaKey)) {
    commit(input).then(() => {
      focused = pointer;
      const first = shown.leaves.find((leaf) => leaf.pointer === pointer)?.spans[0]?.[0] ?? 0;
      const at = Math.max(0, words.findIndex(([, end]) => end > first));
      pick = { from: at, to: at };
      source().focus();
      showText();
    });
  } else if (event.key === "Insert" && event.altKey) act({ do: "add", pointer });
  else if (event.key === "Delete" && event.altKey) act({ do: "remove", pointer });
  else return;
  event.preventDefault();
  event.stopPropagation();
}

// -- the text

function picked() {
  if (!pick || !words.length) return null;
  const [low, high] = [Math.min(pick.from, pick.to), Math.max(pick.from, pick.to)];
  return [words[low][0], words[high][1]];
}

function showText() {
  const { text, leaves } = shown;
  const spans = leaves.flatMap((leaf) => leaf.spans.map(([start, end]) => ({ start, end, pointer: leaf.pointer, kind: leaf.pointer === focused ? "lit" : "" })));
  const chosen = picked();
  if (chosen) spans.push({ start: chosen[0], end: chosen[1], pointer: "chosen", kind: "pick" });
  const cuts = [...new Set([0, text.length, ...spans.flatMap((s) => [s.start, s.end])])].sort((a, b) => a - b);
  const nodes = cuts.slice(0, -1).map((from, i) => {
    const piece = text.slice(from, cuts[i + 1]);
    const open = spans.filter((s) => s.start <= from && from < s.end);
    if (!open.length) return document.createTextNode(piece);
    const kind = ["pick", "lit"].find((each) => open.some((s) => s.kind === each)) ?? "";
    const mark = made("mark", kind, piece);
    mark.title = open.map((s) => s.pointer).join(", ");
    return mark;
  });
  $("text").replaceChildren(...nodes);
  showBoxes(spans);
  (source().querySelector(".pick") ?? source().querySelector(".lit"))?.scrollIntoView({ block: "nearest" });
}

// -- the pages of the document

function source() {
  return $("text").hidden ? $("pages") : $("text");
}

async function showDocument({ number, has_document }) {
  layout = { pages: [], words: [] };
  drawPages(number);
  if (!has_document) return;
  const told = await ask(`api/pages/${number}`);
  if (!told || shown.number !== number) return;
  layout = told;
  drawPages(number);
  showText();
}

function drawPages(number) {
  $("pages").replaceChildren(...layout.pages.map(([page, width, height]) => {
    const box = made("div", "page");
    box.page = page;
    box.style.setProperty("aspect-ratio", `${width} / ${height}`);
    const image = made("img");
    image.alt = `Page ${page}`;
    image.loading = "lazy";
    image.draggable = false;
    image.src = `api/picture/${number}/${page}`;
    box.append(image);
    return box;
  }));
  $("views").hidden = !layout.pages.length;
  choose(asPages);
}

function choose(pages) {
  asPages = pages;
  const on = pages && layout.pages.length > 0;
  $("pages").hidden = !on;
  $("text").hidden = on;
  $("as-pages").setAttribute("aria-pressed", String(on));
  $("as-text").setAttribute("aria-pressed", String(!on));
}

function showBoxes(spans) {
  for (const box of document.querySelectorAll(".box")) box.remove();
  for (const page of $("pages").children) {
    for (const { start, end, pointer, kind } of spans) {
      page.append(...lines(page.page, start, end).map((sides) => boxOf(sides, kind, pointer)));
    }
  }
}

// One box for each line of the page that text.slice(start, end) takes; a word that is cut counts by its share.
function lines(page, start, end) {
  const found = new Map();
  for (const [from, to, on, line, left, top, right, bottom] of layout.words) {
    if (on !== page || to <= start || end <= from) continue;
    const low = left + ((right - left) * Math.max(0, start - from)) / (to - from);
    const high = right - ((right - left) * Math.max(0, to - end)) / (to - from);
    const known = found.get(line) ?? [low, top, high, bottom];
    found.set(line, [Math.min(known[0], low), Math.min(known[1], top), Math.max(known[2], high), Math.max(known[3], bottom)]);
  }
  return [...found.values()];
}

function boxOf([left, top, right, bottom], kind, pointer) {
  const box = made("div", kind ? `box ${kind}` : "box");
  for (const [side, share] of Object.entries({ left, top, width: right - left, height: bottom - top })) {
    box.style.setProperty(side, `${share * 100}%`);
  }
  box.title = pointer;
  return box;
}

// The index of the word at a point of a page; the nearest one where there is none.
function wordAt(event) {
  const page = event.target.closest?.(".page");
  if (!page) return null;
  const area = page.getBoundingClientRect();
  const x = event.clientX - area.left;
  const y = event.clientY - area.top;
  let best = null;
  let least = Infinity;
  layout.words.forEach(([, , on, , left, top, right, bottom], i) => {
    if (on !== page.page) return;
    const across = Math.max(left * area.width - x, 0, x - right * area.width);
    const down = Math.max(top * area.height - y, 0, y - bottom * area.height);
    const far = across * across + down * down;
    if (far < least) [best, least] = [i, far];
  });
  return best;
}

function spanned() {
  const [low, high] = [Math.min(dragged.from, dragged.to), Math.max(dragged.from, dragged.to)];
  return [layout.words[low][0], layout.words[high][1]];
}

$("pages").addEventListener("mousedown", (event) => {
  const at = event.button === 0 ? wordAt(event) : null;
  if (at === null) return;
  dragged = { from: at, to: at };
  event.preventDefault();
});

$("pages").addEventListener("mousemove", (event) => {
  if (!dragged) return;
  dragged.to = wordAt(event) ?? dragged.to;
  const [start, end] = spanned();
  for (const box of document.querySelectorAll(".box.pick")) box.remove();
  for (const page of $("pages").children) {
    page.append(...lines(page.page, start, end).map((sides) => boxOf(sides, "pick", "chosen")));
  }
});

document.addEventListener("mouseup", (event) => {
  if (!dragged) return;
  const place = spanned();
  dragged = null;
  if (focused === null) showText();
  take(!event.shiftKey, place);
});

$("as-pages").addEventListener("click", () => (choose(true), showText()));
$("as-text").addEventListener("click", () => (choose(false), showText()));

function take(value, place = picked()) {
  if (focused === null || !place) return alarm("Go to a value first: what is chosen in the text becomes its evidence.");
  const pointer = focused;
  pick = null;
  return act({ do: "select", pointer, start: place[0], end: place[1], value }, pointer);
}

function move(by, extend) {
  if (!words.length) return;
  const to = pick ? Math.max(0, Math.min(pick.to + by, words.length - 1)) : 0;
  pick = { from: extend && pick ? pick.from : to, to };
  showText();
}

function keyInSource(event) {
  const steps = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: 10, ArrowUp: -10 };
  if (event.key in steps) move(steps[event.key], event.shiftKey);
  else if (event.key === "Enter") take(!event.shiftKey);
  else if (event.key === "Escape") {
    pick = null;
    showText();
    edit(focused);
  } else return;
  event.preventDefault();
  event.stopPropagation();
}

$("text").addEventListener("keydown", keyInSource);
$("pages").addEventListener("keydown", keyInSource);

$("text").addEventListener("mouseup", (event) => {
  const selection = getSelection();
  if (selection.isCollapsed || !$("text").contains(selection.anchorNode)) return;
  const range = selection.getRangeAt(0);
  const before = document.createRange();
  before.setStart($("text"), 0);
  before.setEnd(range.startContainer, range.startOffset);
  const raw = range.toString();
  const start = before.toString().length + (raw.length - raw.trimStart().length);
  if (raw.trim()) take(!event.shiftKey, [start, start + raw.trim().length]);
});

// -- decisions

async function decide(what) {
  await waiting;
  if (await act({ do: what })) go(1);
}

function go(by) {
  flush();
  document.activeElement?.blur?.(); // now, not later: the next keys are for the next record
  then(() => open(shown.number + by));
}

function nextOpen() {
  const turned = [...items.keys()].map((i) => (i + shown.number + 1) % items.length);
  const next = turned.find((i) => items[i][1] === "open" || items[i][1] === "draft");
  flush();
  if (next !== undefined) then(() => open(next));
}

function undo() {
  return then(async () => {
    const told = await ask("api/undo", {});
    if (told) show(told);
  });
}

function flush() {
  for (const input of document.querySelectorAll("#leaves input")) commit(input);
}

$("note").addEventListener("change", () => act({ do: "note", note: $("note").value }));
$("note").addEventListener("keydown", (event) => event.key === "Enter" && $("note").blur());
$("accept").addEventListener("click", () => decide("accept"));
$("reject").addEventListener("click", () => decide("reject"));
$("undo").addEventListener("click", undo);
$("back").addEventListener("click", () => go(-1));
$("on").addEventListener("click", () => go(1));
addEventListener("pagehide", flush);
document.addEventListener("visibilitychange", () => document.visibilityState === "hidden" && flush());
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.matches("input, button")) return;
  const keys = {
    a: () => decide("accept"),
    r: () => decide("reject"),
    n: () => $("note").focus(),
    u: undo,
    e: () => edit(shown.leaves[0]?.pointer),
    j: () => go(1),
    k: () => go(-1),
    o: nextOpen,
    p: () => (choose(!asPages), showText()),
  };
  if (!(event.key in keys) || !shown) return;
  event.preventDefault();
  keys[event.key]();
});
then(async () => {
  await list();
  const first = items.findIndex(([, decision]) => decision === "open" || decision === "draft");
  await open(Math.max(0, first));
});
