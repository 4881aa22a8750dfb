import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";

import { handleKey, registerKeys } from "../../../dreamfilters/viewer/static/lib/keys.js";

let dialog;

beforeEach(() => {
  dialog = null;
  globalThis.document = { querySelector: (selector) => (selector === "dialog[open]" ? dialog : null) };
});

const keyEvent = (key, more = {}) => ({
  key,
  target: { matches: () => false },
  defaultPrevented: false,
  preventDefault() {
    this.defaultPrevented = true;
  },
  ...more,
});
const targetOf = (tag) => {
  const matches = (selector) => selector.split(/[,:(]/).some((part) => part.trim() === tag);
  return { target: { matches } };
};

test("the newest view that has a key handles it", () => {
  const calls = [];
  const removePage = registerKeys({ current: { d: () => calls.push("page d"), n: () => calls.push("page n") } });
  const removeGrid = registerKeys({ current: { d: () => calls.push("grid d") } });
  const event = keyEvent("d");
  handleKey(event);
  assert.equal(event.defaultPrevented, true);
  handleKey(keyEvent("n"));
  removeGrid();
  handleKey(keyEvent("d"));
  removePage();
  const unhandled = keyEvent("d");
  handleKey(unhandled);
  assert.equal(unhandled.defaultPrevented, false);
  assert.deepEqual(calls, ["grid d", "page n", "page d"]);
});

test("handlers are those of the last render", () => {
  const calls = [];
  const latest = { current: { d: () => calls.push("old") } };
  const remove = registerKeys(latest);
  latest.current = { d: () => calls.push("new") };
  handleKey(keyEvent("d"));
  remove();
  assert.deepEqual(calls, ["new"]);
});

test("text fields, pressed controls, open dialogs and the browser's shortcuts receive their own keys", () => {
  let calls = 0;
  const count = () => (calls += 1);
  const remove = registerKeys({ current: { d: count, Enter: count } });
  for (const modifier of ["ctrlKey", "metaKey", "altKey", "isComposing", "defaultPrevented"]) {
    handleKey(keyEvent("d", { [modifier]: true }));
  }
  handleKey(keyEvent("d", targetOf("input")));
  handleKey(keyEvent("d", targetOf("select")));
  handleKey(keyEvent("Enter", targetOf("button")));
  dialog = {};
  handleKey(keyEvent("d"));
  assert.equal(calls, 0);
  dialog = null;
  handleKey(keyEvent("d", targetOf("button"))); // a letter is no press
  assert.equal(calls, 1);
  remove();
});

test("names of an object's own methods are not keys", () => {
  const remove = registerKeys({ current: {} });
  const event = keyEvent("toString");
  handleKey(event);
  assert.equal(event.defaultPrevented, false);
  remove();
});
