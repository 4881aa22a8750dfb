// @ts-check
// The webcam: each frame is sent once the page shows the one before it, so that frames are dropped and never queued.
import { paths, post } from "./api.js";
import { applyImage } from "./events.js";
import { indexNetwork, selectImages } from "./network_index.js";
import { forget, loaded, provide } from "./resources.js";
import { route } from "./routing.js";
import { app, createStore, explanation } from "./store.js";

/** @typedef {import("../types.js").ImageInfo} ImageInfo */
/** @typedef {import("../types.js").LiveFrame} LiveFrame */

const SMOOTHING = 0.9; // of the shown rate: the share of what it was before

/** The last frame: its image's id and version, its address in this browser, and how many are shown in a second. */
export const webcam = createStore({ id: "", version: -1, address: "", rate: 0 });

/** @type {string[]} the last two, since the page may still show the one before the last */
let addresses = [];
let lastShown = 0;
let session = 0; // a frame that arrives after the end is not shown

/**
 * Return the address of an image, which for the last frame of the webcam is in this browser.
 * @param {import("../types.js").ImageRef} image
 * @param {"image" | "thumb" | "input"} kind
 */
export function imageAddress(image, kind) {
  const { id, version, address } = webcam.get();
  return address && image.id === id && image.version === version ? address : paths.image(image, kind);
}

/**
 * Send a frame and show it with its map, its classes and its backward pass; wait until the page has what it shows of it.
 * @param {Blob} frame
 * @returns {Promise<ImageInfo | null>} null where another page's frame has replaced it
 */
export async function sendFrame(frame) {
  const target = liveTarget();
  const begun = session;
  const image = target ? await sendToUnit(frame, target) : await post("api/frames", frame);
  if (!image || begun !== session) return null;
  addresses.push(URL.createObjectURL(frame));
  while (addresses.length > 2) URL.revokeObjectURL(/** @type {string} */ (addresses.shift()));
  const now = performance.now();
  const rate = SMOOTHING * webcam.get().rate + ((1 - SMOOTHING) * 1000) / Math.max(1, now - lastShown);
  lastShown = now;
  webcam.set({ id: image.id, version: image.version, address: addresses.at(-1), rate });
  applyImage(image);
  forget((address) => isOf(address, image.id) && !address.includes(`v=${image.version}`));
  await painted();
  await loaded((address) => isOf(address, image.id));
  return image;
}

/** Forget the frames; the page shows the last one as the server has stored it. */
export function endFrames() {
  webcam.set({ id: "", version: -1, address: "", rate: 0 });
  session += 1;
  const old = addresses;
  addresses = [];
  setTimeout(() => old.forEach((address) => URL.revokeObjectURL(address)), 1000); // once the page shows the other one
  app.set({}); // renders the images again
}

/** The unit whose page is open, where it shows the webcam, else the frozen one; null where there is neither. */
function liveTarget() {
  const { layer, unit, images, page, compare, frozen } = route.get();
  const { network, images: all } = app.get();
  const open = layer !== null && unit !== null && !page && !compare.length ? { layer, unit } : frozen;
  const found = open ? indexNetwork(network).byName.get(open.layer) : undefined;
  if (!open || !found || open.unit >= found.units || found.display === "none") return null;
  const shows = selectImages(all, images).some(({ id }) => id === webcam.get().id);
  const { backward, drawn } = explanation.get();
  const method = found.dreamable ? backward : "";
  return shows ? { layer: found.id, unit: open.unit, method, drawn: method && drawn } : null;
}

/** @typedef {{ layer: string, unit: number, method: string, drawn: string }} LiveTarget */

/** @param {Blob} frame @param {LiveTarget} target */
async function sendToUnit(frame, target) {
  const addressOf = linksOf(target); // of the change that the frame is computed for
  /** @type {LiveFrame} */
  const found = await post(paths.live(target.layer, target.unit, target.method, target.drawn), frame);
  if (found.dropped) return null;
  const { map, classes, heatmap } = addressOf(found.image);
  provide(map, found.map);
  provide(classes, { classes: found.classes });
  if (found.plain_classes) provide(paths.predictions(found.image, ""), { classes: found.plain_classes });
  if (found.heatmap) provide(heatmap, found.heatmap);
  return found.image;
}

/** @param {LiveTarget} target */
function linksOf({ layer, unit, method, drawn }) {
  const change = paths.change();
  return (/** @type {ImageInfo} */ image) => ({
    map: paths.map(layer, image, unit, change),
    classes: paths.predictions(image, change),
    heatmap: paths.heatmap({ layer, unit }, image, method, null, change, drawn),
  });
}

/** @param {string} address @param {string} id */
const isOf = (address, id) => address.split(/[/?.]/).includes(id);

/** The page has rendered; a hidden page does not paint. */
const painted = () =>
  new Promise((resolve) => {
    requestAnimationFrame(resolve);
    setTimeout(resolve, 100);
  });
