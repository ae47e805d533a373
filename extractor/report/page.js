"use strict";
const entries = JSON.parse(document.getElementById("data").textContent);
const $ = (id) => document.getElementById(id);
const PAGE = 100; // texts in the list at a time
const GOOD = new Set(["ok", "repaired"]);
let kept = entries.map((_, i) => i);
let at = 0; // position in `kept`
let marks = new Map(); // pointer -> its marks in the text
let boxes = new Map(); // pointer -> its boxes on the pages
let asPages = true; // whether documents are shown as their pages, where they have any
let zoom = 1;
let drawn = null; // draws pictures once they come into view
let passing = null; // tells which page is in view
let rows = new Map(); // pointer -> its row in the tree
let said = new Map(); // pointer -> what stands at its places in the text
let torn = new Map(); // pointer -> the values that were found for it, the chosen one first
let lost = false; // whether the text of this record is not known
let derived = new Set(); // pointers of values that need not stand in the text
const UNSURE = 0.5; // below, a value's confidence is marked
document.querySelector("main").classList.toggle("alone", entries.length === 1);
document.body.classList.toggle("compact", entries.length === 1 && window.self !== window.top); // in a notebook

function made(name, className, text) {
  const element = document.createElement(name);
  if (className) element.className = className;
  if (text !== undefined) element.textContent = text;
  return element;
}

// -- which texts

const outcomes = new Map();
for (const { outcome } of entries) outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
$("outcome").append(new Option(`all (${entries.length})`, ""));
for (const [name, count] of outcomes) $("outcome").append(new Option(`${name} (${count})`, name));

const searched = new Map(); // index -> what is searched in it, made when first needed
function haystack(i) {
  if (!searched.has(i)) {
    const { title, text, tree, problems } = entries[i];
    searched.set(i, [title, text, ...values(tree), ...problems].join("\n").toLowerCase());
  }
  return searched.get(i);
}

function values(node) {
  return node?.of ? node.of.flatMap(values) : node ? [node.leaf] : [];
}

function filter() {
  const outcome = $("outcome").value;
  const wanted = $("search").value.trim().toLowerCase();
  kept = [];
  entries.forEach((entry, i) => {
    if ((!outcome || entry.outcome === outcome) && (!wanted || haystack(i).includes(wanted))) kept.push(i);
  });
  go(0);
}

function go(to) {
  at = Math.max(0, Math.min(to, kept.length - 1));
  showList();
  showEntry(kept.length ? entries[kept[at]] : null);
}

function showList() {
  const first = Math.floor(at / PAGE) * PAGE;
  const focused = $("list").contains(document.activeElement);
  const items = kept.slice(first, first + PAGE).map((index, offset) => {
    const { title, outcome } = entries[index];
    const button = made("button");
    button.type = "button";
    button.append(made("span", "", title), made("span", GOOD.has(outcome) ? "" : "bad", outcome));
    button.addEventListener("click", () => go(first + offset));
    if (first + offset === at) button.setAttribute("aria-current", "true");
    return item(button);
  });
  $("list").replaceChildren(...items);
  const current = $("list").querySelector("[aria-current]");
  current?.scrollIntoView({ block: "nearest" });
  if (focused) current?.focus({ preventScroll: true }); // its button is a new one
  $("count").textContent = `${kept.length} of ${entries.length} texts`;
  $("where").textContent = kept.length ? `${first + 1}–${first + items.length}` : "none";
  $("back").disabled = first === 0;
  $("on").disabled = first + PAGE >= kept.length;
}

// -- one text and its record

function showEntry(entry) {
  marks = new Map();
  boxes = new Map();
  rows = new Map();
  said = new Map();
  $("name").textContent = entry ? entry.title : "No text matches";
  $("facts").textContent = entry
    ? [entry.outcome, ...Object.entries(entry.facts).map(([name, fact]) => `${name} ${fact}`)].join(" · ")
    : "";
  torn = new Map((entry?.conflicts ?? []).map(({ pointer, candidates }) => [pointer, candidates]));
  showChunks(entry);
  $("problems").replaceChildren(...(entry?.problems ?? []).map((problem) => made("li", "", problem)));
  lost = Boolean(entry?.missing);
  derived = new Set(entry?.derived ?? []);
  const hues = new Map();
  const tree = made("ul");
  if (entry?.tree) branch(entry.tree, "", "", entry, hues, tree);
  $("tree").replaceChildren(tree);
  $("text").replaceChildren(...(lost ? [made("p", "absent", "The text is not here.")] : entry ? marked(entry, hues) : []));
  showPages(entry);
  $("text").scrollTop = 0;
  $("summary").textContent = summary(entry);
}

// -- the pages of a document

