"""The style and the script of the HTML report. The script writes texts only as text, never as markup."""

from __future__ import annotations

STYLE = """
:root { color-scheme: light dark; --back: #fff; --fore: #1b1a19; --line: #c8c6c4; --soft: #f3f2f1; --bar: #0063b1; }
@media (prefers-color-scheme: dark) {
  :root { --back: #1b1a19; --fore: #f3f2f1; --line: #605e5c; --soft: #292827; --bar: #6cb8f6; }
}
body { font: 15px/1.5 system-ui, sans-serif; background: var(--back); color: var(--fore); margin: 0 auto;
  max-width: 80rem; padding: 1rem; }
.cards { display: flex; flex-wrap: wrap; gap: .75rem; list-style: none; padding: 0; }
.cards li { background: var(--soft); border-left: 6px solid var(--line); padding: .5rem 1rem; }
.cards strong { display: block; font-size: 1.6rem; }
.cards .broken { border-color: #c4314b; } .cards .unknown { border-color: #8764b8; }
.cards .attention { border-color: #c98500; } .cards .healthy { border-color: #13803b; }
.cards .notEncrypted { border-color: #5b7a9d; }
.cards .worse { border-color: #c4314b; } .cards .better { border-color: #13803b; }
.cards .unclear, .cards .notComparable { border-color: #8764b8; }
details { margin: .5rem 0; }
.charts { display: flex; flex-wrap: wrap; gap: 2rem; align-items: flex-start; }
figure { margin: 0; max-width: 100%; } .bar { fill: var(--bar); } .donut > svg { display: block; margin-bottom: .5rem; }
.partial { border: 2px solid #c98500; padding: 0 1rem; }
.controls { display: flex; flex-wrap: wrap; gap: 1rem; align-items: center; margin: .5rem 0; }
table { border-collapse: collapse; } #registries { width: 100%; }
caption { text-align: left; font-weight: 600; }
th, td { text-align: left; vertical-align: top; padding: .3rem .6rem; border-bottom: 1px solid var(--line); }
th button, td button { font: inherit; color: inherit; background: none; border: 0; padding: 0; cursor: pointer;
  text-decoration: underline; text-align: left; }
:focus-visible { outline: 3px solid var(--bar); outline-offset: 2px; }
code, pre { font: 13px/1.4 ui-monospace, monospace; overflow-wrap: anywhere; white-space: pre-wrap; margin: 0; }
td { overflow-wrap: break-word; } td[colspan] { overflow-wrap: anywhere; }
#registries td:nth-child(6) { overflow-wrap: anywhere; min-width: 12rem; }
#registries td:nth-child(7) { white-space: nowrap; }
a { color: var(--bar); }
.wide { overflow-x: auto; } .tree text { fill: var(--fore); font-size: 13px; }
.hang { fill: none; stroke: var(--line); stroke-width: 1.5; } .gone { fill: #c4314b; }
@media (max-width: 30rem) { .bars svg { display: none; } }
@media print { .controls { display: none; } }
"""

