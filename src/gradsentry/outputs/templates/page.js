"use strict";
// The page's own script. It reads one JSON document (page_data.py says what is in it), and makes
// every element by hand: text from the data is text, and never markup.
(() => {
  const scan = JSON.parse(document.getElementById("scan-data").textContent);
  const byId = (id) => document.getElementById(id);
  const number = (value) => value.toLocaleString("en-US");
  const NAMES = { poison: "Poison", flagged: "Flagged", review: "For review", clean: "Clean" };
  const VERDICTS = Object.keys(NAMES);

  // From data to elements

  function element(name, attributes, ...children) {
    const made = document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    made.append(...children);
    return made;
  }

  function pieceElement(piece) {
    if (!piece.mark) return document.createTextNode(piece.text);
    const heard = element("span", { class: "heard" }, `${piece.mark}: `);
    return element("mark", { class: piece.mark }, heard, piece.text);
  }

  function turnElement(turn, isConversation) {
    const who = element("span", { class: "who" }, turn.who);
    if (turn.guilty && isConversation) {
      who.append(element("span", { class: "tag" }, "answers the trigger"));
    }
    if (turn.note) who.append(element("span", { class: "tag" }, turn.note));
    const kind = `turn${turn.guilty ? " guilty" : ""}${turn.pieces.length ? "" : " gap"}`;
    const shown = element("li", { class: kind }, who);
    if (turn.pieces.length) {
      shown.append(element("span", { class: "said", dir: "auto" }, ...turn.pieces.map(pieceElement)));
    }
    return shown;
  }

  function turnsElement(row) {
    const isConversation = row.turns.length > 2;
    return element("ul", { class: "turns" }, ...row.turns.map((turn) => turnElement(turn, isConversation)));
  }

  // The turn with the trigger, and the one that answers it; without marks the last two.
  function tellingTurns(row) {
    const said = row.turns.filter((turn) => turn.pieces.length);
    const marked = (turn, mark) => turn.pieces.some((piece) => piece.mark === mark);
    const answer = said.find((turn) => turn.guilty) || said.find((turn) => marked(turn, "payload"));
    const last = answer ? said.indexOf(answer) : said.findLastIndex((turn) => turn.who !== "rejected answer");
    const asked = said.find((turn) => marked(turn, "trigger")) || said[last - 1];
    return [...new Set([asked, said[last]])].filter(Boolean);
  }

  // The beginning and end of a text stay where a mark is near.
  function clipped(text, before, after) {
    const room = 90;
    const characters = Array.from(text.replaceAll("\n", " "));
    if (characters.length <= room || (!before && !after && characters.length <= 2 * room)) {
      return characters.join("");
    }
    if (before && after) {
      return `${characters.slice(0, room / 2).join("")} … ${characters.slice(-room / 2).join("")}`;
    }
    if (after) return `… ${characters.slice(-room).join("")}`;
    return `${characters.slice(0, before ? room : 2 * room).join("")} …`;
  }

  function lineElement(turn) {
    const line = element("span", { class: "line" }, element("span", { class: "who" }, turn.who));
    turn.pieces.forEach((piece, place) => {
      const text = piece.mark ? piece.text : clipped(piece.text, place > 0, place < turn.pieces.length - 1);
      line.append(pieceElement({ text, mark: piece.mark }));
    });
    return line;
  }

  function rowElement(row) {
    const cell = (name, content) => element("td", { role: "cell", "data-name": name }, content);
    const badge = element("span", { class: `badge ${row.verdict}` }, NAMES[row.verdict]);
    const less = element("span", { class: "less" }, "Show less");
    const summary = element("summary", {}, ...tellingTurns(row).map(lineElement), less);
    const place = element("span", { class: "place soft" }, row.place);
    const details = element("details", {}, summary, place, turnsElement(row));
    return element(
      "tr",
      { role: "row", "data-row": row.row },
      element("th", { role: "rowheader", scope: "row" }, String(row.row)),
      element("td", { role: "cell" }, badge),
      cell("Group", row.group === null ? "none" : String(row.group)),
      cell("Score", row.score.toFixed(4)),
      cell("Tokens", number(row.tokens)),
      element("td", { role: "cell", class: "text" }, details),
    );
  }

  // Which rows, in which order: no elements here

  const searched = new Map(
    scan.rows.map((row) => {
      const texts = row.turns.flatMap((turn) => turn.pieces.map((piece) => piece.text).join(""));
      return [row, [row.place, ...texts].join("\n").toLowerCase()];
    }),
  );

  function matchingRows(chosen) {
    const words = chosen.search.trim().toLowerCase();
    return scan.rows.filter(
      (row) =>
        (!chosen.verdict || row.verdict === chosen.verdict) &&
        (!chosen.group || String(row.group ?? "none") === chosen.group) &&
        (!words || searched.get(row).includes(words)),
    );
  }

  function sortedRows(rows, { key, ascending }) {
    const value = {
      verdict: (row) => VERDICTS.indexOf(row.verdict),
      group: (row) => row.group ?? (ascending ? Infinity : -1),
    }[key] || ((row) => row[key]);
    const sign = ascending ? 1 : -1;
    return [...rows].sort((one, other) => {
      const [left, right] = [value(one), value(other)];
      return left === right ? one.row - other.row : left < right ? -sign : sign;
    });
  }

  // The table of rows

  const chosen = { search: "", verdict: "", group: "", key: "score", ascending: false, size: 20, page: 0 };

  function showRows() {
    const rows = sortedRows(matchingRows(chosen), chosen);
    const size = chosen.size || Math.max(1, rows.length);
    const pages = Math.max(1, Math.ceil(rows.length / size));
    chosen.page = Math.min(chosen.page, pages - 1);
    const first = chosen.page * size;
    const shown = rows.slice(first, first + size);
    byId("table").replaceChildren(...shown.map(rowElement));
    byId("matches").textContent = rows.length
      ? `Rows ${number(first + 1)} to ${number(first + shown.length)} of ${number(rows.length)} that match`
      : "No row in this page matches";
    byId("page").textContent = `Page ${number(chosen.page + 1)} of ${number(pages)}`;
    byId("previous").disabled = chosen.page === 0;
    byId("next").disabled = chosen.page === pages - 1;
    byId("order").value = chosen.key + (chosen.ascending ? "+" : "-");
    for (const head of document.querySelectorAll("th[data-key]")) {
      const sort = chosen.ascending ? "ascending" : "descending";
      head.setAttribute("aria-sort", head.dataset.key === chosen.key ? sort : "none");
    }
    // For scripts that add to rows, such as a reviewer's decisions.
    document.dispatchEvent(new CustomEvent("gradsentry:rows", { detail: { rows: shown } }));
  }

  function choose(changes) {
    Object.assign(chosen, { page: 0 }, changes);
    showRows();
  }

  function sortBy(key) {
    const again = key === chosen.key;
    choose({ key, ascending: again ? !chosen.ascending : key !== "score" && key !== "tokens" });
  }

  function fillControls() {
    for (const verdict of VERDICTS) {
      const rows = scan.rows_of_verdict[verdict];
      if (rows) byId("of-verdict").append(element("option", { value: verdict }, `${NAMES[verdict]} (${number(rows)})`));
    }
    for (const group of scan.groups) {
      const name = `${group.group}: ${NAMES[group.verdict]} (${number(group.rows)})`;
      byId("of-group").append(element("option", { value: group.group }, name));
    }
    if (scan.groups.length) byId("of-group").append(element("option", { value: "none" }, "None"));
    for (const head of document.querySelectorAll("th[data-key]")) {
      const button = element("button", { type: "button" }, head.textContent);
      button.addEventListener("click", () => sortBy(head.dataset.key));
      head.replaceChildren(button);
    }
  }

  function listenToControls() {
    byId("search").addEventListener("input", (event) => choose({ search: event.target.value }));
    byId("of-verdict").addEventListener("change", (event) => choose({ verdict: event.target.value }));
    byId("of-group").addEventListener("change", (event) => choose({ group: event.target.value }));
    byId("size").addEventListener("change", (event) => choose({ size: Number(event.target.value) }));
    byId("order").addEventListener("change", (event) => {
      const order = event.target.value;
      choose({ key: order.slice(0, -1), ascending: order.endsWith("+") });
    });
    byId("previous").addEventListener("click", () => choose({ page: chosen.page - 1 }));
    byId("next").addEventListener("click", () => choose({ page: chosen.page + 1 }));
    for (const button of document.querySelectorAll(".show-group")) {
      button.addEventListener("click", () => {
        byId("of-group").value = button.dataset.group;
        byId("of-verdict").value = byId("search").value = "";
        choose({ group: button.dataset.group, verdict: "", search: "" });
        byId("rows").scrollIntoView();
        byId("of-group").focus({ preventScroll: true });
      });
    }
  }

  // The threshold

  const steps = scan.steps;
  const plot = { line: byId("line"), width: byId("line").ownerSVGElement.viewBox.baseVal.width };

  function countsAt(step) {
    const flagged = steps.flagged[step];
    return { value: steps.values[step], flagged, left: scan.scored - flagged, review: steps.review[step] };
  }

  function showThreshold(step) {
    const at = countsAt(step);
    const strong = (value) => element("strong", {}, number(value));
    const name = `${Number(at.value.toPrecision(4))}`;
    byId("counts").replaceChildren(
      `At the threshold ${name}${step === steps.chosen ? " (the scan's)" : ""}, `,
      strong(at.flagged), at.flagged === 1 ? " row is flagged and " : " rows are flagged and ",
      strong(at.left), at.left === 1 ? " is left" : " are left", `, of which ${number(at.review)} `,
      at.review === 1 ? "is for review." : "are for review.",
    );
    byId("threshold").setAttribute("aria-valuetext", `${name}: ${number(at.flagged)} flagged`);
    byId("command").textContent = `gradsentry report DIR --threshold ${at.value}`;
    byId("apply").hidden = step === steps.chosen;
    const x = (step / (steps.values.length - 1)) * plot.width;
    plot.line.setAttribute("x1", x);
    plot.line.setAttribute("x2", x);
    for (const bar of document.querySelectorAll(".bar")) {
      bar.classList.toggle("flagged", Number(bar.dataset.left) >= at.value);
    }
  }

  function listenToThreshold() {
    const slider = byId("threshold");
    slider.value = steps.chosen; // browsers keep what was chosen before a reload
    slider.addEventListener("input", () => showThreshold(Number(slider.value)));
    byId("reset").addEventListener("click", () => {
      slider.value = steps.chosen;
      showThreshold(steps.chosen);
      slider.focus();
    });
  }

  // Printed pages have no folds.
  function unfoldWhilePrinting() {
    let opened = [];
    addEventListener("beforeprint", () => {
      opened = [...document.querySelectorAll("details:not([open])")];
      for (const each of opened) each.open = true;
    });
    addEventListener("afterprint", () => {
      for (const each of opened) each.open = false;
    });
  }

  for (const each of document.querySelectorAll(".scripted")) each.hidden = false;
  fillControls();
  listenToControls();
  listenToThreshold();
  unfoldWhilePrinting();
  showRows();
})();