function showPages(entry) {
  const pages = entry?.pages ?? [];
  drawn?.disconnect();
  drawn = new IntersectionObserver(draw, { rootMargin: "600px" });
  const shown = pages.map(([number, width, height, picture]) => pageOf(entry, number, width, height, picture));
  $("pages").replaceChildren(...shown);
  passing?.disconnect();
  passing = new IntersectionObserver(pass, { rootMargin: "-40% 0px -55% 0px" }); // a band of the window
  $("strip").replaceChildren(...pages.map(([number], i) => {
    const button = made("button", "", String(number));
    button.type = "button";
    button.setAttribute("aria-label", `Page ${number}`);
    button.addEventListener("click", () => shown[i].scrollIntoView({ block: "start" }));
    shown[i].button = button;
    passing.observe(shown[i]);
    return button;
  }));
  $("tools").hidden = !pages.length;
  choose(asPages);
}

function pageOf(entry, number, width, height, picture) {
  const element = made("div", "page");
  element.style.setProperty("aspect-ratio", `${width} / ${height}`);
  const image = made("img");
  image.alt = `Page ${number}`;
  image.decoding = "async";
  element.append(image);
  element.picture = picture;
  element.number = number;
  drawn.observe(element);
  for (const [pointer, found] of Object.entries(entry.boxes)) {
    if (rows.has(pointer)) {
      element.append(...found.filter(([on]) => on === number).map((box) => boxOf(pointer, box)));
    }
  }
  return element;
}

function boxOf(pointer, [, left, top, right, bottom]) {
  const element = made("button", "box");
  element.type = "button";
  for (const [side, share] of Object.entries({ left, top, width: right - left, height: bottom - top })) {
    element.style.setProperty(side, `${share * 100}%`);
  }
  listen(element, pointer, (said.get(pointer) ?? []).join(" "), [pointer]);
  boxes.set(pointer, [...(boxes.get(pointer) ?? []), element]);
  return element;
}

function draw(changes) {
  for (const { isIntersecting, target } of changes) {
    if (!isIntersecting) continue;
    target.querySelector("img").src = `data:image/webp;base64,${target.picture}`;
    drawn.unobserve(target);
  }
}

function pass(changes) {
  const strip = $("strip");
  for (const { isIntersecting, target } of changes) {
    if (!isIntersecting) continue;
    strip.querySelector("[aria-current]")?.removeAttribute("aria-current");
    target.button.setAttribute("aria-current", "page");
    strip.scrollLeft = target.button.offsetLeft - strip.firstChild.offsetLeft - strip.clientWidth / 2;
  }
}

function choose(pages) {
  asPages = pages;
  const on = pages && !$("tools").hidden;
  $("pages").hidden = $("zooming").hidden = !on;
  $("strip").hidden = !on || $("strip").children.length < 2;
  $("text").hidden = on;
  $("as-pages").setAttribute("aria-pressed", String(on));
  $("as-text").setAttribute("aria-pressed", String(!on));
}

function enlarge(by) {
  zoom = Math.max(0.5, Math.min(4, zoom * by));
  $("pages").style.setProperty("--zoom", zoom);
  $("zoom").textContent = `${Math.round(zoom * 100)} %`;
}

function places(pointer) {
  return ($("pages").hidden ? marks : boxes).get(pointer) ?? [];
}

function summary(entry) {
  if (!entry?.tree) return entry ? "There is no record." : "";
  const leaves = [...rows.values()].filter((row) => !row.matches(".empty, .others *"));
  if (lost) return "The text is not here: where the values stand is not known.";
  const without = leaves.filter((row) => row.classList.contains("none")).length;
  const free = leaves.filter((row) => row.classList.contains("unmarked")).length;
  const all = leaves.length - free;
  const told = `${all - without} of ${all} values have evidence in the text${free ? `, ${free} are derived` : ""}`;
  return torn.size ? `${told}; chunks disagree about ${torn.size === 1 ? "one value" : `${torn.size} values`}` : told;
}

function showChunks(entry) {
  const chunks = entry?.chunks ?? [];
  const lost = chunks.filter(([, , , missing]) => missing).length;
  $("chunks").hidden = chunks.length < 2 && !lost;
  $("chunks").open = lost > 0;
  $("chunks").querySelector("summary").textContent = `${chunks.length} chunks, ${lost || "none"} missing in the record`;
  const holes = gaps(chunks.filter(([, , , missing, , read]) => missing || read));
  const most = Math.max(...chunks.map(([, , , , pass]) => pass), 1);
  const lines = chunks.map(([start, end, told, missing, pass]) => {
    const where = `${start.toLocaleString("en")}–${end.toLocaleString("en")}`;
    const button = made("button", missing ? "bad" : "", `${most > 1 ? `pass ${pass}, ` : ""}${where}: ${told}`);
    button.type = "button";
    button.addEventListener("click", () => goTo(holes.find((each) => start < each.end && each.start < end)?.start ?? start));
    return item(button);
  });
  lines.sort((a, b) => b.querySelectorAll(".bad").length - a.querySelectorAll(".bad").length);
  $("chunks").querySelector("ol").replaceChildren(...lines);
}

