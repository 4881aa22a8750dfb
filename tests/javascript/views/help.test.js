import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import test from "node:test";

import { SHORTCUTS } from "../../../dreamfilters/viewer/static/views/help.js";

const VIEWS = new URL("../../../dreamfilters/viewer/static/views/", import.meta.url).pathname;
const SHOWN_AS = {
  ArrowLeft: "←", ArrowRight: "→", ArrowUp: "↑", ArrowDown: "↓", Escape: "Esc", PageUp: "PgUp", PageDown: "PgDn",
  "-": "−", "=": "+",
};

/** The keys that the views handle: those of the objects that they give to `useKeys`. */
function handledKeys() {
  const found = new Set();
  for (const name of readdirSync(VIEWS, { recursive: true }).filter((each) => each.endsWith(".js"))) {
    const text = readFileSync(join(VIEWS, name), "utf8");
    for (const [, block] of text.matchAll(/useKeys\(\{(.*?)\}\);/gs)) {
      for (const [, quoted, plain] of block.matchAll(/(?:^|[\n{,])\s*(?:\.\.\.\{ )?(?:"([^"]+)"|([A-Za-z]+)):/g)) {
        const key = quoted ?? plain;
        if (key.length === 1 || key in SHOWN_AS || ["Enter", "Home", "End"].includes(key)) found.add(key);
      }
    }
  }
  return found;
}

test("the help lists every key", () => {
  const listed = new Set(SHORTCUTS.flatMap(([, rows]) => rows.flatMap(([keys]) => keys.split(" "))));
  const handled = handledKeys();
  for (const key of ["f", "b", "z", "u", "g", "H", "Escape", "?"]) assert.ok(handled.has(key), `${key} was not found`);
  for (const key of handled) assert.ok(listed.has(SHOWN_AS[key] ?? key), `${key} is not in the help`);
});
