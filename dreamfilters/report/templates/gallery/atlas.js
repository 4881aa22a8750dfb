"use strict";
// Search, filters and keyboard shortcuts; the page works without them.
(() => {
  const facts = JSON.parse(document.getElementById("data").textContent);
  const tiles = [...document.querySelectorAll(".tile")];
  const parts = tiles.map((tile, number) => ({ tile, ...facts[number] }));
  const layers = [...document.querySelectorAll(".layer-section")];
  const buttons = [...document.querySelectorAll("[data-kind]")];
  const search = document.getElementById("search");
  const found = document.getElementById("found");
  const nothing = document.getElementById("nothing");
  const help = document.getElementById("help");
  let visible = tiles;

  // A tile is visible if it matches one of the pressed buttons and every word of the search.
  function filter() {
    const query = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    const kinds = buttons.filter((one) => one.ariaPressed === "true").map((one) => one.dataset.kind);
    const matches = ({ words, kind, loses }) =>
      (!kinds.length || kinds.includes(kind) || (loses && kinds.includes("loses"))) &&
      query.every((word) => words.includes(word));
    visible = [];
    for (const part of parts) {
      const shown = matches(part);
      part.tile.hidden = !shown;
      if (shown) visible.push(part.tile);
    }
    const open = new Set(visible.map((tile) => tile.closest(".layer-section")));
    for (const layer of layers) layer.hidden = !open.has(layer);
    nothing.hidden = visible.length > 0;
    found.textContent = query.length || kinds.length ? `${visible.length} of ${parts.length}` : "";
  }

  function showAll() {
    search.value = "";
    for (const button of buttons) button.ariaPressed = "false";
    filter();
  }

  // The nearest tile in the row above or below.
  function nearest(tile, down) {
    const { left, top } = tile.getBoundingClientRect();
    const rows = visible.map((one) => ({ one, box: one.getBoundingClientRect() }));
    const others = rows.filter(({ box }) => (down ? box.top > top + 1 : box.top < top - 1));
    const next = others.reduce((best, { box }) => (down ? Math.min(best, box.top) : Math.max(best, box.top)), down ? Infinity : -Infinity);
    const row = others.filter(({ box }) => Math.abs(box.top - next) < 2);
    row.sort((a, b) => Math.abs(a.box.left - left) - Math.abs(b.box.left - left));
    return row[0]?.one;
  }

  function step(key) {
    const here = visible.indexOf(document.activeElement);
    if (here < 0) return visible.find((tile) => tile.getBoundingClientRect().top > 0) ?? visible[0];
    if (key === "ArrowRight" || key === "j") return visible[here + 1];
    if (key === "ArrowLeft" || key === "k") return visible[here - 1];
    return nearest(visible[here], key === "ArrowDown");
  }

  const steps = new Set(["ArrowRight", "ArrowLeft", "ArrowUp", "ArrowDown", "j", "k"]);

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing || help.open) return;
    if (event.target === search) {
      if (event.key === "Enter" && visible.length) visible[0].focus();
      else if (event.key === "Escape") {
        showAll();
        search.blur();
      }
      return;
    }
    if (steps.has(event.key)) step(event.key)?.focus();
    else if (event.key === "/") search.focus();
    else if (event.key === "?") help.showModal();
    else if (event.key === "Escape") showAll();
    else return;
    event.preventDefault();
  });
  search.addEventListener("input", filter);
  for (const button of buttons) {
    button.addEventListener("click", () => {
      button.ariaPressed = button.ariaPressed === "true" ? "false" : "true";
      filter();
    });
  }
  document.getElementById("help-button").addEventListener("click", () => help.showModal());
  help.addEventListener("click", (event) => {
    if (event.target === help) help.close(); // a click outside the box
  });
  filter(); // the browser restores the search text on going back
  document.documentElement.dataset.ready = "yes";
})();