function item(...children) {
  const element = made("li");
  element.append(...children);
  return element;
}

function goTo(offset) {
  const walker = document.createTreeWalker($("text"), NodeFilter.SHOW_TEXT);
  let passed = 0;
  while (walker.nextNode()) {
    const { length } = walker.currentNode;
    if (passed + length > offset) {
      const range = document.createRange();
      range.setStart(walker.currentNode, offset - passed);
      const top = range.getBoundingClientRect().top - $("text").getBoundingClientRect().top;
      document.querySelector(".source").scrollTop = top + $("text").offsetTop - 60;
      return;
    }
    passed += length;
  }
}

function step(key) {
  return "/" + key.replaceAll("~", "~0").replaceAll("/", "~1");
}

function branch(node, pointer, field, entry, hues, list) {
  const line = made("li");
  const name = node.key === "" ? "" : `${node.key}: `;
  if (node.of) {
    if (name) line.append(made("span", "key", name + (node.of.length ? "" : node.array ? "[]" : "{}")));
    const below = made("ul");
    for (const child of node.of) {
      const childField = field + (node.array ? "/*" : step(child.key));
      branch(child, pointer + step(child.key), childField, entry, hues, below);
    }
    line.append(below);
  } else {
    line.append(leaf(node, name, pointer, field, entry.spans[pointer] ?? [], hues, entry.confidence[pointer], entry.escalated[pointer]));
  }
  if (torn.has(pointer)) line.append(others(pointer, field, hues));
  list.append(line);
}

function others(pointer, field, hues) {
  const list = made("ul", "others");
  const [, ...rest] = torn.get(pointer);
  rest.forEach(({ tree, spans, readings }, i) => {
    const told = { leaf: values(tree).join(", ") };
    const found = spans.map((span) => [...span, parts(readings), 1]);
    list.append(item(leaf(told, "or ", `${pointer} (${i + 1})`, field, found, hues)));
  });
  return list;
}

function parts(count) {
  return count === 1 ? "1 chunk" : `${count} chunks`;
}

function leaf(node, name, pointer, field, spans, hues, confidence, escalated) {
  if (!hues.has(field)) hues.set(field, (hues.size * 137.5) % 360); // the golden angle keeps hues apart
  const empty = node.plain && node.leaf === "null";
  const chosen = derived.has(pointer) || (node.plain && ["true", "false"].includes(node.leaf));
  const unmarked = lost || chosen ? " unmarked" : " none";
  const row = made("span", "leaf" + (empty ? " empty" : spans.length ? "" : unmarked));
  row.tabIndex = 0;
  row.dataset.pointer = pointer;
  row.style.setProperty("--hue", hues.get(field));
  if (!empty) row.append(made("span", "dot"));
  row.append(made("span", "key", name), made("span", "value", empty ? "–" : node.leaf));
  if (!empty) {
    const how = spans.map(([, , found, score]) => (score < 1 ? `${found} ${score}` : found));
    const without = lost ? "" : chosen ? "derived" : "no evidence";
    if (how.length || without) row.append(" ", made("span", "badge", how.length ? shortened(how) : without));
    if (torn.has(pointer)) row.append(" ", made("span", "badge torn", "chunks disagree"));
    if (confidence !== undefined) {
      row.append(" ", made("span", confidence < UNSURE ? "badge unsure" : "badge", `confidence ${confidence.toFixed(2)}`));
    }
  }
  if (escalated) row.append(" ", made("span", escalated[1] ? "badge said unsure" : "badge said", escalated[0]));
  row.setAttribute("role", "button");
  row.addEventListener("click", () => places(pointer)[0]?.scrollIntoView({ block: "center" }));
  row.addEventListener("keydown", ({ key }) => key === "Enter" && places(pointer)[0]?.focus());
  for (const event of ["mouseenter", "focus"]) row.addEventListener(event, () => light(pointer, event));
  for (const event of ["mouseleave", "blur"]) row.addEventListener(event, dim);
  rows.set(pointer, row);
  return row;
}

function shortened(how) {
  return how.length > 3 ? `${how[0]}, at ${how.length} places` : how.join(", ");
}

