// Tables sort by the column whose head is pressed: numbers by value, words by letters, empty cells last.
"use strict";
for (const table of document.querySelectorAll("table")) {
  const body = table.tBodies[0];
  const heads = [...table.tHead.rows[0].cells];
  heads.forEach((head, column) => {
    head.firstElementChild.addEventListener("click", () => {
      const up = head.getAttribute("aria-sort") !== "ascending";
      heads.forEach((other) => other.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", up ? "ascending" : "descending");
      const value = (row) => {
        const text = row.cells[column].textContent.trim();
        const number = /^[+\-]?[\d.]/.test(text) ? parseFloat(text) : NaN;
        return { text, number };
      };
      const rows = [...body.rows].map((row) => ({ row, ...value(row) }));
      rows.sort((a, b) => {
        if (!a.text || !b.text) return (a.text ? 0 : 1) - (b.text ? 0 : 1);
        const numbers = !Number.isNaN(a.number) && !Number.isNaN(b.number);
        const order = numbers ? a.number - b.number : a.text.localeCompare(b.text);
        return up ? order : -order;
      });
      body.append(...rows.map((entry) => entry.row));
    });
  });
}

// Plots and pictures tell the value under the pointer.
const tip = document.getElementById("tip");
function tell(event, text) {
  tip.hidden = !text;
  if (!text) return;
  tip.textContent = text;
  const { innerWidth: width, innerHeight: height } = window;
  const left = event.clientX + 14 + tip.offsetWidth > width ? event.clientX - 14 - tip.offsetWidth : event.clientX + 14;
  const top = event.clientY + 16 + tip.offsetHeight > height ? event.clientY - 12 - tip.offsetHeight : event.clientY + 16;
  tip.style.left = Math.max(4, left) + "px";
  tip.style.top = Math.max(4, top) + "px";
}
function watch(element, words) {
  for (const kind of ["pointermove", "pointerdown"]) {
    element.addEventListener(kind, (event) => tell(event, words(event)));
  }
  element.addEventListener("pointerleave", (event) => tell(event, ""));
}
for (const figure of document.querySelectorAll("figure.plot")) {
  const svg = figure.querySelector("svg");
  const spots = JSON.parse(figure.querySelector("script").textContent);
  watch(svg, (event) => {
    const box = svg.getBoundingClientRect();
    const scale = svg.viewBox.baseVal.width / box.width;
    const x = (event.clientX - box.left) * scale;
    const y = (event.clientY - box.top) * scale;
    const inside = spots.find((s) => s.w && x >= s.x && x < s.x + s.w && y >= s.y && y < s.y + s.h);
    if (inside) return inside.t;
    let best = null, least = 18 * 18;
    for (const s of spots) {
      const far = s.w ? Infinity : (s.x - x) ** 2 + (s.y - y) ** 2;
      if (far < least) [best, least] = [s, far];
    }
    return best ? best.t : "";
  });
}
for (const figure of document.querySelectorAll("figure.picture")) {
  const data = figure.querySelector("script");
  if (!data) continue;
  const grid = JSON.parse(data.textContent);
  const bytes = Uint8Array.from(atob(grid.values), (c) => c.charCodeAt(0));
  const values = new DataView(bytes.buffer);
  const image = figure.querySelector("img");
  watch(image, (event) => {
    const box = image.getBoundingClientRect();
    const pick = (share, count) => Math.min(count - 1, Math.max(0, Math.floor(share * count)));
    const column = pick((event.clientX - box.left) / box.width, grid.columns);
    const row = pick((event.clientY - box.top) / box.height, grid.rows);
    return (grid.step * values.getInt16(2 * (row * grid.columns + column), true)).toFixed(2) + " " + grid.unit;
  });
}
document.documentElement.dataset.ready = "yes";
