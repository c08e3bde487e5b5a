
"use strict";
// Every text goes into the document as text. Nothing here makes markup of anything.
const PAGE_ROWS = 50;
const by = (id) => document.getElementById(id);
const state = { start: 0, total: 0, groups: 0, asked: 0 };
const drafts = new Map();  // notes that are typed and not yet kept, by what they are about
const token = takeToken();

// What stands behind "#" never leaves the browser; from there it goes into this tab's own storage,
// so that a reload finds it and the address bar shows it to nobody.
function takeToken() {
  const given = location.hash.slice(1);
  if (/^[\w-]{20,}$/.test(given)) {
    sessionStorage.setItem("token", given);
    history.replaceState(null, "", location.pathname);
    return given;
  }
  return sessionStorage.getItem("token") || "";
}

async function ask(path, body) {
  const options = { headers: { Authorization: `Bearer ${token}` }, cache: "no-store" };
  if (body !== undefined) {
    options.method = "POST";
    options.headers["Content-Type"] = "application/json";
    options.body = JSON.stringify(body);
  }
  let answer, found;
  try {
    answer = await fetch(path, options);
    found = await answer.json();
  } catch {
    throw new Error("The review has ended: nothing answers. Run `gradsentry review` again. "
      + "Every decision that was shown is kept.");
  }
  if (!answer.ok) throw new Error(`${found.problem} ${found.remedy}`);
  return found;
}

async function trying(work) {
  try {
    const found = await work();
    by("problem").hidden = true;
    return found;
  } catch (error) {
    for (const dialog of document.querySelectorAll("dialog[open]")) dialog.close();
    by("problem").textContent = error.message;
    by("problem").hidden = false;
    by("problem").scrollIntoView({ block: "center" });
    return undefined;
  }
}

function make(tag, className, text) {
  const element = document.createElement(tag);
  if (className) element.className = className;
  if (text !== undefined && text !== null) element.textContent = text;
  return element;
}

function button(text, className, action, keys) {
  const element = make("button", className, text);
  element.type = "button";
  if (keys) element.setAttribute("aria-keyshortcuts", keys);
  element.addEventListener("click", action);
  return element;
}

function marked(pieces) {
  const text = make("p", "text");
  text.dir = "auto";
  for (const piece of pieces) {
    if (!piece.mark) {
      text.append(piece.text);
    } else {
      const mark = make("mark", piece.mark, piece.text);
      mark.title = piece.mark;
      text.append(mark);
    }
  }
  return text;
}

function turns(list) {
  return list.map((turn) => {
    const element = make("div", turn.guilty ? "turn guilty" : "turn");
    element.append(make("div", "role", turn.guilty ? `${turn.role}, in which the payload stands` : turn.role));
    if (turn.note) element.append(make("p", "soft", turn.note));
    element.append(marked(turn.pieces));
    if (turn.cut) element.append(make("div", "role", `${turn.cut} more characters are in the data`));
    return element;
  });
}

const VERDICTS = { poison: "Poison", review: "For review", clean: "Clean", skipped: "Skipped" };
const CHOICES = { confirmed: "Confirmed as poison", cleared: "Cleared" };

