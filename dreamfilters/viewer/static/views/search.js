// @ts-check
// One search over the names of layers, units, classes and images.
import { html, names, useRef, useState } from "../lib/html.js";
import { showImage } from "../state/actions.js";
import { paths } from "../state/api.js";
import { isClassLayer, unitName } from "../state/network_index.js";
import { go } from "../state/routing.js";
import { inputOf } from "./shared/controls.js";
import { UnitThumb } from "./shared/unit_thumb.js";

/** @typedef {import("../types.js").ImageInfo} ImageInfo */
/** @typedef {import("../types.js").NetworkIndex} NetworkIndex */
/** @typedef {import("../types.js").View} View */
/**
 * What matches: an image or a unit of which a thumbnail is shown is named too.
 * @typedef {{ key: string, text: string, kind: string, open: () => void, image?: ImageInfo,
 *   unit?: { layer: import("../types.js").Layer, unit: number } }} Hit
 */

const MOST_HITS = 12;
const MOST_LAYERS = 4; // for one unit number

/** @param {{ view: View, net: NetworkIndex, images: ImageInfo[] }} props */
export function Search({ view, net, images }) {
  const [text, setText] = useState("");
  const [cursor, setCursor] = useState(0);
  const [open, setOpen] = useState(false);
  const field = useRef(/** @type {HTMLInputElement | null} */ (null));
  const searching = open && text.trim() !== "";
  const hits = searching ? searchNames(text, { view, net, images }).slice(0, MOST_HITS) : [];
  const clear = () => {
    setText("");
    field.current?.blur();
  };
  const choose = (/** @type {Hit} */ hit) => {
    setOpen(false);
    clear();
    hit.open();
  };
  /** @type {import("../types.js").KeyHandlers} */
  const handlers = {
    ArrowDown: () => setCursor(Math.min(cursor + 1, hits.length - 1)),
    ArrowUp: () => setCursor(Math.max(cursor - 1, 0)),
    Enter: () => hits[cursor] && choose(hits[cursor]),
    Escape: clear,
  };
  const keyDown = (/** @type {KeyboardEvent} */ event) => {
    if (!Object.hasOwn(handlers, event.key)) return;
    event.preventDefault();
    handlers[event.key](event);
  };
  const input = (/** @type {Event} */ event) => {
    setText(inputOf(event).value);
    setCursor(0);
    setOpen(true);
  };
  return html`
    <div class="search" role="search">
      <input id="search" ref=${field} type="text" role="combobox" autocomplete="off" spellcheck="false"
          placeholder="Search  /" aria-label="Search layers, units, classes and images"
          aria-expanded=${hits.length > 0} aria-controls="hits" value=${text}
          aria-activedescendant=${hits.length ? `hit-${cursor}` : null}
          onInput=${input} onKeyDown=${keyDown} onFocus=${() => setOpen(true)} onBlur=${() => setOpen(false)} />
      ${
        searching &&
        html`
        <ul id="hits" role="listbox" class="hits">
          ${hits.map(
            (hit, index) => html`
            <li key=${hit.key} id=${`hit-${index}`} role="option" aria-selected=${index === cursor}
                class=${names(index === cursor && "chosen")}
                onMouseDown=${(/** @type {Event} */ event) => {
                  event.preventDefault(); // or the field would lose the focus and close the list
                  choose(hit);
                }}><${Thumbnail} hit=${hit} /><b>${hit.text}</b><span class="small soft">${hit.kind}</span></li>`,
          )}
          ${!hits.length && html`<li class="soft small">No matches.</li>`}
        </ul>`
      }
    </div>`;
}

/** @param {{ hit: Hit }} props */
function Thumbnail({ hit: { unit, image } }) {
  if (unit) return html`<${UnitThumb} ...${unit} />`;
  return image?.width
    ? html`<img class="unit-thumb" src=${paths.image(image, "thumb")} alt="" width="32" height="32" />`
    : html`<span class="unit-thumb none" aria-hidden="true"></span>`;
}

/**
 * Return what matches a text: units first, then layers, classes and images. "conv3 12" and "conv3:12" name a unit.
 * @param {string} text
 * @param {{ view: Pick<View, "layer">, net: NetworkIndex, images: ImageInfo[] }} scope
 * @returns {Hit[]}
 */
export function searchNames(text, { view, net, images }) {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  const matches = (/** @type {string} */ name) => words.every((word) => name.toLowerCase().includes(word));
  return [
    ...unitHits(text.trim(), view, net),
    ...layerHits(net, matches),
    ...classHits(net, matches),
    ...imageHits(images, matches),
  ];
}

/** @param {string} text @param {Pick<View, "layer">} view @param {NetworkIndex} net @returns {Hit[]} */
function unitHits(text, view, net) {
  const match = /^(.*?)[\s:]+(\d+)$/.exec(text) ?? /^()(\d+)$/.exec(text);
  if (!match) return [];
  const [name, unit] = [match[1].trim().toLowerCase(), Number(match[2])];
  const layers = name
    ? net.layers.filter((layer) => layer.name.toLowerCase().includes(name))
    : net.layers.filter((layer) => layer.name === view.layer);
  return layers
    .filter((layer) => unit < layer.units && layer.display !== "none")
    .slice(0, MOST_LAYERS)
    .map((layer) => ({
      key: `unit ${layer.id} ${unit}`,
      text: unitName(net, layer, unit),
      kind: `unit of ${layer.name}`,
      unit: { layer, unit },
      open: () => go({ layer: layer.name, unit, compare: [] }),
    }));
}

/** @param {NetworkIndex} net @param {(name: string) => boolean} matches @returns {Hit[]} */
const layerHits = (net, matches) =>
  net.layers
    .filter((layer) => matches(`${layer.name} ${layer.type}`))
    .map((layer) => ({
      key: `layer ${layer.id}`,
      text: layer.name,
      kind: layer.type,
      open: () => go({ layer: layer.name, unit: null, compare: [], only: "" }),
    }));

/** @param {NetworkIndex} net @param {(name: string) => boolean} matches @returns {Hit[]} */
function classHits(net, matches) {
  const classLayer = net.layers.find(isClassLayer);
  if (!classLayer) return [];
  return net.classes.flatMap((name, index) => {
    if (!matches(`${name} class ${index}`)) return [];
    const open = () => go({ layer: classLayer.name, unit: index, compare: [] });
    return [{ key: `class ${index}`, text: name, kind: `class ${index}`, unit: { layer: classLayer, unit: index }, open }];
  });
}

/** @param {ImageInfo[]} images @param {(name: string) => boolean} matches @returns {Hit[]} */
const imageHits = (images, matches) =>
  images
    .filter((image) => matches(`${image.name} ${image.label ?? ""}`))
    .slice(0, MOST_HITS)
    .map((image) => ({
      key: `image ${image.id}`,
      text: image.label ?? image.name,
      kind: `image ${image.name}`,
      image,
      open: () => showImage(image),
    }));
