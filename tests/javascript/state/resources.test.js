import assert from "node:assert/strict";
import test from "node:test";

import { fetchResource, forget, loaded, provide, refresh } from "../../../dreamfilters/viewer/static/state/resources.js";

const MEBIBYTE = 2 ** 20;

function counted(valueOf) {
  const read = (address) => {
    read.calls.push(address);
    return valueOf(address);
  };
  read.calls = [];
  return read;
}

test("a value is fetched once, also when it is requested twice at the same time", async () => {
  const read = counted(async (address) => address.toUpperCase());
  assert.deepEqual(await Promise.all([fetchResource("a", read), fetchResource("a", read)]), ["A", "A"]);
  assert.equal(await fetchResource("a", read), "A");
  assert.deepEqual(read.calls, ["a"]);
});

test("a failure is thrown, and the next request tries again", async () => {
  let failing = true;
  const read = counted(async () => {
    if (failing) throw new Error("503");
    return 1;
  });
  await assert.rejects(fetchResource("failing", read), /503/);
  failing = false;
  assert.equal(await fetchResource("failing", read), 1);
  assert.equal(read.calls.length, 2);
});

test("refreshed addresses that no view shows are dropped, the others are kept", async () => {
  const read = counted(async () => 1);
  await fetchResource("api/units/1", read);
  await fetchResource("api/maps/1", read);
  refresh((address) => address.startsWith("api/units/"));
  await fetchResource("api/units/1", read);
  await fetchResource("api/maps/1", read);
  assert.deepEqual(read.calls, ["api/units/1", "api/maps/1", "api/units/1"]);
});

test("beyond 96 MiB the least recently used value is dropped", async () => {
  const read = counted(async () => ({ bytes: { byteLength: 40 * MEBIBYTE } }));
  await fetchResource("one", read);
  await fetchResource("two", read);
  await fetchResource("one", read); // used again, so "two" is the oldest
  await fetchResource("three", read);
  await fetchResource("one", read);
  await fetchResource("three", read);
  assert.deepEqual(read.calls, ["one", "two", "three"]);
  await fetchResource("two", read);
  assert.deepEqual(read.calls, ["one", "two", "three", "two"]);
});

test("a provided value is not fetched, and replaces one that is on its way", async () => {
  let arrive;
  const read = counted(() => new Promise((resolve) => (arrive = resolve)));
  const waiting = fetchResource("live", read);
  provide("live", "newer");
  arrive("older");
  await waiting;
  assert.equal(await fetchResource("live", read), "newer");
  provide("other", 5);
  assert.equal(await fetchResource("other", read), 5);
  assert.deepEqual(read.calls, ["live"]);
});

test("forgotten addresses are fetched again", async () => {
  const read = counted(async () => 1);
  await fetchResource("frame?v=1", read);
  await fetchResource("frame?v=2", read);
  forget((address) => address.endsWith("v=1"));
  await fetchResource("frame?v=1", read);
  await fetchResource("frame?v=2", read);
  assert.deepEqual(read.calls, ["frame?v=1", "frame?v=2", "frame?v=1"]);
});

test("what matches is awaited until it has arrived or failed", async () => {
  const order = [];
  const slow = (address, failing) => async () => {
    await new Promise((resolve) => setTimeout(resolve, 5));
    order.push(address);
    if (failing) throw new Error("503");
  };
  fetchResource("map/a", slow("a", false));
  fetchResource("map/b", slow("b", true)).catch(() => order.push("failed"));
  fetchResource("other", () => new Promise(() => {}));
  await loaded((address) => address.startsWith("map/"));
  assert.deepEqual(order.slice(0, 2), ["a", "b"]);
});
