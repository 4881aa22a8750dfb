"use strict";
// The page works without this: it steps through the tiles, searches and sifts them, and shows the keys.
(() => {
  const facts = JSON.parse(document.getElementById("data").textContent);
  const tiles = [...document.querySelectorAll(".tile")];
  const parts = tiles.map((tile, place) => ({ tile, ...facts[place] }));
  const sheets = [...document.querySelectorAll(".sheet")];
  const buttons = [...document.querySelectorAll("[data-kind]")];
  const search = document.getElementById("search");
  const found = document.getElementById("found");
  const nothing = document.getElementById("nothing");
  const help = document.getElementById("help");
  let kept = tiles;

  // Of the buttons that are pressed one has to fit, and every word of the search.
  function sift() {
    const wanted = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    const kinds = buttons.filter((one) => one.ariaPressed === "true").map((one) => one.dataset.kind);
    const fits = ({ words, kind, loses }) =>
      (!kinds.length || kinds.includes(kind) || (loses && kinds.includes("loses"))) &&
      wanted.every((word) => words.includes(word));
    kept = [];
    for (const part of parts) {
      const shown = fits(part);
      part.tile.hidden = !shown;
      if (shown) kept.push(part.tile);
    }
    const open = new Set(kept.map((tile) => tile.closest(".sheet")));
    for (const sheet of sheets) sheet.hidden = !open.has(sheet);
    nothing.hidden = kept.length > 0;
    found.textContent = wanted.length || kinds.length ? `${kept.length} of ${parts.length}` : "";
  }

  function showAll() {
    search.value = "";
    for (const button of buttons) button.ariaPressed = "false";
    sift();
  }

  // The tile in the row above or below that lies nearest.
  function beyond(tile, down) {
    const { left, top } = tile.getBoundingClientRect();
    const rows = kept.map((one) => ({ one, box: one.getBoundingClientRect() }));
    const others = rows.filter(({ box }) => (down ? box.top > top + 1 : box.top < top - 1));
    const next = others.reduce((best, { box }) => (down ? Math.min(best, box.top) : Math.max(best, box.top)), down ? Infinity : -Infinity);
    const row = others.filter(({ box }) => Math.abs(box.top - next) < 2);
    row.sort((a, b) => Math.abs(a.box.left - left) - Math.abs(b.box.left - left));
    return row[0]?.one;
  }

  function step(key) {
    const here = kept.indexOf(document.activeElement);
    if (here < 0) return kept.find((tile) => tile.getBoundingClientRect().top > 0) ?? kept[0];
    if (key === "ArrowRight" || key === "j") return kept[here + 1];
    if (key === "ArrowLeft" || key === "k") return kept[here - 1];
    return beyond(kept[here], key === "ArrowDown");
  }

  const steps = new Set(["ArrowRight", "ArrowLeft", "ArrowUp", "ArrowDown", "j", "k"]);

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing || help.open) return;
    if (event.target === search) {
      if (event.key === "Enter" && kept.length) kept[0].focus();
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
  search.addEventListener("input", sift);
  for (const button of buttons) {
    button.addEventListener("click", () => {
      button.ariaPressed = button.ariaPressed === "true" ? "false" : "true";
      sift();
    });
  }
  document.getElementById("help-button").addEventListener("click", () => help.showModal());
  help.addEventListener("click", (event) => {
    if (event.target === help) help.close(); // beside the box
  });
  sift(); // a browser that goes back fills the search again
  document.documentElement.dataset.ready = "yes";
})();
