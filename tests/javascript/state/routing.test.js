import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";

import {
  anchorTo,
  followAddress,
  format,
  go,
  linkTo,
  parse,
  route,
} from "../../../dreamfilters/viewer/static/state/routing.js";

let steps;

beforeEach(() => {
  steps = [];
  globalThis.history = {
    pushState: (_state, _title, link) => steps.push(["push", link]),
    replaceState: (_state, _title, link) => steps.push(["replace", link]),
  };
  route.set(parse("#/signs"));
});

test("an empty fragment is the default view", () => {
  assert.deepEqual(parse(""), {
    network: "", layer: null, unit: null, images: [], compare: [], changes: [], only: "", low: 0, high: 1,
    page: null, technique: "", frozen: null, cell: null, show: "both", sort: "response", scale: "layer",
    colors: "magma", size: "m", fit: "stretch",
  });
});

test("a link that is parsed and formatted is the same", () => {
  for (const link of [
    "#/",
    "#/signs/conv3",
    "#/a%2Fb/c%20d/3?image=x.png&image=y&compare=l%3A1%3A2&sort=number&colors=gray",
    "#/signs?page=errors&cell=14%3A-1&show=map",
    "#/signs/conv3/2?page=techniques&technique=style&fit=crop",
    "#/signs/conv3?frozen=a%3Ab%3A12",
    "#/signs/conv3?scale=fixed&only=dead&low=-0.5&high=2",
    "#/signs/conv6/12?change=conv6%3A12%3A0&change=a%3Ab%3A3%3A2.5&colors=gray-boosted",
  ]) {
    assert.equal(format(parse(link)), link);
  }
});

test("another layer or comparison leaves the page of mistakes, another cell does not", () => {
  const view = parse("#/signs?page=errors&cell=14:3&image=a.png");
  assert.deepEqual([view.page, view.cell], ["errors", [14, 3]]);
  assert.equal(linkTo(view, { cell: [3, 14] }), "#/signs?image=a.png&page=errors&cell=3%3A14");
  assert.equal(linkTo(view, { images: ["b.png"] }), "#/signs?image=b.png&page=errors&cell=14%3A3");
  assert.equal(linkTo(view, { layer: "conv1", unit: 2 }), "#/signs/conv1/2?image=a.png");
  assert.equal(linkTo(view, { compare: [] }), "#/signs?image=a.png");
  assert.equal(linkTo(parse("#/signs/conv1"), { layer: null, page: "errors" }), "#/signs?page=errors");
  for (const wrong of ["", "1", "1:2:3", "-1:0", "a:b"]) assert.equal(parse(`#/signs?page=errors&cell=${wrong}`).cell, null);
  assert.equal(parse("#/signs?page=other").page, null);
  assert.equal(linkTo(parse("#/signs?page=embedding"), { images: ["a.png"] }), "#/signs?image=a.png&page=embedding");
  assert.equal(parse(linkTo(parse("#/signs?page=embedding"), { layer: "conv1" })).page, null);
});

test("the page of techniques keeps the unit, and a frozen unit stays in every view", () => {
  const view = parse("#/signs/conv1/2?frozen=conv6%3A12");
  assert.deepEqual([view.frozen, view.technique], [{ layer: "conv6", unit: 12 }, ""]);
  assert.equal(
    linkTo(view, { page: "techniques", technique: "facets" }),
    "#/signs/conv1/2?page=techniques&technique=facets&frozen=conv6%3A12",
  );
  assert.equal(linkTo(view, { layer: "conv3", unit: null }), "#/signs/conv3?frozen=conv6%3A12");
  assert.equal(linkTo(view, { frozen: null }), "#/signs/conv1/2");
  assert.equal(parse("#/signs?frozen=conv6").frozen, null);
});

test("changed units are those of a possible factor, each once, the last change of a unit", () => {
  const changesOf = (...texts) => parse(`#/n?${texts.map((text) => `change=${text}`).join("&")}`).changes;
  assert.deepEqual(changesOf("conv1:3:0", "conv1:3:2"), [{ layer: "conv1", unit: 3, factor: 2 }]);
  assert.deepEqual(changesOf("conv1:3:2", "conv1:3:1"), []);
  for (const wrong of ["", "conv1", "conv1:3", "conv1:3:-1", "conv1:3:NaN", "conv1:3:Infinity", "conv1:3:1e9", "conv1:3:1001"]) {
    assert.deepEqual(changesOf(wrong), [], wrong);
  }
  assert.equal(changesOf(...Array.from({ length: 40 }, (_, unit) => `conv1:${unit}:0`)).length, 16);
});

test("parts are decoded, and a unit is split off at the last colon", () => {
  const view = parse("#/a%2Fb/c%20d/3?compare=l%3A1%3A2&compare=nothing");
  assert.deepEqual([view.network, view.layer, view.unit], ["a/b", "c d", 3]);
  assert.deepEqual(view.compare, [{ layer: "l:1", unit: 2 }]);
});

test("what a link cannot mean is the default", () => {
  const view = parse("#/%E0%A4%A/x/-1?sort=evil&scale=__proto__&low=NaN&high=");
  assert.deepEqual([view.network, view.layer, view.unit], ["%E0%A4%A", "x", null]);
  assert.deepEqual([view.sort, view.scale, view.low, view.high], ["response", "layer", 0, 1]);
});

test("limits are written for a fixed scale only, and a unit only with its layer", () => {
  const view = parse("#/signs");
  assert.equal(linkTo(view, { low: 3, high: 4 }), "#/signs");
  assert.equal(linkTo(view, { scale: "fixed", low: 3, high: 4 }), "#/signs?scale=fixed&low=3&high=4");
  assert.equal(linkTo(view, { layer: null, unit: 0 }), "#/signs");
  assert.equal(linkTo(view, { layer: "conv1", unit: 0 }), "#/signs/conv1/0");
});

test("another layer, unit or comparison is a step of the history, a setting is not", () => {
  go({ layer: "conv1" });
  go({ sort: "number" });
  go({ unit: 3 });
  go({ compare: [{ layer: "conv1", unit: 3 }] });
  go({ network: "other" }, { replace: true });
  assert.deepEqual(steps.map(([kind]) => kind), ["push", "replace", "push", "push", "replace"]);
  assert.equal(steps[2][1], "#/signs/conv1/3?sort=number");
  assert.deepEqual([route.get().network, route.get().unit], ["other", 3]);
});

test("an anchor changes the view, unless a modifier key asks for another tab", () => {
  const { href, onClick } = anchorTo(route.get(), { layer: "conv2" });
  assert.equal(href, "#/signs/conv2");
  for (const modifier of ["metaKey", "ctrlKey", "shiftKey"]) onClick({ [modifier]: true, preventDefault: assert.fail });
  assert.equal(route.get().layer, null);
  let prevented = false;
  onClick({ preventDefault: () => (prevented = true) });
  assert.equal(prevented, true);
  assert.equal(route.get().layer, "conv2");
});

test("the view follows the address", () => {
  const listeners = {};
  globalThis.addEventListener = (name, listener) => (listeners[name] = listener);
  globalThis.location = { hash: "#/signs/conv4" };
  followAddress();
  assert.equal(route.get().layer, "conv4");
  location.hash = "#/signs/conv5/2";
  listeners.popstate();
  assert.deepEqual([route.get().layer, route.get().unit], ["conv5", 2]);
  location.hash = "#/signs";
  listeners.hashchange();
  assert.equal(route.get().layer, null);
});
