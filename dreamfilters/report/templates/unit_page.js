"use strict";
// The page works without this: it follows the links to the neighbors by keys.
(() => {
  const ways = { j: "next", ArrowRight: "next", k: "prev", ArrowLeft: "prev", u: "up", Escape: "up" };
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.shiftKey || event.isComposing) return;
    const link = document.querySelector(`a[rel="${ways[event.key] ?? "none"}"]`);
    if (!link) return;
    event.preventDefault();
    location.href = link.href;
  });
  document.documentElement.dataset.ready = "yes";
})();
