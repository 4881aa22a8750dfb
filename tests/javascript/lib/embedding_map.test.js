import assert from "node:assert/strict";
import test from "node:test";
import {
  moved, nearestTo, nextTo, onStage, placesOf, scaleOf, showing, wholeMap, zoomed,
} from "../../../dreamfilters/viewer/static/lib/embedding_map.js";

// Three images at the corners left below, right below and left above; the grid has two columns and two rows.
const MAP = {
  names: ["a", "b", "c"], x: [0, 10, 0], y: [0, 0, 10], fine: 10, rows: [1, 1, 0], columns: [0, 1, 0], shape: [2, 2],
};
const SIZE = { width: 300, height: 100 }; // the map has 92 pixels, since 4 % are left at each edge
const all = () => true;

test("the map stands upright, and the grid is read from its upper left cell", () => {
  assert.deepEqual([...placesOf(MAP, "points").at], [0, 1, 1, 1, 0, 0]);
  assert.deepEqual([...placesOf(MAP, "grid").at], [0.25, 0.75, 0.75, 0.75, 0.25, 0.25]);
  const wide = placesOf({ ...MAP, rows: [0, 0, 0], columns: [0, 1, 2], shape: [1, 3] }, "grid");
  assert.deepEqual([wide.high, wholeMap(wide).y], [1 / 3, 1 / 6]);
});

test("the whole map is centered on the stage", () => {
  const camera = wholeMap(placesOf(MAP, "points"));
  assert.equal(scaleOf(camera, SIZE), 92);
  assert.deepEqual(onStage(camera, SIZE, 0.5, 0.5), [150, 50]);
  assert.deepEqual(onStage(camera, SIZE, 0, 1), [104, 96]);
});

test("a zoom keeps the place under the pointer, and stops at its limits", () => {
  const camera = wholeMap(placesOf(MAP, "points"));
  const near = zoomed(camera, SIZE, 4, [104, 96]);
  assert.equal(near.zoom, 4);
  const at = onStage(near, SIZE, 0, 1);
  assert.ok(Math.hypot(at[0] - 104, at[1] - 96) < 1e-9);
  assert.equal(zoomed(camera, SIZE, 1e9).zoom, 400);
  assert.equal(zoomed(camera, SIZE, 1e-9).zoom, 0.5);
});

test("a dragged map follows the pointer", () => {
  const camera = moved(wholeMap(placesOf(MAP, "points")), SIZE, 10, -5);
  const [x, y] = onStage(camera, SIZE, 0.5, 0.5);
  assert.ok(Math.abs(x - 160) < 1e-9 && Math.abs(y - 45) < 1e-9);
});

test("a press finds the nearest image that is shown and not too far away", () => {
  const places = placesOf(MAP, "points");
  const camera = wholeMap(places);
  assert.equal(nearestTo(places, camera, SIZE, [107, 96], 8, all), 0);
  assert.equal(nearestTo(places, camera, SIZE, [107, 96], 2, all), -1);
  assert.equal(nearestTo(places, camera, SIZE, [107, 96], 1000, (index) => index > 0), 1);
});

test("arrow keys go to the nearest image in a direction, and stay where there is none", () => {
  const places = placesOf(MAP, "points");
  assert.equal(nextTo(places, 0, 1, 0, all), 1);
  assert.equal(nextTo(places, 0, 0, -1, all), 2);
  assert.equal(nextTo(places, 0, -1, 0, all), 0);
  assert.equal(nextTo(places, 2, 1, 0, all), 1); // 45 degrees below
  assert.equal(nextTo(places, -1, 1, 0, (index) => index > 0), 1); // the first one that is shown
  assert.equal(nextTo(places, 0, 1, 0, (index) => index !== 1), 0);
});

test("the camera moves to a place that is outside the stage only", () => {
  const camera = wholeMap(placesOf(MAP, "points"));
  assert.equal(showing(camera, SIZE, 0, 1), camera);
  assert.deepEqual(showing({ ...camera, zoom: 40 }, SIZE, 0, 1), { zoom: 40, x: 0, y: 1 });
});
