"use strict";
const entries = JSON.parse(document.getElementById("data").textContent);
const $ = (id) => document.getElementById(id);
const PAGE = 100; // texts in the list at a time
const GOOD = new Set(["ok", "repaired"]);
let kept = entries.map((_, i) => i);
let at = 0; // position in `kept`
let marks = new Map(); // pointer -> its marks
let rows = new Map(); // pointer -> its row in the tree

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
  const items = kept.slice(first, first + PAGE).map((index, offset) => {
    const { title, outcome } = entries[index];
    const button = made("button");
    button.type = "button";
    button.append(made("span", "", title), made("span", GOOD.has(outcome) ? "" : "bad", outcome));
    button.addEventListener("click", () => go(first + offset));
    if (first + offset === at) button.setAttribute("aria-current", "true");
    const item = made("li");
    item.append(button);
    return item;
  });
  $("list").replaceChildren(...items);
  $("list").querySelector("[aria-current]")?.scrollIntoView({ block: "nearest" });
  $("count").textContent = `${kept.length} of ${entries.length} texts`;
  $("where").textContent = kept.length ? `${first + 1}–${first + items.length}` : "none";
  $("back").disabled = first === 0;
  $("on").disabled = first + PAGE >= kept.length;
}

// -- one text and its record

function showEntry(entry) {
  marks = new Map();
  rows = new Map();
  $("name").textContent = entry ? entry.title : "No text matches";
  $("facts").textContent = entry
    ? [entry.outcome, ...Object.entries(entry.facts).map(([name, fact]) => `${name} ${fact}`)].join(" · ")
    : "";
  $("problems").replaceChildren(...(entry?.problems ?? []).map((problem) => made("li", "", problem)));
  const hues = new Map();
  const tree = made("ul");
  if (entry?.tree) branch(entry.tree, "", "", entry, hues, tree);
  $("tree").replaceChildren(tree);
  $("text").replaceChildren(...(entry ? marked(entry, hues) : []));
  $("text").scrollTop = 0;
  $("summary").textContent = summary(entry);
}

function summary(entry) {
  if (!entry?.tree) return entry ? "There is no record." : "";
  const leaves = [...rows.values()].filter((row) => !row.classList.contains("empty"));
  const without = leaves.filter((row) => row.classList.contains("none")).length;
  return `${leaves.length - without} of ${leaves.length} values have evidence in the text`;
}

function step(key) {
  return "/" + key.replaceAll("~", "~0").replaceAll("/", "~1");
}

function branch(node, pointer, field, entry, hues, list) {
  const item = made("li");
  const name = node.key === "" ? "" : `${node.key}: `;
  if (node.of) {
    if (name) item.append(made("span", "key", name + (node.of.length ? "" : node.array ? "[]" : "{}")));
    const below = made("ul");
    for (const child of node.of) {
      const childField = field + (node.array ? "/*" : step(child.key));
      branch(child, pointer + step(child.key), childField, entry, hues, below);
    }
    item.append(below);
  } else {
    item.append(leaf(node, name, pointer, field, entry.spans[pointer] ?? [], hues));
  }
  list.append(item);
}

function leaf(node, name, pointer, field, spans, hues) {
  if (!hues.has(field)) hues.set(field, (hues.size * 137.5) % 360); // the golden angle keeps hues apart
  const empty = node.plain && node.leaf === "null";
  const row = made("span", "leaf" + (empty ? " empty" : spans.length ? "" : " none"));
  row.tabIndex = 0;
  row.dataset.pointer = pointer;
  row.style.setProperty("--hue", hues.get(field));
  if (!empty) row.append(made("span", "dot"));
  row.append(made("span", "key", name), made("span", "value", empty ? "–" : node.leaf));
  if (!empty) {
    const how = spans.map(([, , found, score]) => (score < 1 ? `${found} ${score}` : found));
    row.append(made("span", "badge", spans.length ? how.join(", ") : "no evidence"));
  }
  for (const event of ["mouseenter", "focus"]) row.addEventListener(event, () => light(pointer, event));
  for (const event of ["mouseleave", "blur"]) row.addEventListener(event, dim);
  rows.set(pointer, row);
  return row;
}

function marked(entry, hues) {
  const spans = Object.entries(entry.spans).flatMap(([pointer, found]) =>
    rows.has(pointer) ? found.map(([start, end]) => ({ start, end, pointer })) : [],
  );
  const cuts = [...new Set([0, entry.text.length, ...spans.flatMap((s) => [s.start, s.end])])].sort((a, b) => a - b);
  const begins = Map.groupBy ? Map.groupBy(spans, (s) => s.start) : grouped(spans);
  let open = [];
  return cuts.slice(0, -1).map((from, i) => {
    open = [...open.filter((s) => s.end > from), ...(begins.get(from) ?? [])];
    const piece = entry.text.slice(from, cuts[i + 1]);
    return open.length ? mark(piece, open.map((s) => s.pointer)) : document.createTextNode(piece);
  });
}

function grouped(spans) {
  const groups = new Map();
  for (const span of spans) groups.set(span.start, [...(groups.get(span.start) ?? []), span]);
  return groups;
}

function mark(text, pointers) {
  const element = made("mark", "", text);
  const inner = pointers.at(-1);
  element.tabIndex = 0;
  element.title = pointers.join(", ");
  element.setAttribute("aria-label", `${text} (${pointers.join(", ")})`);
  element.style.setProperty("--hue", rows.get(inner).style.getPropertyValue("--hue"));
  for (const pointer of pointers) marks.set(pointer, [...(marks.get(pointer) ?? []), element]);
  for (const event of ["mouseenter", "focus"]) element.addEventListener(event, () => light(inner, event, true));
  for (const event of ["mouseleave", "blur"]) element.addEventListener(event, dim);
  return element;
}

function light(pointer, event, fromText = false) {
  dim();
  const found = marks.get(pointer) ?? [];
  for (const element of [rows.get(pointer), ...found]) element.classList.add("lit");
  const other = fromText ? rows.get(pointer) : found[0];
  other?.scrollIntoView({ block: "nearest" });
  if (event === "focus") {
    $("told").textContent = found.length
      ? `${pointer} stands in the text as ${found.map((element) => element.textContent).join("")}`
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
$("back").addEventListener("click", () => go(Math.floor(at / PAGE) * PAGE - PAGE));
$("on").addEventListener("click", () => go(Math.floor(at / PAGE) * PAGE + PAGE));
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.matches("input, select")) return;
  if (event.key === "j") go(at + 1);
  if (event.key === "k") go(at - 1);
  if (event.key === "/") {
    event.preventDefault();
    $("search").focus();
  }
});
go(0);
