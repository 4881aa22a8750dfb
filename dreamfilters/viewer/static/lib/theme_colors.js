// @ts-check
// The page's colors as a canvas needs them, read from the style sheet, and the switch between light and dark.
import { useEffect, useState } from "./html.js";

/** @typedef {{ font: string, ground: string, raised: string, line: string, ink: string, soft: string, accent: string,
 *   bad: string, bars: string, real: string }} ThemeColors */

const VARIABLES = /** @type {const} */ (["ground", "raised", "line", "ink", "soft", "accent", "bad", "bars", "real"]);

/** @returns {ThemeColors} */
function read() {
  const probe = document.createElement("span");
  document.body.append(probe);
  const colors = /** @type {ThemeColors} */ ({ font: getComputedStyle(document.body).fontFamily });
  for (const name of VARIABLES) {
    probe.style.color = `var(--${name})`;
    colors[name] = getComputedStyle(probe).color;
  }
  probe.remove();
  return colors;
}

/** @type {ThemeColors | undefined} */
let current;

/** Return the present colors. */
export const themeColors = () => (current ??= read());

/** Return the present colors in a view, which is rendered again when they change. */
export function useThemeColors() {
  const [, setChanges] = useState(0);
  useEffect(() => {
    const update = () => {
      current = read();
      setChanges((changes) => changes + 1);
    };
    const system = matchMedia("(prefers-color-scheme: dark)");
    system.addEventListener("change", update);
    addEventListener("themechange", update);
    return () => {
      system.removeEventListener("change", update);
      removeEventListener("themechange", update);
    };
  }, []);
  return themeColors();
}

/** Switch between light and dark. */
export function toggleTheme() {
  const root = document.documentElement;
  const systemTheme = matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
  root.dataset.theme = (root.dataset.theme ?? systemTheme) === "dark" ? "light" : "dark";
  try {
    localStorage.setItem("theme", root.dataset.theme);
  } catch {
    // Storage is disabled: the choice lasts until the page is closed.
  }
  dispatchEvent(new Event("themechange"));
}
