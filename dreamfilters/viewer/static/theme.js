"use strict";
// Before the first paint: light or dark as the person chose last, else as the system has it.
(() => {
  try {
    const chosen = localStorage.getItem("theme");
    if (chosen) document.documentElement.dataset.theme = chosen;
  } catch {
    // A browser that stores nothing follows the system.
  }
})();
