import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import test from "node:test";
import { fileURLToPath } from "node:url";

const ROOT = join(dirname(fileURLToPath(import.meta.url)), "../..");
const STATIC = join(ROOT, "dreamfilters/viewer/static");
const modules = readdirSync(STATIC, { recursive: true })
  .filter((name) => name.endsWith(".js") && !name.startsWith("vendor"))
  .map((name) => [name, readFileSync(join(STATIC, name), "utf8")]);

test("every module is checked by the compiler and states its idea", () => {
  assert.ok(modules.length > 30);
  for (const [name, text] of modules) {
    const lines = text.split("\n");
    assert.equal(lines[0], "// @ts-check", name);
    assert.match(text, /^\/\/ @ts-check\n(?:"use strict";\n)?\/\/ [A-Z]/, name);
    assert.ok(!/@ts-(ignore|nocheck|expect-error)/.test(text), name);
  }
});

test("state does not import views, and lib imports neither", () => {
  const floors = ["vendor", "lib", "state", "views"];
  for (const [name, text] of modules) {
    const floor = floors.indexOf(name.split("/")[0]);
    if (floor < 0) continue; // main.js and theme.js
    for (const [, target] of text.matchAll(/^(?:import|export)[^;]*?from "([^"]+)";/gms)) {
      const imported = relative(STATIC, join(STATIC, dirname(name), target));
      assert.ok(floors.indexOf(imported.split("/")[0]) <= floor, `${name} imports ${imported}`);
    }
  }
});

test("the lock file names no registry", () => {
  const lock = readFileSync(join(ROOT, "package-lock.json"), "utf8");
  assert.ok(!lock.includes('"resolved"'));
  assert.ok(!/https?:\/\/[^"]*\.tgz/.test(lock));
});