// The note, the three buttons, and what is decided, for a group or a row.
function actions(subject, number, item, refresh) {
  const box = make("div", "act");
  const note = make("div", "note");
  const id = `note-${subject}-${number}-${++state.asked}`;
  const label = make("label", "", "Note, kept with the decision");
  const field = make("textarea");
  label.htmlFor = field.id = id;
  field.rows = 1;
  field.maxLength = 4000;
  field.value = drafts.get(`${subject} ${number}`) ?? (item.decision ? item.decision.note : "");
  field.addEventListener("input", () => drafts.set(`${subject} ${number}`, field.value));
  note.append(label, field);
  const decide = async (choice) => {
    const found = await trying(() => ask("/api/decisions", { subject, number, choice, note: field.value }));
    if (!found) return;
    drafts.delete(`${subject} ${number}`);
    showProgress(found.progress);
    refresh(found[subject]);
  };
  const confirm = button("Confirm", "confirm", () => decide("confirmed"), "c");
  const clear = button("Clear", "clear", () => decide("cleared"), "x");
  const undo = button("Undo", "undo", () => decide("withdrawn"), "u");
  const what = subject === "group" ? `group ${number}` : `row ${number}`;
  confirm.setAttribute("aria-label", `Confirm ${what}: it is poison`);
  clear.setAttribute("aria-label", `Clear ${what}: it is meant`);
  undo.setAttribute("aria-label", `Undo the decision about ${what}`);
  undo.disabled = !item.decision;
  box.append(note, confirm, clear, undo);
  const parts = [box];
  for (const text of item.told) {
    const line = make("p", "told", text);
    line.dir = "auto";
    parts.push(line);
  }
  return parts;
}

function heading(kind, title, item) {
  const head = make("div", "item-head");
  head.append(make(kind, "", title));
  head.append(make("span", `badge ${item.verdict}`, VERDICTS[item.verdict]));
  const decision = item.decision || item.group_decision;
  if (decision) head.append(make("span", `badge ${decision.choice}`, CHOICES[decision.choice]));
  return head;
}

function texts(className, list, joint) {
  return list.flatMap((text, place) => {
    const mark = make("mark", className, text);
    mark.dir = "auto";
    return place ? [joint, mark] : [mark];
  });
}

function groupCard(group) {
  const card = make("article", `item ${group.verdict}`);
  card.tabIndex = -1;
  card.dataset.subject = "group";
  const head = heading("h3", `Group ${group.number}`, group);
  head.append(make("span", "numbers", `${group.rows.toLocaleString("en")} rows`));
  const flow = make("p", "flow");
  flow.append(...texts("trigger", group.trigger, " or "), " → ",
    ...texts(group.free_text ? "free" : "payload", group.payloads, " or "));
  if (group.varies) flow.append(group.free_text ? " and others: free text, the whole answers" : " and others: the payloads vary");
  card.append(head, flow);
  if (group.earlier) card.append(make("p", "told", group.earlier));
  const why = make("details");
  why.append(make("summary", "", "How sure this is, and why"), make("p", "", group.why));
  card.append(why);
  for (const example of group.examples) {
    const box = make("div", "example");
    box.append(button(`Row ${example.row}`, "link", () => openRow(example.row)), ...turns(example.turns));
    card.append(box);
  }
  card.append(button("Show its rows below", "link", () => {
    by("view").value = "scored";
    by("group").value = group.number;
    search().then(() => by("rows-title").scrollIntoView());
  }));
  card.append(...actions("group", group.number, group, (now) => {
    replace(card, groupCard(now));
    loadRows();
  }));
  return card;
}

function rowItem(row) {
  const item = make("article", `item ${row.verdict}`);
  item.tabIndex = -1;
  item.dataset.subject = "row";
  item.dataset.row = row.row;
  const head = heading("h3", `Row ${row.row}`, row);
  const group = row.group ? `, group ${row.group}` : "";
  head.append(make("span", "numbers", `score ${row.score.toFixed(4)}${group}`));
  item.append(head, ...turns(row.summary),
    button("Open the whole row", "link open", () => openRow(row.row)));
  item.append(...actions("row", row.row, row, (now) => {
    replace(item, rowItem(now));
    loadRows();  // the decisions about all rows go with the list, and cover what it shows
  }));
  return item;
}

function replace(old, fresh) {
  const note = document.activeElement && document.activeElement.tagName === "TEXTAREA";
  const held = old.contains(document.activeElement);
  old.replaceWith(fresh);
  if (held && !note) fresh.focus({ preventScroll: true });
}

