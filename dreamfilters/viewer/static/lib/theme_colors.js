// The page's colors as a canvas needs them: read from the style sheet, anew when light turns to dark.
import { useEffect, useState } from "./html.js";

const NAMES = ["ground", "raised", "line", "ink", "soft", "accent", "bad", "bars", "real"];

function read() {
  const probe = document.createElement("span");
  document.body.append(probe);
  const found = { font: getComputedStyle(document.body).fontFamily };
  for (const name of NAMES) {
    probe.style.color = `var(--${name})`;
    found[name] = getComputedStyle(probe).color;
  }
  probe.remove();
  return found;
}

let present;

/** The colors now, outside of a view. */
export const look = () => (present ??= read());

/** The colors, in a view that is drawn again when they turn. */
export function useLook() {
  const [, draw] = useState(0);
  useEffect(() => {
    const turn = () => {
      present = read();
      draw((count) => count + 1);
    };
    const system = matchMedia("(prefers-color-scheme: dark)");
    system.addEventListener("change", turn);
    addEventListener("themechange", turn);
    return () => {
      system.removeEventListener("change", turn);
      removeEventListener("themechange", turn);
    };
  }, []);
  return look();
}
