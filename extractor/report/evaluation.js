"use strict";
const data = JSON.parse(document.getElementById("data").textContent);
const $ = (id) => document.getElementById(id);
const PAGE = 100; // texts in the list at a time
const RIGHT = new Set(["right", "wrong form", "wrong span"]);
const paired = data.runs.length === 2;
const last = data.runs.length - 1;
let kept = [];
let at = 0; // position in `kept`

function made(name, className, text) {
  const element = document.createElement(name);
  if (className) element.className = className;
  if (text !== undefined) element.textContent = text;
  return element;
}

function button(className, text, act) {
  const element = made("button", className, text);
  element.type = "button";
  element.addEventListener("click", act);
  return element;
}

function table(heads, rows, className) {
  const element = made("table", className);
  const head = made("tr");
  heads.forEach((name, i) => head.append(made("th", i ? "n" : "", name)));
  element.append(head);
  for (const cells of rows) {
    const row = made("tr");
    cells.forEach((cell, i) => {
      const box = made("td", i ? "n" : "");
      if (cell instanceof Node) box.append(cell);
      else if (Array.isArray(cell)) {
        box.textContent = cell[0];
        if (cell[1]) box.classList.add(cell[1]);
      } else box.textContent = cell;
      row.append(box);
    });
    element.append(row);
  }
  return element;
}

function figure(value, percent, signed) {
  if (value === null || value === undefined) return "–";
  const sign = signed && value > 0 ? "+" : "";
  if (percent) return `${sign}${(100 * value).toFixed(1)}%`;
  const digits = { minimumFractionDigits: 1, maximumFractionDigits: Math.abs(value) < 1 ? 4 : 1 };
  return sign + value.toLocaleString("en", digits);
}

function interval(of, percent, signed) {
  return of?.low === null || of?.low === undefined ? "" : `${figure(of.low, percent, signed)} … ${figure(of.high, percent, signed)}`;
}

function mood(change, good) {
  if (!change || good === null || change.low === null || (change.low <= 0 && change.high >= 0)) return "";
  return change.low > 0 === good ? "better" : "worse";
}

// -- figures

function showFigures() {
  const heads = paired
    ? ["", data.runs[0].title, data.runs[1].title, "difference", "95 %", "sure"]
    : ["", "all texts", "95 %"];
  const rows = data.figures.map(({ name, percent, good, values, change }) =>
    paired
      ? [name, figure(values[0].value, percent), figure(values[1].value, percent), [figure(change.value, percent, true), mood(change, good)], interval(change, percent, true), change.sure === null ? "–" : `${Math.round(100 * change.sure)}%`]
      : [name, figure(values[0].value, percent), interval(values[0], percent)],
  );
  $("all").replaceChildren(table(heads, rows), made("p", "quiet", data.legend));
  showFields();
  for (const [index, each] of data.confusions.entries()) {
    const line = made("li");
    const run = paired ? `${data.runs[each.run].title}: ` : "";
    line.append(button("", `${run}${each.told}`, () => choose({ field: each.field, verdict: each.verdict, how: each.how })));
    if (index < 60) $("confusions").append(line);
  }
  if (!data.confusions.length) $("confusions").replaceWith(made("p", "", "Nothing."));
  for (const each of data.matrices) showMatrix(each);
  showSlices();
  const settings = data.runs.map((run) => [run.title, ...[run.model, run.type, run.texts, JSON.stringify(run.options), JSON.stringify(run.scoring)].map(String)]);
  $("settings").append(table(["run", "model", "type", "texts", "options", "scoring"], settings, "settings"));
}

function showFields() {
  const names = paired ? ["field", "run"] : ["field"];
  const heads = [...names, "gold", "found", "right", "precision", "recall", "F1", "nulls left empty", ...data.kinds];
  const rows = data.fields.flatMap((field) =>
    field.runs.map((run, i) => {
      const shares = [run.precision, run.recall, run.f1, run.nulls].map((share) => figure(share, true));
      const kinds = data.kinds.map((kind) => {
        const count = run.verdicts[kind] ?? 0;
        return count ? button("", String(count), () => choose({ field: field.field, verdict: kind })) : "";
      });
      return [field.field || "(record)", ...(paired ? [data.runs[i].title] : []), run.gold, run.found, run.right, ...shares, ...kinds];
    }),
  );
  $("fields").append(table(heads, rows));
  if (!paired) return;
  const turned = data.fields.map((field) => [
    field.field || "(record)",
    count(field.turned.right, () => choose({ field: field.field, turned: "right" })),
    count(field.turned.wrong, () => choose({ field: field.field, turned: "wrong" })),
    [figure(field.change.value, true, true), mood(field.change, true)],
    interval(field.change, true, true),
  ]);
  $("fields").append(made("h2", "", "Values that turned"), table(["field", "turned right", "turned wrong", "F1 by", "95 %"], turned));
}

function count(number, act) {
  return number ? button("", String(number), act) : "";
}

