// @ts-check
// The network's layers by name and by id; names of units and images.

/** @typedef {import("../types.js").ImageInfo} ImageInfo */
/** @typedef {import("../types.js").Layer} Layer */
/** @typedef {import("../types.js").Network} Network */
/** @typedef {import("../types.js").NetworkIndex} NetworkIndex */

const CLASSES = "Classes"; // the type of the layer of classes

/** @type {WeakMap<Network, NetworkIndex>} */
const indexes = new WeakMap();
/** @type {NetworkIndex} */
const EMPTY = { layers: [], byId: new Map(), byName: new Map(), classes: [] };

/**
 * Return the index of a network; an empty one where there is no network yet.
 * @param {Network | null} network
 */
export function indexNetwork(network) {
  if (!network) return EMPTY;
  const index = indexes.get(network) ?? newIndex(network);
  indexes.set(network, index);
  return index;
}

/** @param {Network} network @returns {NetworkIndex} */
function newIndex(network) {
  const { layers } = network;
  const byId = new Map(layers.map((layer) => [layer.id, layer]));
  const byName = new Map([...layers].reverse().map((layer) => [layer.name, layer])); // of equal names the first wins
  const classLayer = network.class_layer && byId.get(network.class_layer);
  // A link may also use the name that the model gives to the layer of classes.
  if (classLayer && network.class_output && !byName.has(network.class_output)) {
    byName.set(network.class_output, classLayer);
  }
  return { layers, byId, byName, classes: network.classes };
}

/**
 * Whether a layer is the layer of classes.
 * @param {Layer} layer
 */
export const isClassLayer = (layer) => layer.type === CLASSES;

/**
 * Return a unit's name: conv3:12, or the name of its class.
 * @param {NetworkIndex} net
 * @param {Layer} layer
 * @param {number} unit
 */
export function unitName(net, layer, unit) {
  return isClassLayer(layer) ? (net.classes[unit] ?? `class ${unit}`) : `${layer.name}:${unit}`;
}

/**
 * Return the name of a class within a sentence, where a bare number would read as a count: “20”, or class 1 where the
 * number is that of the class.
 * @param {string} name
 * @param {number} number
 */
export function classInText(name, number) {
  if (!/^\d+$/.test(name)) return name;
  return Number(name) === number ? `class ${name}` : `“${name}”`;
}

/**
 * Return the images that a link names, in its order; the first image where it names none.
 * @param {ImageInfo[]} images
 * @param {string[]} keys
 */
export function selectImages(images, keys) {
  const selected = keys.flatMap((key) => images.find((image) => image.name === key || image.id === key) ?? []);
  return selected.length ? selected : images.slice(0, 1);
}

/**
 * Return the images as a view shows them to the network: the middle of those of another shape, where it crops.
 * @param {ImageInfo[]} images
 * @param {import("../types.js").View["fit"]} fit
 * @param {Pick<import("../types.js").InputForm, "width" | "height"> | undefined} form
 * @returns {(ImageInfo & import("../types.js").ImageRef)[]}
 */
export const fittedImages = (images, fit, form) =>
  fit === "stretch" ? images : images.map((image) => (hasOtherShape(image, form) ? { ...image, cropped: true } : image));

/**
 * Whether an image has another shape than the input of the network, so that it is stretched or cropped.
 * @param {ImageInfo} image
 * @param {Pick<import("../types.js").InputForm, "width" | "height"> | undefined} form
 */
export const hasOtherShape = ({ width, height }, form) =>
  form !== undefined && width > 0 && width * form.height !== height * form.width;

/**
 * Return what a link calls an image: its name, or its id where another image has the same name.
 * @param {ImageInfo[]} images
 * @param {ImageInfo} image
 */
export const imageKey = (images, image) =>
  images.filter((other) => other.name === image.name).length > 1 ? image.id : image.name;
