// @ts-check
// What the controls do: changes on the server, in the link and in the store.
import { getJson, paths, post } from "./api.js";
import { applyDream, applyFormSearch, applyImage, applyJob } from "./events.js";
import { imageKey, indexNetwork } from "./network_index.js";
import { forget, loaded } from "./resources.js";
import { go, route } from "./routing.js";
import { app, showMessage } from "./store.js";

/** @typedef {import("../types.js").Dream} Dream */
/** @typedef {import("../types.js").ImageInfo} ImageInfo */

/**
 * Return the result of an action; show why it failed and return undefined.
 * @template T
 * @param {() => Promise<T>} action
 * @returns {Promise<T | undefined>}
 */
export async function attempt(action) {
  try {
    return await action();
  } catch (error) {
    showMessage(/** @type {Error} */ (error).message, true);
    return undefined;
  }
}

/**
 * Start a dream, whose progress arrives by the event stream.
 * @param {string} layer
 * @param {number} unit
 * @param {{ recipe?: string, seed?: number }} [options]
 * @returns {Promise<Dream | undefined>}
 */
export const startDream = (layer, unit, { recipe = "", seed = 0 } = {}) =>
  attempt(async () => {
    const dream = await post(paths.dreams(), { layer, unit, recipe, seed });
    applyDream(dream);
    return dream;
  });

/**
 * Compile in advance what a dream needs. A failure is shown when the dream is started.
 * @param {string} layer
 * @param {number} unit
 * @param {string} recipe
 */
export const prepareDream = (layer, unit, recipe) =>
  post("api/dreams/compile", { layer, unit, recipe }).catch(() => undefined);

/** @param {Dream} dream */
export const cancelDream = (dream) => attempt(async () => applyDream(await post(paths.dreamAction(dream, "cancel"))));

/**
 * Save a dream in a run folder on the server.
 * @param {Dream} dream
 */
export const saveDream = (dream) =>
  attempt(async () => {
    const saved = await post(paths.dreamAction(dream, "save"));
    applyDream(saved);
    showMessage(`Saved in ${saved.saved_to}.`);
  });

/**
 * Dream units while the server has nothing else to do; they replace those that still wait.
 * @param {string} layer
 * @param {number[]} units
 */
export const dreamInBackground = (layer, units) =>
  post(paths.dreamsInBackground(), { layer, units }).catch(() => undefined); // no view waits for them

/**
 * Open what a point of a map of images is: an image, or the unit of a dream.
 * @param {import("../types.js").EmbeddingMap} map @param {number} index
 */
export function openPoint(map, index) {
  const unit = map.units[index - (map.names.length - map.dreams)];
  const layer = unit && indexNetwork(app.get().network).byId.get(unit[0]);
  const image = map.images[index];
  if (unit && layer) go({ layer: layer.name, unit: unit[1], compare: [] });
  else if (image) showImageOf(image);
}

/**
 * Start long work, whose progress arrives by the event stream.
 * @param {import("../types.js").JobKind} kind
 * @param {{ layer: string, units: number[] } | { method: string, dreams: boolean }} [how] the id of a layer and its units that are
 *   compared, or the method of an embedding
 */
export const startJob = (kind, how = { layer: "", units: [] }) =>
  attempt(async () => applyJob(await post(paths.jobs(), { kind, ...how })));

/**
 * Start a technique as long work.
 * @param {import("../types.js").TechniqueCall} call
 */
export const startTechnique = ({ name, ...call }) =>
  attempt(async () => applyJob(await post(paths.technique(name), call)));

/** @param {import("../types.js").Job} job */
export const cancelJob = (job) => attempt(async () => applyJob(await post(paths.cancelJob(job))));

/**
 * Cancel the measures of trust of a heatmap, and forget that they were requested.
 * @param {import("../types.js").UnitRef} target @param {ImageInfo} image @param {string} method @param {number | null} against
 */
