"use strict";
// Search and keyboard shortcuts; the page works without them.
(() => {
  const units = JSON.parse(document.getElementById("data").textContent);
  const search = document.getElementById("search");
  const found = document.getElementById("found");
  const nothing = document.getElementById("nothing");
  const help = document.getElementById("help");
  const index = new Map([...document.querySelectorAll("[data-unit]")].map((link) => [link.dataset.unit, link]));
  const parts = units.map(({ id, words }) => ({ words, article: document.getElementById(id), link: index.get(id) }));
  let visible = parts;

  function filter() {
    const query = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    visible = parts.filter(({ words }) => query.every((word) => words.includes(word)));
    const shown = new Set(visible);
    for (const part of parts) {
      part.article.hidden = part.link.hidden = !shown.has(part);
    }
    nothing.hidden = visible.length > 0;
    found.textContent = query.length ? `${visible.length} of ${parts.length}` : "";
  }

  function go(part) {
    location.replace(`#${part.article.id}`);
    part.article.focus({ preventScroll: true });
  }

  // The current unit: the last one that begins above the upper third of the window.
  function current() {
    const line = innerHeight / 3;
    return visible.findLastIndex(({ article }) => article.getBoundingClientRect().top < line);
  }

  function step(by) {
    const next = Math.min(Math.max(current() + by, 0), visible.length - 1);
    if (visible.length) go(visible[next]);
  }

  const steps = { j: 1, ArrowRight: 1, k: -1, ArrowLeft: -1 };

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing || help.open) return;
    if (event.target === search) {
      if (event.key === "Enter" && visible.length) {
        search.blur();
        go(visible[0]);
      } else if (event.key === "Escape") {
        search.value = "";
        filter();
        search.blur();
      }
      return;
    }
    if (event.key in steps) step(steps[event.key]);
    else if (event.key === "/") search.focus();
    else if (event.key === "?") help.showModal();
    else if (event.key === "Escape" && search.value) {
      search.value = "";
      filter();
    } else return;
    event.preventDefault();
  });
  search.addEventListener("input", filter);
  document.getElementById("help-button").addEventListener("click", () => help.showModal());
  help.addEventListener("click", (event) => {
    if (event.target === help) help.close(); // a click outside the box
  });
  filter(); // the browser restores the search text on going back
  document.documentElement.dataset.ready = "yes";
})();
