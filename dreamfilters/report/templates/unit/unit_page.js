"use strict";
// Keyboard shortcuts for the links to other units; the page works without them.
(() => {
  const links = { j: "next", ArrowRight: "next", k: "prev", ArrowLeft: "prev", u: "up", Escape: "up" };
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.shiftKey || event.isComposing) return;
    const link = document.querySelector(`a[rel="${links[event.key] ?? "none"}"]`);
    if (!link) return;
    event.preventDefault();
    location.href = link.href;
  });
  document.documentElement.dataset.ready = "yes";
})();
