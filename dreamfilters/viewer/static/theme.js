// @ts-check
"use strict";
// Runs before the first paint: apply the stored theme. Without one the page follows the system.
try {
  const theme = localStorage.getItem("theme");
  if (theme) document.documentElement.dataset.theme = theme;
} catch {
  // Storage is disabled.
}