function marked(entry, hues) {
  const spans = Object.entries(entry.spans).flatMap(([pointer, found]) =>
    rows.has(pointer) ? found.map(([start, end]) => ({ start, end, pointer })) : [],
  );
  for (const [pointer, [, ...rest]] of torn) {
    rest.forEach(({ spans: found }, i) =>
      spans.push(...found.map(([start, end]) => ({ start, end, pointer: `${pointer} (${i + 1})`, other: true }))),
    );
  }
  for (const { start, end, pointer } of spans) {
    said.set(pointer, [...(said.get(pointer) ?? []), entry.text.slice(start, end)]);
  }
  const lost = gaps(entry.chunks);
  const edges = [...spans, ...lost].flatMap((s) => [s.start, s.end]);
  const cuts = [...new Set([0, entry.text.length, ...edges])].sort((a, b) => a - b);
  const begins = Map.groupBy ? Map.groupBy(spans, (s) => s.start) : grouped(spans);
  let open = [];
  return cuts.slice(0, -1).map((from, i) => {
    open = [...open.filter((s) => s.end > from), ...(begins.get(from) ?? [])];
    const piece = entry.text.slice(from, cuts[i + 1]);
    const node = open.length ? mark(piece, open) : document.createTextNode(piece);
    const gap = lost.find((each) => each.start <= from && from < each.end);
    return gap ? within(gap, node, from) : node;
  });
}

function within(gap, node, from) {
  const element = made("span", "lost");
  if (from === gap.start) element.dataset.told = `Not in the record: ${gap.told}`;
  element.append(node);
  return element;
}

function gaps(chunks) {
  const read = chunks.filter(([, , , , , good]) => good);
  const lost = [];
  for (const [start, end, told, missing] of [...chunks].sort((a, b) => a[0] - b[0])) {
    let from = Math.max(start, lost.at(-1)?.end ?? 0);
    for (const [a, b] of read) if (a <= from && from < b) from = b;
    let to = end;
    for (const [a, b] of read) if (a < to && to <= b) to = a;
    if (missing && from < to) lost.push({ start: from, end: to, told });
  }
  return lost;
}

function grouped(spans) {
  const groups = new Map();
  for (const span of spans) groups.set(span.start, [...(groups.get(span.start) ?? []), span]);
  return groups;
}

function mark(text, spans) {
  const pointers = spans.map((s) => s.pointer);
  const inner = pointers.at(-1);
  const element = made("mark", spans.at(-1).other ? "other" : "", text);
  element.tabIndex = 0;
  element.setAttribute("role", "button");
  listen(element, inner, text, pointers);
  for (const pointer of pointers) marks.set(pointer, [...(marks.get(pointer) ?? []), element]);
  return element;
}

function listen(element, inner, text, pointers) {
  element.addEventListener("keydown", ({ key }) => key === "Enter" && rows.get(inner).focus());
  element.title = pointers.join(", ");
  element.setAttribute("aria-label", `${text} (${pointers.join(", ")})`);
  element.style.setProperty("--hue", rows.get(inner).style.getPropertyValue("--hue"));
  for (const event of ["mouseenter", "focus"]) element.addEventListener(event, () => light(inner, event, true));
  for (const event of ["mouseleave", "blur"]) element.addEventListener(event, dim);
}

function light(pointer, event, fromText = false) {
  dim();
  const found = places(pointer);
  for (const element of [rows.get(pointer), ...found]) element.classList.add("lit");
  const other = fromText ? rows.get(pointer) : found[0];
  other?.scrollIntoView({ block: "nearest" });
  if (event === "focus") {
    const places = said.get(pointer) ?? [];
    const often = places.length > 1 ? `, at ${places.length} places` : "";
    $("told").textContent = found.length
      ? `${pointer} stands in the text as ${[...new Set(places)].join(", ")}${often}`
      : lost || rows.get(pointer)?.classList.contains("unmarked")
        ? `${pointer} is not looked for in the text`
        : `${pointer} has no evidence in the text`;
  }
}

function dim() {
  for (const element of document.querySelectorAll(".lit")) element.classList.remove("lit");
}

// -- what a person does

let waiting;
$("search").addEventListener("input", () => {
  clearTimeout(waiting);
  waiting = setTimeout(filter, 120);
});
$("outcome").addEventListener("change", filter);
$("as-pages").addEventListener("click", () => choose(true));
$("as-text").addEventListener("click", () => choose(false));
$("smaller").addEventListener("click", () => enlarge(1 / 1.25));
$("larger").addEventListener("click", () => enlarge(1.25));
$("skip").addEventListener("click", () => $("tree").querySelector("[tabindex]")?.focus());
$("back").addEventListener("click", () => go(Math.floor(at / PAGE) * PAGE - PAGE));
$("on").addEventListener("click", () => go(Math.floor(at / PAGE) * PAGE + PAGE));
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.matches("input, select")) return;
  if (event.key === "j") go(at + 1);
  if (event.key === "k") go(at - 1);
  if (event.key === "t" && !$("tools").hidden) choose(!asPages);
  if (event.key === "+" || event.key === "-") enlarge(event.key === "+" ? 1.25 : 1 / 1.25);
  if (event.key === "/") {
    event.preventDefault();
    $("search").focus();
  }
});
go(0);
