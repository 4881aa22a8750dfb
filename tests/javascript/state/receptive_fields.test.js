import assert from "node:assert/strict";
import test from "node:test";

import {
  fetchFieldGeometry,
  fieldAxis,
  fieldCenter,
  positionAt,
  receptiveField,
} from "../../../dreamfilters/viewer/static/state/receptive_fields.js";

// Four positions on 8 pixels: fields of 4 pixels, stride 2. The first field begins one pixel before the image.
const axis = fieldAxis(3 / 8, 5 / 8, 4 / 8, 4);
const geometry = { rows: axis, columns: axis };

test("the inner ends of the clipped fields give center and step", () => {
  assert.deepEqual(axis, { first: 1 / 8, step: 2 / 8, size: 4 / 8, count: 4 });
});

test("a field is clipped to the image", () => {
  assert.deepEqual(receptiveField(geometry, 0, 3), [0, 5 / 8, 3 / 8, 1]);
  assert.deepEqual(receptiveField(geometry, 1, 2), [1 / 8, 3 / 8, 5 / 8, 7 / 8]);
});

test("the center of a field and the position of a point are inverse", () => {
  for (const [row, column] of [[0, 0], [1, 2], [3, 3]]) {
    assert.deepEqual(positionAt(geometry, ...fieldCenter(geometry, row, column)), [row, column]);
  }
  assert.deepEqual(positionAt(geometry, -1, 9), [0, 3]);
});

test("positions that see the whole image are spread evenly", () => {
  assert.deepEqual(fieldAxis(1, 0, 2, 4), { first: 1 / 8, step: 1 / 4, size: 2, count: 4 });
  assert.deepEqual(fieldAxis(0.5, 0.5, 0.5, 1), { first: 0.5, step: 1, size: 0.5, count: 1 });
});

test("the geometry is that of the fields of the first and the last position", async () => {
  const boxes = { "row=0&column=0": [0, 0, 3 / 8, 3 / 8], "row=3&column=3": [5 / 8, 5 / 8, 1, 1] };
  globalThis.fetch = async (address) => ({
    ok: true,
    json: async () => ({ box: boxes[address.replace("api/receptive-fields/L0?", "")] }),
  });
  const layer = { id: "L0", display: "maps", receptive_field: { size: [4, 4], stride: [2, 2] } };
  assert.deepEqual(await fetchFieldGeometry(layer, { height: 8, width: 8 }, [4, 4]), geometry);
});

test("a layer whose units see the whole image has no geometry", async () => {
  const tokens = { id: "L0", display: "maps", receptive_field: null, grid: { rows: 4, columns: 4, patch: [4, 4] } };
  assert.deepEqual(await fetchFieldGeometry(tokens, { height: 8, width: 8 }, [4, 4]), geometry);
  assert.equal(await fetchFieldGeometry({ id: "L0", receptive_field: null }, { height: 8, width: 8 }, [1, 1]), null);
});
