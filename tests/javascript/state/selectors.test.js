import assert from "node:assert/strict";
import test from "node:test";

import {
  constantResponse,
  dreamsOf,
  isInProgress,
  orderedUnits,
  strongestImages,
} from "../../../dreamfilters/viewer/static/state/selectors.js";

const layer = { id: "L0", name: "conv", type: "Conv2D", display: "maps", units: 4 };
const net = { layers: [layer], byId: new Map([["L0", layer]]), byName: new Map(), classes: [] };
const sheet = { maximum: [1, 3, 2, 3], mean: [4, 3, 2, 1], zero_fraction: [0, 0.5, 1, 0.5] };
const order = (view, sheets = [sheet], judged = null) => orderedUnits(net, layer, { only: "", ...view }, sheets, judged);
const verdicts = ["alive", "dead", null, "dormant"].map((kind) => ({ kind, sentence: "", proved: false }));

test("only queued and running phases are in progress", () => {
  const phases = ["queued", "running", "done", "cancelled", "failed", "ready", "none", undefined];
  assert.deepEqual(phases.filter(isInProgress), ["queued", "running"]);
});

test("units are sorted by response, mean or zeros, the greatest first and equal ones by number", () => {
  assert.deepEqual(order({ sort: "response" }), [1, 3, 2, 0]);
  assert.deepEqual(order({ sort: "mean" }), [0, 1, 2, 3]);
  assert.deepEqual(order({ sort: "zeros" }), [2, 1, 3, 0]);
  assert.deepEqual(order({ sort: "number" }), [0, 1, 2, 3]);
});

test("of several images the greatest value counts", () => {
  assert.deepEqual(order({ sort: "response" }, [sheet, { ...sheet, maximum: [9, 0, 0, 0] }]), [0, 1, 3, 2]);
});

test("without maps the order is that of the layer", () => {
  assert.deepEqual(order({ sort: "response" }, []), [0, 1, 2, 3]);
});

test("verdicts are sorted from dead to alive, and units without a verdict count as alive", () => {
  assert.deepEqual(order({ sort: "verdict" }, [sheet], verdicts), [1, 3, 0, 2]);
});

test("the filter matches numbers, names and verdicts", () => {
  assert.deepEqual(order({ sort: "number", only: " Dead " }, [sheet], verdicts), [1]);
  assert.deepEqual(order({ sort: "number", only: "conv:3" }), [3]);
  assert.deepEqual(order({ sort: "number", only: "zzz" }), []);
});

test("a unit with the same response to all images has no strongest ones", () => {
  const [one, two] = [{ image: "I0", response: 2 }, { image: "I1", response: 1 }];
  const varied = { strongest: [one, two], weakest: [two, one] };
  assert.equal(constantResponse(varied), null);
  assert.deepEqual(strongestImages(varied, 1), [one]);
  const silent = { strongest: [{ image: "I0", response: 0 }], weakest: [{ image: "I1", response: 0 }] };
  assert.equal(constantResponse(silent), 0);
  assert.deepEqual(strongestImages(silent, 6), []);
  assert.equal(constantResponse({ strongest: null, weakest: null }), null);
  assert.deepEqual(strongestImages(undefined, 6), []);
});

const dream = (number, phase, more = {}) => ({ id: `D${number}`, number, layer: "L0", unit: 1, phase, ...more });
const unit = { layer: "L0", unit: 1 };

test("the dreams of a unit are sorted by age in their latest state", () => {
  const live = { D10: dream(10, "queued"), D2: dream(2, "done"), D3: dream(3, "done", { unit: 2 }) };
  const { dreams } = dreamsOf([dream(2, "running"), dream(1, "done")], live, unit, null);
  assert.deepEqual(dreams.map(({ id, phase }) => [id, phase]), [["D10", "queued"], ["D2", "done"], ["D1", "done"]]);
});

test("shown is the selected dream, else one in progress, else the newest that is done, else the newest", () => {
  const all = [dream(1, "done"), dream(2, "running"), dream(3, "cancelled")];
  const shown = (dreams, selected) => dreamsOf(dreams, {}, unit, selected).dream?.id ?? null;
  assert.equal(shown(all, "D1"), "D1");
  assert.equal(shown(all, "D9"), "D2");
  assert.equal(shown([all[0], all[2]], null), "D1");
  assert.equal(shown([all[2]], null), "D3");
  assert.equal(shown([], null), null);
});