async function openRow(number) {
  const row = await trying(() => ask(`/api/rows/${number}`));
  if (row) showRow(row);
}

function showRow(row) {
  by("row-title").textContent = `Row ${row.row}`;
  const facts = make("dl", "facts");
  const fact = (name, value) => {
    if (value === null || value === undefined) return;
    const shown = make("dd", "", value);
    shown.dir = "auto";
    facts.append(make("dt", "", name), shown);
  };
  fact("Verdict", VERDICTS[row.verdict]);
  fact("Score", `${row.score.toFixed(4)} (threshold ${row.threshold.toFixed(4)})`);
  fact("Group", row.group);
  fact("Trigger", row.trigger);
  fact("Payload", row.payload);
  fact("Place", row.place);
  fact("Digest", row.digest);
  const body = make("div", "item");
  body.dataset.subject = "row";
  body.append(...turns(row.turns), make("p", "soft", row.why));
  body.append(...actions("row", row.row, row, async (now) => {
    const shown = document.querySelector(`#rows [data-row="${now.row}"]`);
    if (shown) shown.replaceWith(rowItem(now));
    loadRows();
    await openRow(now.row);
  }));
  by("row-body").replaceChildren(facts, body);
  if (!by("row-dialog").open) by("row-dialog").showModal();
}

function showProgress(progress) {
  by("progress").max = Math.max(1, progress.rows);
  by("progress").value = progress.decided_rows;
  const number = (value) => value.toLocaleString("en");
  by("progress-text").textContent = `${number(progress.decided_rows)} of ${number(progress.rows)} rows, `
    + `${number(progress.decided_groups)} of ${number(progress.groups)} groups`;
}

async function loadReport() {
  const report = await trying(() => ask("/api/report"));
  if (!report) {
    by("headline").textContent = "Nothing to show.";
    return;
  }
  by("headline").textContent = report.headline;
  const date = report.date.slice(0, 10);
  by("about").textContent = `${report.data}, scanned on ${date} with ${report.model}. `
    + `You decide as ${report.reviewer}.`;
  by("earlier").replaceChildren(...report.earlier.map((line) => make("li", "", line)));
  for (const option of by("view").options) {
    option.textContent += ` (${report.views[option.value].toLocaleString("en")})`;
  }
  showProgress(report.progress);
  await loadGroups();
  if (report.views["to-decide"] === 0) by("view").value = "near";
  await loadRows();
  document.body.dataset.ready = "yes";
}

async function loadGroups() {
  by("more-groups").disabled = true;  // asked twice, the same groups would come twice
  const found = await trying(() => ask(`/api/groups?start=${state.groups}`));
  by("more-groups").disabled = false;
  if (!found) return;
  by("groups").append(...found.groups.map(groupCard));
  if (found.total === 0) by("groups").append(make("p", "", "No groups were found."));
  state.groups += found.groups.length;
  by("more-groups").hidden = state.groups >= found.total;
}

function filters() {
  return new URLSearchParams({
    view: by("view").value, decided: by("decided").value, group: by("group").value,
    search: by("search").value,
  });
}

let asked = 0;
async function loadRows() {
  const own = ++asked;
  const query = filters();
  const found = await trying(() => ask(`/api/rows?${query}&start=${state.start}&count=${PAGE_ROWS}`));
  if (!found || own !== asked) return;  // a later question has been asked meanwhile
  showBulk(found, query);
  state.total = found.total;
  if (!found.rows.length && found.total) {  // what stood on the last page is found no more
    state.start = Math.floor((found.total - 1) / PAGE_ROWS) * PAGE_ROWS;
    return loadRows();
  }
  showRows(found.rows.map(rowItem));
  const last = state.start + found.rows.length;
  by("range").textContent = found.total
    ? `${(state.start + 1).toLocaleString("en")} to ${last.toLocaleString("en")} of ${found.total.toLocaleString("en")}`
    : "No rows";
  by("previous").disabled = state.start === 0;
  by("next").disabled = last >= found.total;
}