SCRIPT = r"""
"use strict";
(function () {
  const SIZE = 200;
  const ORDER = ["broken", "unknown", "attention", "notLoaded", "notEncrypted", "healthy"];
  const COLUMNS = [["health", "Health"], ["name", "Name"], ["subscription", "Subscription"],
    ["resourceGroup", "Resource group"], ["location", "Location"], ["key", "Key"], ["expires", "Expires"],
    ["codes", "Findings"]];
  const rows = JSON.parse(document.getElementById("data").textContent);
  const body = document.querySelector("#registries tbody");
  const portal = document.getElementById("registries").dataset.portal;
  const search = document.getElementById("search");
  const health = document.getElementById("health");
  const change = document.getElementById("change");
  let shown = rows, page = 0, column = "health", falling = false;
  for (const row of rows) {
    row.codes = row.findings.map((each) => each.code).join(", ");
    row.text = [row.id, row.key, row.vault, row.identity, row.subscriptionName, row.codes,
      ...row.findings.map((each) => each.message)].join(" ").toLowerCase();
  }
  function element(name, text, parent) {
    const made = document.createElement(name);
    if (text !== undefined && text !== null) made.textContent = text;
    if (parent) parent.append(made);
    return made;
  }
  for (const each of ORDER) {
    if (rows.some((row) => row.health === each)) element("option", each, health).value = each;
  }
  for (const [name, title] of COLUMNS) {
    const cell = element("th", null, document.querySelector("#registries thead tr"));
    cell.scope = "col";
    const button = element("button", title, cell);
    button.type = "button";
    button.addEventListener("click", function () {
      falling = column === name ? !falling : false;
      column = name;
      update();
    });
    cell.dataset.name = name;
  }
  function value(row) {
    return column === "health" ? String(ORDER.indexOf(row.health)) : String(row[column] || "");
  }
  function update() {
    const wanted = search.value.toLowerCase();
    shown = rows.filter((row) => (!health.value || row.health === health.value) && row.text.includes(wanted) &&
      (!change || !change.value || row.change === change.value));
    shown.sort((a, b) => (falling ? -1 : 1) * (value(a) < value(b) ? -1 : value(a) > value(b) ? 1 : 0));
    for (const cell of document.querySelectorAll("#registries th[data-name]")) {
      cell.setAttribute("aria-sort", cell.dataset.name !== column ? "none" : falling ? "descending" : "ascending");
    }
    page = 0;
    draw();
  }
  function details(row) {
    const line = document.createElement("tr");
    const cell = element("td", null, line);
    cell.colSpan = COLUMNS.length;
    if (portal) {
      const link = element("a", "Open in the Azure portal", element("p", null, cell));
      const whole = row.id.replace(/\p{Surrogate}/gu, "\ufffd");
      link.href = portal + "/#resource" + whole.split("/").map(encodeURIComponent).join("/");
      link.rel = "noopener noreferrer";
    }
    element("code", row.id, element("p", null, cell));
    if (!row.findings.length) element("p", "No findings.", cell);
    for (const each of row.findings) {
      element("p", each.severity + " (" + each.status + ") " + each.code + ": " + each.message, cell);
      if (each.fix) element("pre", each.fix, cell);
    }
    return line;
  }
  function draw() {
    const pages = Math.max(1, Math.ceil(shown.length / SIZE));
    body.replaceChildren();
    for (const row of shown.slice(page * SIZE, (page + 1) * SIZE)) {
      const line = element("tr", null, body);
      for (const [name] of COLUMNS) {
        const text = name === "subscription" ? row.subscriptionName || row.subscription
          : name === "expires" ? (row.expires || "").slice(0, 10) : row[name];
        const cell = element("td", name === "name" ? undefined : text, line);
        if (name !== "name") continue;
        const button = element("button", row.name, cell);
        button.type = "button";
        button.setAttribute("aria-expanded", "false");
        button.addEventListener("click", function () {
          const open = button.getAttribute("aria-expanded") === "true";
          button.setAttribute("aria-expanded", String(!open));
          if (open) line.nextSibling.remove(); else line.after(details(row));
        });
      }
    }
    document.getElementById("shown").textContent = shown.length + " of " + rows.length +
      (rows.length === 1 ? " registry" : " registries");
    document.getElementById("page").textContent = "Page " + (page + 1) + " of " + pages;
    document.getElementById("previous").disabled = page === 0;
    document.getElementById("next").disabled = page + 1 >= pages;
  }
  document.getElementById("previous").addEventListener("click", function () { page -= 1; draw(); });
  document.getElementById("next").addEventListener("click", function () { page += 1; draw(); });
  search.addEventListener("input", update);
  health.addEventListener("change", update);
  if (change) change.addEventListener("change", update);
  update();
})();
"""
