"use strict";
// The page works without this: it steps through the units, searches them and shows the keys.
(() => {
  const units = JSON.parse(document.getElementById("data").textContent);
  const search = document.getElementById("search");
  const found = document.getElementById("found");
  const nothing = document.getElementById("nothing");
  const help = document.getElementById("help");
  const index = new Map([...document.querySelectorAll("[data-unit]")].map((link) => [link.dataset.unit, link]));
  const parts = units.map(({ id, words }) => ({ words, article: document.getElementById(id), link: index.get(id) }));
  let kept = parts;

  function sift() {
    const wanted = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    kept = parts.filter(({ words }) => wanted.every((word) => words.includes(word)));
    const shown = new Set(kept);
    for (const part of parts) {
      part.article.hidden = part.link.hidden = !shown.has(part);
    }
    nothing.hidden = kept.length > 0;
    found.textContent = wanted.length ? `${kept.length} of ${parts.length}` : "";
  }

  function go(part) {
    location.replace(`#${part.article.id}`);
    part.article.focus({ preventScroll: true });
  }

  // The unit at the top of the window: the last one that begins above its upper third.
  function here() {
    const line = innerHeight / 3;
    return kept.findLastIndex(({ article }) => article.getBoundingClientRect().top < line);
  }

  function step(by) {
    const next = Math.min(Math.max(here() + by, 0), kept.length - 1);
    if (kept.length) go(kept[next]);
  }

  const steps = { j: 1, ArrowRight: 1, k: -1, ArrowLeft: -1 };

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing || help.open) return;
    if (event.target === search) {
      if (event.key === "Enter" && kept.length) {
        search.blur();
        go(kept[0]);
      } else if (event.key === "Escape") {
        search.value = "";
        sift();
        search.blur();
      }
      return;
    }
    if (event.key in steps) step(steps[event.key]);
    else if (event.key === "/") search.focus();
    else if (event.key === "?") help.showModal();
    else if (event.key === "Escape" && search.value) {
      search.value = "";
      sift();
    } else return;
    event.preventDefault();
  });
  search.addEventListener("input", sift);
  document.getElementById("help-button").addEventListener("click", () => help.showModal());
  help.addEventListener("click", (event) => {
    if (event.target === help) help.close(); // beside the box
  });
  sift(); // a browser that goes back fills the search again
  document.documentElement.dataset.ready = "yes";
})();
