import assert from "node:assert/strict";
import test from "node:test";

import { app, createStore, showMessage } from "../../../dreamfilters/viewer/static/state/store.js";

test("a change is merged into new values, and unchanged parts stay the same objects", () => {
  const images = [];
  const store = createStore({ images, phase: "starting" });
  const before = store.get();
  store.set({ phase: "ready" });
  assert.deepEqual(store.get(), { images: [], phase: "ready" });
  assert.equal(before.phase, "starting");
  assert.equal(store.get().images, images);
});

test("a listener hears every change until it is removed", () => {
  const store = createStore({ count: 0 });
  const heard = [];
  const stop = store.watch(() => heard.push(store.get().count));
  store.set({ count: 1 });
  store.set({ count: 2 });
  stop();
  store.set({ count: 3 });
  assert.deepEqual(heard, [1, 2]);
});

test("listeners may be added and removed while listeners are called, for the next change", () => {
  const store = createStore({ count: 0 });
  const heard = [];
  const stop = store.watch(() => {
    stop();
    store.watch(() => heard.push(store.get().count));
  });
  store.set({ count: 1 });
  assert.deepEqual(heard, []);
  store.set({ count: 2 });
  assert.deepEqual(heard, [2]);
});

test("a message disappears after some seconds, and a newer message stays for its own time", (context) => {
  context.mock.timers.enable({ apis: ["setTimeout"] });
  showMessage("Copied the link.");
  context.mock.timers.tick(3000);
  showMessage("conv9: no such layer", true);
  context.mock.timers.tick(7999);
  assert.deepEqual(app.get().message, { text: "conv9: no such layer", bad: true });
  context.mock.timers.tick(1);
  assert.equal(app.get().message, null);
});
