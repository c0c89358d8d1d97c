"use strict";
// Tables: sort by a column, find rows, pick two to compare. Without this script they are still read.
const number = (text) => parseFloat(text.replace("\u2212", "-"));

const sortBy = (header) => {
  const table = header.closest("table");
  const place = [...header.parentElement.children].indexOf(header);
  const { better } = header.querySelector("button").dataset;
  const first = better === undefined || better === "down" || better === "zero" ? "ascending" : "descending";
  const other = first === "ascending" ? "descending" : "ascending";
  const direction = header.ariaSort === first ? other : first;
  const sign = direction === "ascending" ? 1 : -1;
  const shown = (cell) => [...cell.childNodes].find((node) => !node.offsetParent === false || node.nodeType === 3);
  const value = (row) => {
    const cell = row.children[place];
    if (better === undefined) return cell.textContent.toLowerCase();
    const text = cell.className === "rank" ? cell.innerText : (shown(cell) || cell).textContent;
    const found = number(text);
    return better === "zero" ? Math.abs(found) : found;
  };
  const rows = [...table.tBodies[0].rows].map((row) => [value(row), row]);
  rows.sort(([one], [two]) => {
    if (typeof one === "string") return sign * one.localeCompare(two);
    if (Number.isNaN(one) || Number.isNaN(two)) return Number.isNaN(one) - Number.isNaN(two);
    return sign * (one - two);
  });
  for (const th of header.parentElement.querySelectorAll("[aria-sort]")) th.ariaSort = "none";
  header.ariaSort = direction;
  table.tBodies[0].append(...rows.map(([, row]) => row));
};
for (const button of document.querySelectorAll(".sortable thead button")) {
  button.addEventListener("click", () => sortBy(button.closest("th")));
}

const find = document.querySelector("#find");
if (find) {
  const kinds = [...document.querySelectorAll(".kind")];
  const rows = [...document.querySelectorAll(".sortable tbody tr")];
  const texts = rows.map((row) => row.cells[0].textContent.toLowerCase());
  const filter = () => {
    const words = find.value.toLowerCase().split(/\s+/).filter(Boolean);
    const wanted = new Set(kinds.filter((kind) => kind.checked).map((kind) => kind.value));
    let count = 0;
    rows.forEach((row, place) => {
      const there = wanted.has(row.className) && words.every((word) => texts[place].includes(word));
      row.hidden = !there;
      count += there;
    });
    document.querySelector("#found").textContent = count === rows.length ? "" : `${count} of ${rows.length} rows`;
  };
  find.addEventListener("input", filter);
  kinds.forEach((kind) => kind.addEventListener("change", filter));
  find.form.addEventListener("submit", (event) => event.preventDefault());
  filter();

  const bar = document.querySelector(".picked");
  const picks = [...document.querySelectorAll(".pick")];
  let picked = [];
  const show = () => {
    bar.hidden = !picked.length;
    bar.querySelector("[role=status]").textContent = picked.length === 2 ? "2 rows picked" : "1 row picked; pick another";
    const link = bar.querySelector("a");
    link.hidden = picked.length !== 2;
    link.href = `compare.html#${picked.map((box) => box.value).join("&")}`;
  };
  const pick = (box) => {
    picked = box.checked ? [...picked, box] : picked.filter((one) => one !== box);
    // rows of another table answer another question
    const alike = (one) => one.closest("table") === box.closest("table");
    const kept = picked.filter(alike).slice(-2);
    picked.filter((one) => !kept.includes(one)).forEach((one) => { one.checked = false; });
    picked = kept;
    show();
  };
  picks.forEach((box) => box.addEventListener("change", () => pick(box)));
  picks.filter((box) => box.checked).forEach(pick);
  bar.querySelector("button").addEventListener("click", () => {
    picked.forEach((box) => { box.checked = false; });
    picked = [];
    show();
  });
}

// The page of a row: where it stands, which changes with other rows.
function gridkitStandings(boards) {
  const key = document.querySelector("[data-key]")?.dataset.key;
  for (const board of boards) {
    const row = board.rows.find((one) => one.key === key);
    if (!row) continue;
    const line = document.querySelector("#rank");
    if (row.rank) line.textContent = `Rank ${row.rank} of ${board.ranked} reproduced rows`;
    else if (row.wide) line.textContent = `Rank ${row.wide} of ${board.wide} when rescored rows are ranked too`;
    else line.textContent = "Not ranked";
  }
}
