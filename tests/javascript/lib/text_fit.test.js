import assert from "node:assert/strict";
import test from "node:test";

import { fitText } from "../../../dreamfilters/viewer/static/lib/text_fit.js";

const context = { measureText: (text) => ({ width: text.length }) }; // a letter is a pixel wide

test("a text is shortened at its end, or in its middle", () => {
  assert.equal(fitText(context, "block_of_things/conv", 9), "block_of…");
  assert.equal(fitText(context, "block_of_things/conv", 9, true), "bloc…conv");
});

test("a text that fits is not changed", () => {
  assert.equal(fitText(context, "conv", 4), "conv");
});

test("one letter is left where nothing fits", () => {
  assert.equal(fitText(context, "conv", 0), "c…");
});