// The list anew; who was in it with the keyboard stays at the row, or at what stands there now.
function showRows(fresh) {
  const list = by("rows"), field = document.activeElement;
  const held = list.contains(field) ? field.closest(".item") : null;
  const place = held ? [...list.children].indexOf(held) : -1;
  list.replaceChildren(...fresh);
  if (!held) return;
  const same = fresh.find((item) => item.dataset.row === held.dataset.row);
  const now = same || fresh[Math.min(place, fresh.length - 1)];
  if (!now) return;
  const note = same && field.tagName === "TEXTAREA" ? same.querySelector("textarea") : null;
  (note || now).focus({ preventScroll: true });
  if (note) note.setSelectionRange(field.selectionStart, field.selectionEnd);
}

// Decisions about all rows that the filters find, each of which is kept as one of its own.
const BULK = {
  confirmed: { button: "bulk-confirm", verb: "Confirm", what: "Each is poison, and will be left out of the clean data." },
  cleared: { button: "bulk-clear", verb: "Clear", what: "Each is meant, and may be trained on." },
  withdrawn: { button: "bulk-undo", verb: "Undo", what: "What the scan said holds again, or what is decided about their groups." },
};

function showBulk(found, query) {
  const group = query.get("group"), searched = query.get("search");
  const which = [
    named("view"), group && `group ${group}`, query.get("decided") !== "any" && named("decided").toLowerCase(),
    searched && `with the text "${searched}"`,
  ].filter(Boolean).join(", ");
  state.bulk = { digest: found.digest, query, which, total: found.total, decided: found.decided };
  const many = found.total > found.most_at_once;
  for (const [choice, { button: id, verb }] of Object.entries(BULK)) {
    const count = choice === "withdrawn" ? found.decided : found.total;
    by(id).textContent = choice === "withdrawn" ? `Undo the decisions about ${rowsOf(count)}` : `${verb} ${theRows(count)}`;
    by(id).disabled = count === 0 || count > found.most_at_once;
    by(id).hidden = choice === "withdrawn" && count === 0;
  }
  by("bulk").hidden = found.total === 0;
  by("bulk-told").textContent = many
    ? `At most ${found.most_at_once.toLocaleString("en")} rows are decided in one go: search for fewer, or decide about their groups.`
    : "";
}

function rowsOf(count) {
  return count === 1 ? "1 row" : `${count.toLocaleString("en")} rows`;
}

function theRows(count) {
  return count === 1 ? "this row" : `these ${count.toLocaleString("en")} rows`;
}

function named(id) {
  return by(id).selectedOptions[0].textContent.replace(/ \([^)]*\)$/, "");
}

function openBulk(choice) {
  const bulk = state.bulk;
  const count = choice === "withdrawn" ? bulk.decided : bulk.total;
  state.chosen = { ...bulk, choice };  // a list that comes while the dialog is open changes nothing
  by("bulk-title").textContent = choice === "withdrawn"
    ? `Undo the decisions about ${rowsOf(count)}` : `${BULK[choice].verb} ${rowsOf(count)}`;
  by("bulk-which").textContent = `Found by: ${bulk.which}`;
  const before = choice !== "withdrawn" && bulk.decided
    ? ` Decided by themselves already, which this replaces: ${rowsOf(bulk.decided)}.` : "";
  by("bulk-what").textContent = BULK[choice].what + before;
  by("bulk-go").textContent = by("bulk-title").textContent;
  by("bulk-go").className = BULK[choice].button.replace("bulk-", "");
  by("bulk-dialog").showModal();
}

