// The network as the views ask for it: layers by name and by id, and the classes as one more layer.

const indexes = new WeakMap();
const NONE = { layers: [], byId: new Map(), byName: new Map(), classes: [] };

/** Return {layers, byId, byName, classes} of the server's network (or of none yet). */
export function indexed(network) {
  if (!network) return NONE;
  if (!indexes.has(network)) indexes.set(network, build(network));
  return indexes.get(network);
}

function build(network) {
  const layers = [...network.layers];
  if (network.class_layer) layers.push(classLayer(network));
  return {
    layers,
    byId: new Map(layers.map((layer) => [layer.id, layer])),
    byName: new Map([...layers].reverse().map((layer) => [layer.name, layer])),
    classes: network.classes ?? [],
  };
}

// What the command line calls class:14: the network's answer before softmax.
function classLayer(network) {
  const units = network.classes.length || (network.layers.at(-1)?.units ?? 0);
  const taken = network.layers.some((layer) => layer.name === "class");
  return {
    id: network.class_layer,
    name: taken ? "class of the network" : "class",
    type: "Classes",
    shape: [units],
    units,
    activation: "logits",
    display: "bars",
    receptive_field: null,
    dreamable: true,
    reason: null,
  };
}

/** What a unit is called: conv3:12, or a class by its name. */
export function unitName(net, layer, unit) {
  return namedByClass(net, layer) ? (net.classes[unit] ?? `class ${unit}`) : `${layer.name}:${unit}`;
}

/** Whether the units of a layer are the network's classes. */
export const namedByClass = (net, layer) =>
  layer.type === "Classes" ||
  (layer.display === "bars" && layer === net.byId.get(lastOf(net)) && layer.units === net.classes.length);

const lastOf = (net) => net.layers.findLast((layer) => layer.type !== "Classes")?.id;

/** The images that a view names, in its order; where it names none, the first one. */
export function chosen(images, wanted) {
  const found = wanted.map((name) => images.find((image) => image.name === name || image.id === name)).filter(Boolean);
  return found.length ? found : images.slice(0, 1);
}

/** How a link names an image: by its name, unless another has the same. */
export const handle = (images, image) =>
  images.filter((one) => one.name === image.name).length > 1 ? image.id : image.name;