function showMatrix({ run, field, rows, columns, counts }) {
  const title = paired ? `${field}, ${data.runs[run].title}` : field;
  const body = counts.map((row, i) => [
    rows[i],
    ...row.map((number, j) => (number ? [String(number), rows[i] === columns[j] ? "same" : "off"] : "")),
  ]);
  $("matrices").append(made("h2", "", `${title}: gold below, found across`), table(["", ...columns], body, "matrix"));
}

function showSlices() {
  for (const { column, values } of data.slices) {
    const heads = [column, "texts", ...data.runs.flatMap((run) => [paired ? `value F1, ${run.title}` : "value F1", "95 %"])];
    const rows = values.map(({ value, texts, runs }) => [
      button("", value, () => choose({ slice: JSON.stringify([column, value]) })),
      texts,
      ...runs.flatMap((each) => [figure(each?.value, true), interval(each, true)]),
    ]);
    $("slices").append(made("h2", "", `By ${column}`), table(heads, rows));
  }
}

// -- which texts

function options(id, pairs) {
  $(id).append(new Option("any", ""));
  for (const [value, text] of pairs) $(id).append(new Option(text ?? value, value));
}

const leaves = data.texts.flatMap((text) => text.rows);
options("field", [...new Set(leaves.map((leaf) => leaf.field))].map((name) => [`=${name}`, name || "(record)"]));
options("verdict", [...data.kinds.map((kind) => [kind]), ["right"]]);
options("how", [...new Set(data.confusions.map((each) => each.how))].filter(Boolean).sort().map((how) => [how]));
options("turned", [["right", "right now"], ["wrong", "wrong now"], ["any", "either way"]]);
options("slice", data.slices.flatMap(({ column, values }) => values.map(({ value }) => [JSON.stringify([column, value]), `${column}: ${value}`])));
$("turned-label").hidden = !paired;
$("slice-label").hidden = !data.slices.length;

function choose(wanted) {
  for (const id of ["verdict", "how", "turned", "slice"]) $(id).value = wanted[id] ?? "";
  $("field").value = wanted.field === undefined ? "" : `=${wanted.field}`;
  $("search").value = "";
  view("texts");
  filter();
}

function turn(row) {
  if (!paired) return "";
  const [before, after] = row.runs.map((leaf) => !leaf || RIGHT.has(leaf.verdict) || leaf.verdict === "empty");
  return before === after ? "" : after ? "right" : "wrong";
}

function fits(row) {
  const [field, verdict, how, turned] = ["field", "verdict", "how", "turned"].map((id) => $(id).value);
  if (field && row.field !== field.slice(1)) return false;
  if (turned && (turned === "any" ? !turn(row) : turn(row) !== turned)) return false;
  if (!verdict && !how) return true;
  return row.runs.some((leaf) => leaf && (!verdict || leaf.verdict === verdict) && (!how || leaf.how === how));
}

function narrowed() {
  return ["field", "verdict", "how", "turned"].some((id) => $(id).value);
}

const searched = new Map();
function haystack(i) {
  if (!searched.has(i)) {
    const { id, text, rows } = data.texts[i];
    const values = rows.flatMap((row) => [row.gold, ...row.runs.map((leaf) => leaf?.found)]);
    searched.set(i, [id, text, ...values].join("\n").toLowerCase());
  }
  return searched.get(i);
}

function filter() {
  const wanted = $("search").value.trim().toLowerCase();
  const slice = $("slice").value ? JSON.parse($("slice").value) : null;
  kept = [];
  data.texts.forEach((text, i) => {
    if (slice && text.columns[slice[0]] !== slice[1]) return;
    if (narrowed() && !text.rows.some(fits)) return;
    if (!wanted || haystack(i).includes(wanted)) kept.push(i);
  });
  go(0);
}

function go(to) {
  at = Math.max(0, Math.min(to, kept.length - 1));
  const first = Math.floor(at / PAGE) * PAGE;
  const items = kept.slice(first, first + PAGE).map((index, offset) => {
    const { id, wrong, outcomes } = data.texts[index];
    const line = made("li");
    const entry = button("", "", () => go(first + offset));
    const bad = wrong[last] > 0;
    entry.append(made("span", "", id), made("span", bad ? "bad" : "quiet", outcomes[last] in { ok: 1, repaired: 1 } ? (bad ? `${wrong[last]} wrong` : "right") : outcomes[last]));
    if (first + offset === at) entry.setAttribute("aria-current", "true");
    line.append(entry);
    return line;
  });
  $("list").replaceChildren(...items);
  $("list").querySelector("[aria-current]")?.scrollIntoView({ block: "nearest" });
  $("count").textContent = `${kept.length} of ${data.texts.length} texts`;
  $("where").textContent = kept.length ? `${first + 1}–${first + items.length}` : "none";
  showText(kept.length ? data.texts[kept[at]] : null);
}

// -- one text

