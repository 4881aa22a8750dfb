import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";

import { applyDream, applyImage, applyJob, applyState } from "../../../dreamfilters/viewer/static/state/events.js";
import { fetchResource } from "../../../dreamfilters/viewer/static/state/resources.js";
import { app } from "../../../dreamfilters/viewer/static/state/store.js";

const empty = app.get();
const dream = (phase, more = {}) => ({ id: "D0", layer: "L1", unit: 2, phase, ...more });
const FORM = { text: "8x8 RGB, 0 to 1", interval: "[0, 1]" };
const networkOf = (more = {}) => ({ name: "signs", fingerprint: "f", form: FORM, classes: ["a", "b"], ...more });
const stateOf = (more = {}) => ({ phase: "ready", note: "", network: networkOf(), ...more });

beforeEach(() => app.set(empty));

test("an equal network stays the same object", () => {
  applyState(stateOf());
  const { network } = app.get();
  applyState(stateOf({ note: "restarted" }));
  assert.equal(app.get().network, network);
  assert.equal(app.get().note, "restarted");
  applyState(stateOf({ network: networkOf({ fingerprint: "g" }) }));
  assert.equal(app.get().network.fingerprint, "g");
});

test("another input form or class order drops the dreams and fetches everything again", async () => {
  const others = [networkOf({ form: { ...FORM, text: "8x8 RGB, 0 to 255" } }), networkOf({ classes: ["b", "a"] })];
  let reads = 0;
  applyState(stateOf());
  for (const network of others) {
    applyDream(dream("done"));
    await fetchResource("api/maps/L0/I0", async () => (reads += 1));
    applyState(stateOf());
    assert.deepEqual(Object.keys(app.get().dreams), ["D0"]);
    applyState(stateOf({ network }));
    assert.deepEqual(app.get().dreams, {});
    assert.equal(app.get().network, network);
    await fetchResource("api/maps/L0/I0", async () => (reads += 1));
    applyState(stateOf());
  }
  assert.equal(reads, 4);
});

test("images and evidence that a state does not have are kept", () => {
  applyState(stateOf({ images: [{ id: "I0" }], evidence: { phase: "running", done: 1, total: 2, note: "" } }));
  applyState(stateOf());
  assert.deepEqual(app.get().images, [{ id: "I0" }]);
  assert.equal(app.get().evidence.done, 1);
});

test("an image is added once and then replaced", () => {
  applyImage({ id: "I0", version: 0 });
  applyImage({ id: "I1", version: 0 });
  applyImage({ id: "I0", version: 1 });
  assert.deepEqual(app.get().images, [{ id: "I0", version: 1 }, { id: "I1", version: 0 }]);
});

test("a dream that ends is counted once", () => {
  applyDream(dream("running", { step: 1 }));
  applyDream(dream("running", { step: 2 }));
  assert.equal(app.get().endedDreams, 0);
  applyDream(dream("done"));
  applyDream(dream("done"));
  assert.equal(app.get().endedDreams, 1);
  applyDream(dream("cancelled", { id: "D1" }));
  assert.equal(app.get().endedDreams, 2);
});

test("the version of a layer's sheet changes only with its own dreams", () => {
  applyDream(dream("done"));
  applyDream(dream("running", { id: "D1", layer: "L7" }));
  assert.deepEqual(app.get().dreamVersions, { L1: 1 });
  applyDream(dream("done", { id: "D1", layer: "L7" }));
  assert.deepEqual(app.get().dreamVersions, { L1: 1, L7: 2 });
});

test("a job replaces what was known of it, and a state has all jobs", () => {
  applyJob({ id: "J0", phase: "running" });
  applyJob({ id: "J1", phase: "queued" });
  applyJob({ id: "J0", phase: "done" });
  assert.deepEqual(app.get().jobs, { J0: { id: "J0", phase: "done" }, J1: { id: "J1", phase: "queued" } });
  applyState(stateOf({ jobs: [{ id: "J2" }] }));
  assert.deepEqual(app.get().jobs, { J2: { id: "J2" } });
});

test("the facts of a unit are fetched again when its dream has ended", async () => {
  let reads = 0;
  const read = async () => (reads += 1);
  applyDream(dream("running"));
  await fetchResource("api/units/L1/2", read);
  await fetchResource("api/units/L1/3", read);
  applyDream(dream("done"));
  await fetchResource("api/units/L1/2", read);
  await fetchResource("api/units/L1/3", read);
  assert.equal(reads, 3);
});
