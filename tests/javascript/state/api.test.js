import assert from "node:assert/strict";
import test from "node:test";

import { getJson, inputId, paths, post } from "../../../dreamfilters/viewer/static/state/api.js";
import { parse, route } from "../../../dreamfilters/viewer/static/state/routing.js";
import { app } from "../../../dreamfilters/viewer/static/state/store.js";

const response = (status, json) => ({ ok: status < 400, status, statusText: "Text", json });
const serve = (answer) => {
  const requests = [];
  globalThis.fetch = async (address, options) => {
    requests.push([address, options]);
    return answer;
  };
  return requests;
};

test("an error is the server's own line, with its status", async () => {
  serve(response(404, async () => ({ error: "conv9: signs has no such layer" })));
  await assert.rejects(getJson("api/x"), { message: "conv9: signs has no such layer", status: 404 });
});

test("a page that is not the server's is reported by its status", async () => {
  const notJson = async () => JSON.parse("<html>");
  serve(response(502, notJson));
  await assert.rejects(getJson("api/x"), { message: "The server returned 502 Text", status: 502 });
  serve(response(403, notJson));
  await assert.rejects(getJson("api/x"), /not authorized/);
});

test("no response has status 0", async () => {
  globalThis.fetch = async () => {
    throw new TypeError("failed to fetch");
  };
  await assert.rejects(getJson("api/x"), { message: "The server does not respond. Is it still running?", status: 0 });
});

test("values are sent as JSON and files as they are, with the header that the server requires", async () => {
  const requests = serve(response(200, async () => ({})));
  await post("api/dreams", { unit: 1 });
  const file = new Blob(["x"], { type: "image/png" });
  await post("api/images", file, { "X-Name": "a.png" });
  const [[, json], [, raw]] = requests;
  assert.deepEqual([json.method, json.body, json.headers["Content-Type"]], ["POST", '{"unit":1}', "application/json"]);
  assert.deepEqual([raw.body, raw.headers["Content-Type"], raw.headers["X-Name"]], [file, "image/png", "a.png"]);
  for (const options of [json, raw]) assert.equal(options.headers["X-Dreamfilters"], "1");
});

test("an image that was replaced has another address", () => {
  assert.equal(paths.image({ id: "I3" }, "thumb"), "api/images/I3/thumb.png");
  assert.equal(paths.maps("L1", { id: "I3", version: 0 }), "api/maps/L1/I3");
  assert.equal(paths.sheet("L1", { id: "I3", version: 2 }), "api/maps/L1/I3/sheet.bin?v=2");
});

test("what passes the network has the changed units in its address, and what is stored has not", () => {
  app.set({ network: { layers: [{ id: "L4", name: "conv4", type: "Conv2D" }], classes: [] } });
  route.set(parse("#/n?change=conv4:3:0&change=gone:1:2"));
  const change = "change=L4%3A3%3A0%2Cgone%3A1%3A2"; // the server names the layer that does not exist
  const image = { id: "I3", version: 2 };
  assert.equal(paths.maps("L1", image), `api/maps/L1/I3?v=2&${change}`);
  assert.equal(paths.predictions({ id: "I3" }), `api/predictions/I3?${change}`);
  assert.equal(paths.predictions({ id: "I3" }, ""), "api/predictions/I3");
  assert.equal(paths.live("L1", 2, "deconvnet", "norm"), `api/live/L1/2?method=deconvnet&drawn=norm&${change}`);
  assert.equal(paths.heatmap({ layer: "L1", unit: 2 }, image, "lrp", 7), `api/heatmaps/L1/2/I3?method=lrp&against=7&v=2&${change}`);
  assert.equal(paths.image(image, "input"), "api/images/I3/input.png?v=2");
  assert.equal(paths.image(image, "mask"), `api/images/I3/mask.png?v=2&${change}`);
  for (const address of [paths.unit("L1", 2), paths.verdicts("L1"), paths.dreams()]) assert.ok(!address.includes("change"));
  route.set(parse(""));
});

test("a cropped image is named wherever the network is shown it, and nowhere else", () => {
  const image = { id: "I3", cropped: true };
  assert.equal(inputId(image), "I3.cropped");
  assert.equal(paths.image(image, "input"), "api/images/I3.cropped/input.png");
  assert.equal(paths.image(image, "mask"), "api/images/I3.cropped/mask.png");
  assert.equal(paths.image(image, "thumb"), "api/images/I3/thumb.png");
  assert.equal(paths.imageInfo(image), "api/images/I3");
  assert.equal(paths.map("L1", image, 2), "api/maps/L1/I3.cropped/2");
  assert.equal(paths.sheet("L1", image), "api/maps/L1/I3.cropped/sheet.bin");
  assert.equal(paths.predictions(image), "api/predictions/I3.cropped");
  const heatmap = paths.heatmap({ layer: "L1", unit: 2 }, image, "gradient", null, "", "signal");
  assert.equal(heatmap, "api/heatmaps/L1/2/I3.cropped?method=gradient&drawn=signal");
});

test("a file of a result is addressed part by part", () => {
  assert.equal(paths.jobFile({ id: "J1" }, "a b/strip?.png"), "api/jobs/J1/files/a%20b/strip%3F.png");
  assert.equal(paths.technique("fool"), "api/techniques/fool");
});