function showText(text) {
  $("name").textContent = text ? text.id : "No text matches";
  $("facts").textContent = text ? text.facts.map((fact, i) => (paired ? `${data.runs[i].title}: ${fact}` : fact)).join("; ") : "";
  $("text").replaceChildren(...(text ? marked(text) : []));
  $("values").replaceChildren(...(text ? [values(text)] : []));
  $("replies").replaceChildren(...(text ? text.runs.flatMap(replies) : []));
}

function values(text) {
  const heads = ["field", "gold", ...data.runs.map((run) => (paired ? run.title : "found"))];
  const element = table(heads, []);
  text.rows.forEach((row, index) => {
    const line = made("tr", narrowed() && !fits(row) ? "off" : "");
    line.tabIndex = 0;
    line.dataset.row = index;
    line.dataset.pointer = row.pointer;
    line.append(made("td", "quiet", row.pointer || "(record)"), value(row.gold));
    for (const leaf of row.runs) line.append(leaf ? judged(leaf) : made("td", "none", ""));
    for (const event of ["mouseenter", "focus"]) line.addEventListener(event, () => light(index));
    for (const event of ["mouseleave", "blur"]) line.addEventListener(event, dim);
    element.append(line);
  });
  return element;
}

function value(shown) {
  return made("td", shown === null ? "none" : "", shown === null ? "–" : shown);
}

function judged(leaf) {
  const cell = value(leaf.found);
  if (leaf.verdict === "right" || leaf.verdict === "empty") return cell;
  cell.append(" ", made("span", RIGHT.has(leaf.verdict) ? "badge" : "badge bad", leaf.verdict));
  if (leaf.how) cell.append(" ", made("span", "quiet", leaf.how));
  return cell;
}

function replies(run, i) {
  const name = paired ? `${data.runs[i].title}: ` : "";
  const some = run.attempts.map((attempt, n) => {
    const details = made("details");
    details.append(made("summary", "", `${name}reply ${n + 1}, ${attempt.outcome}`), made("pre", "", attempt.reply ?? "(no reply)"));
    for (const why of [...attempt.problems, ...(attempt.note ? [attempt.note] : [])]) details.append(made("p", "quiet", why));
    return details;
  });
  return run.error ? [made("p", "bad", `${name}${run.error}`), ...some] : some;
}

function marked({ text, rows }) {
  const spans = rows.flatMap((row, index) => [
    ...row.spans.map(([start, end]) => ({ start, end, index, side: "gold" })),
    ...row.runs.flatMap((leaf) => (leaf?.spans ?? []).map(([start, end]) => ({ start, end, index, side: "found" }))),
  ]);
  const cuts = [...new Set([0, text.length, ...spans.flatMap((s) => [s.start, s.end])])].sort((a, b) => a - b);
  return cuts.slice(0, -1).map((from, i) => {
    const piece = text.slice(from, cuts[i + 1]);
    const open = spans.filter((s) => s.start <= from && from < s.end);
    if (!open.length) return document.createTextNode(piece);
    const sides = new Set(open.map((s) => s.side));
    const element = made("mark", sides.size === 2 ? "both" : [...sides][0], piece);
    element.dataset.rows = [...new Set(open.map((s) => s.index))].join(" ");
    element.title = [...new Set(open.map((s) => `${rows[s.index].pointer} (${s.side})`))].join(", ");
    element.addEventListener("mouseenter", () => light(open.at(-1).index));
    element.addEventListener("mouseleave", dim);
    return element;
  });
}

function light(index) {
  dim();
  const found = [...document.querySelectorAll("mark")].filter((mark) => mark.dataset.rows.split(" ").includes(String(index)));
  for (const element of [...found, document.querySelector(`tr[data-row="${index}"]`)]) element?.classList.add("lit");
  found[0]?.scrollIntoView({ block: "nearest" });
}

function dim() {
  for (const element of document.querySelectorAll(".lit")) element.classList.remove("lit");
}

// -- what a person does

function view(name) {
  for (const each of ["figures", "texts"]) {
    $(each).hidden = each !== name;
    $(`show-${each}`).setAttribute("aria-pressed", String(each === name));
  }
}

let waiting;
$("show-figures").addEventListener("click", () => view("figures"));
$("show-texts").addEventListener("click", () => view("texts"));
for (const id of ["field", "verdict", "how", "turned", "slice"]) $(id).addEventListener("change", filter);
$("search").addEventListener("input", () => {
  clearTimeout(waiting);
  waiting = setTimeout(filter, 120);
});
$("clear").addEventListener("click", () => choose({}));
$("back").addEventListener("click", () => go(Math.floor(at / PAGE) * PAGE - PAGE));
$("on").addEventListener("click", () => go(Math.floor(at / PAGE) * PAGE + PAGE));
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.matches("input, select")) return;
  if (event.key === "j") go(at + 1);
  if (event.key === "k") go(at - 1);
});
showFigures();
filter();