export const cancelTrust = (target, image, method, against) =>
  attempt(async () => {
    const isIts = (/** @type {string} */ address) => address === paths.trust(target, image, method, against);
    await post(paths.cancelTrust(target, image, method, against));
    await loaded(isIts);
    forget(isIts);
  });

/** Start the search for the input form, whose progress arrives by the event stream. */
export const startFormSearch = () => attempt(async () => applyFormSearch(await post(paths.formSearch())));

export const cancelFormSearch = () => attempt(async () => applyFormSearch(await post(paths.cancelFormSearch())));

/** Show the network with the best form that the search has found. */
export const applyForm = () =>
  attempt(async () => {
    applyFormSearch(await post(paths.applyForm()));
    showMessage("The page shows the network with the form that the search has found. The images are scanned again.");
  });

/**
 * Save the best form beside the model.
 * @param {boolean} force all of it, also what is not certain and in place of another file
 */
export const saveForm = (force) => attempt(async () => applyFormSearch(await post(paths.saveForm(), { force })));

/**
 * Upload images and show the last one.
 * @param {Iterable<File>} files
 */
export async function addImages(files) {
  const all = [...files];
  const images = all.filter((file) => file.type.startsWith("image/"));
  if (all.length && !images.length) showMessage("This is not an image file.", true);
  for (const file of images) {
    const name = { "X-Name": encodeURIComponent(file.name || "pasted image") };
    const image = await attempt(async () => applyImage(await post("api/images", file, name)));
    if (image) showImage(image);
  }
}

/**
 * Show one image.
 * @param {ImageInfo} image
 */
export const showImage = (image) => go({ images: [imageKey(app.get().images, image)] });

/**
 * Show the image of an id, which a large folder may not list.
 * @param {string} id
 */
export const showImageOf = (id) =>
  attempt(async () => {
    const known = app.get().images.find((image) => image.id === id);
    showImage(known ?? applyImage(await getJson(paths.imageInfo({ id }))));
  });

/**
 * Add an image to those that are shown, or remove it from them.
 * @param {ImageInfo} image
 * @param {ImageInfo[]} shown
 */
export function toggleImage(image, shown) {
  const { images } = app.get();
  const others = shown.filter((other) => other.id !== image.id);
  const next = others.length === shown.length ? [...shown, image] : others;
  go({ images: next.map((other) => imageKey(images, other)) });
}

/**
 * Remove an uploaded image from the server.
 * @param {ImageInfo} image
 */
export const removeImage = (image) =>
  attempt(async () => {
    await post(paths.remove(image));
    const { images } = app.get();
    const key = imageKey(images, image);
    app.set({ images: images.filter((other) => other.id !== image.id) });
    go({ images: route.get().images.filter((other) => other !== key) });
  });

/**
 * Pin a unit for comparison, or unpin it.
 * @param {string} layer its name
 * @param {number} unit
 */
export function togglePin(layer, unit) {
  const { pinned } = app.get();
  const others = pinned.filter((other) => other.layer !== layer || other.unit !== unit);
  const added = others.length === pinned.length;
  app.set({ pinned: added ? [...pinned, { layer, unit }] : others });
  showMessage(added ? `Pinned ${layer}:${unit}; ${others.length + 1} pinned.` : `Unpinned ${layer}:${unit}.`);
}

/** Show the pinned units side by side. */
export const comparePinned = () => go({ compare: app.get().pinned, unit: null });

/**
 * Copy text to the clipboard.
 * @param {string} text
 * @param {string} description
 */
export async function copyText(text, description) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    copySelection(text); // the clipboard needs a secure context
  }
  showMessage(`Copied ${description}.`);
}

/** @param {string} text */
function copySelection(text) {
  const area = document.createElement("textarea");
  area.value = text;
  area.className = "visually-hidden";
  document.body.append(area);
  area.select();
  document.execCommand("copy");
  area.remove();
}