async function decideBulk() {
  const { query, digest, choice } = state.chosen;
  by("bulk-go").disabled = true;  // pressed twice, the same would be decided twice
  const found = await trying(() => ask(`/api/decisions/rows?${query}`, { digest, choice, note: by("bulk-note").value }));
  by("bulk-go").disabled = false;
  if (by("bulk-dialog").open) by("bulk-dialog").close();
  if (found) {
    by("bulk-note").value = "";
    showProgress(found.progress);
    await search();
  } else {
    await loadRows();
    by("problem").hidden = false;  // what is wrong stays to be read
  }
}

function search() {
  clearTimeout(waiting);
  state.start = 0;
  return loadRows();
}

function turnPage(step) {
  state.start = Math.max(0, state.start + step * PAGE_ROWS);
  loadRows().then(() => by("rows-title").scrollIntoView());
}

// Keys.
function items() {
  return [...document.querySelectorAll("#groups .item, #rows .item")];
}

function currentItem() {
  if (by("row-dialog").open) return by("row-body").querySelector(".item");
  const focused = document.activeElement && document.activeElement.closest(".item");
  return focused || null;
}

function move(step) {
  const all = items();
  const place = all.indexOf(currentItem());
  const next = all[place < 0 ? 0 : Math.min(all.length - 1, Math.max(0, place + step))];
  if (next) {
    next.focus({ preventScroll: true });
    next.scrollIntoView({ block: "nearest" });
  }
}

function press(selector) {
  const item = currentItem();
  const found = item && item.querySelector(selector);
  if (found && !found.disabled) found.click();
}

document.addEventListener("keydown", (event) => {
  const field = /^(INPUT|TEXTAREA|SELECT)$/.test(event.target.tagName) && event.target.type !== "checkbox";
  if (field && event.key === "Escape" && !by("row-dialog").open) {
    const item = event.target.closest(".item");
    event.target.blur();
    if (item) item.focus();
    return;
  }
  if (field || event.ctrlKey || event.metaKey || event.altKey || !by("keys-on").checked) return;
  if (by("help").open || by("bulk-dialog").open) return;
  const inDialog = by("row-dialog").open;
  const keys = {
    c: () => press(".confirm"), x: () => press(".clear"), u: () => press(".undo"),
    n: () => { const item = currentItem(); if (item) item.querySelector("textarea").focus(); },
    j: () => inDialog || move(1), k: () => inDialog || move(-1),
    "/": () => inDialog || by("search").focus(),
    "?": () => inDialog || by("help").showModal(),
  };
  if (event.key === "Enter" && event.target.matches && event.target.matches("#rows .item")) {
    event.preventDefault();
    press(".open");
  } else if (event.repeat && "cxu".includes(event.key)) {
    event.preventDefault();  // held down, a key would decide about one row after the other
  } else if (Object.hasOwn(keys, event.key)) {
    event.preventDefault();
    keys[event.key]();
  }
});

let waiting = 0;
by("search").addEventListener("input", () => {
  clearTimeout(waiting);
  waiting = setTimeout(search, 250);
});
for (const id of ["view", "decided", "group"]) by(id).addEventListener("change", search);
by("filters").addEventListener("submit", (event) => {
  event.preventDefault();
  search();
});
by("previous").addEventListener("click", () => turnPage(-1));
by("next").addEventListener("click", () => turnPage(1));
by("more-groups").addEventListener("click", loadGroups);
by("help-button").addEventListener("click", () => by("help").showModal());
by("help-close").addEventListener("click", () => by("help").close());
for (const [choice, { button: id }] of Object.entries(BULK)) {
  by(id).addEventListener("click", () => openBulk(choice));
}
by("bulk-go").addEventListener("click", decideBulk);
by("bulk-cancel").addEventListener("click", () => by("bulk-dialog").close());
by("row-close").addEventListener("click", () => by("row-dialog").close());
// Another review's address, opened in this tab: only what is behind "#" differs.
addEventListener("hashchange", () => location.reload());
loadReport();
addEventListener("beforeunload", (event) => {
  if (by("bulk-note").value || [...drafts.values()].some((note) => note)) event.preventDefault();
});
