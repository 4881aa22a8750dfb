// One search for everything that has a name: layers, units, classes, images.
import { html, names, useRef, useState } from "../lib/html.js";
import { look } from "../state/actions.js";
import { unitName } from "../state/network_index.js";
import { go } from "../state/routing.js";

const MOST = 12;

/** The field with what fits under it. */
export function Search({ view, net, images }) {
  const [text, setText] = useState("");
  const [at, setAt] = useState(0);
  const [open, setOpen] = useState(false);
  const field = useRef();
  const hits = open && text.trim() ? found(text, { view, net, images }).slice(0, MOST) : [];
  const choose = (hit) => {
    setText("");
    setOpen(false);
    field.current.blur();
    hit.go();
  };
  const press = (event) => {
    const deeds = {
      ArrowDown: () => setAt(Math.min(at + 1, hits.length - 1)),
      ArrowUp: () => setAt(Math.max(at - 1, 0)),
      Enter: () => hits[at] && choose(hits[at]),
      Escape: () => {
        setText("");
        field.current.blur();
      },
    };
    if (!deeds[event.key]) return;
    event.preventDefault();
    deeds[event.key]();
  };
  return html`
    <div class="search" role="search">
      <input id="search" ref=${field} type="text" role="combobox" autocomplete="off" spellcheck="false"
          placeholder="Search  /" aria-label="Search layers, units, classes and images"
        aria-expanded=${hits.length > 0} aria-controls="hits" aria-activedescendant=${hits.length ? `hit-${at}` : null}
            value=${text}
        onInput=${(event) => {
          setText(event.target.value);
          setAt(0);
          setOpen(true);
        }} onKeyDown=${press} onFocus=${() => setOpen(true)} onBlur=${() => setOpen(false)} />
      ${
        open &&
        text.trim() &&
        html`
        <ul id="hits" role="listbox" class="hits">
          ${hits.map(
            (hit, place) => html`
            <li key=${hit.key} id=${`hit-${place}`} role="option" aria-selected=${place === at}
                class=${names(place === at && "chosen")} onMouseDown=${(
              event,
            ) => {
              event.preventDefault();
              choose(hit);
            }}><b>${hit.text}</b><span class="small soft">${hit.kind}</span></li>`,
          )}
          ${!hits.length && html`<li class="soft small">Nothing is called that.</li>`}
        </ul>`
      }
    </div>`;
}

/** What fits a text, the best first: [{key, text, kind, go}]. "conv3 12" and "conv3:12" name a unit. */
export function found(text, { view, net, images }) {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  const fits = (name) => words.every((word) => name.toLowerCase().includes(word));
  const unit = /^(.*?)[\s:]+(\d+)$/.exec(text.trim()) ?? /^()(\d+)$/.exec(text.trim());
  const units = unit ? unitsCalled(unit[1], Number(unit[2]), view, net) : [];
  const layers = net.layers
    .filter((layer) => fits(`${layer.name} ${layer.type}`))
    .map((layer) => ({
      key: `layer ${layer.id}`,
      text: layer.name,
      kind: layer.type,
      go: () => go({ layer: layer.name, unit: null, compare: [], only: "" }),
    }));
  const classLayer = net.layers.find((layer) => layer.type === "Classes");
  const classes = classLayer
    ? net.classes.flatMap((name, number) =>
        fits(`${name} class ${number}`)
          ? [
              {
                key: `class ${number}`,
                text: name,
                kind: `class ${number}`,
                go: () => go({ layer: classLayer.name, unit: number, compare: [] }),
              },
            ]
          : [],
      )
    : [];
  const shown = images
    .filter((image) => fits(`${image.name} ${image.label ?? ""}`))
    .slice(0, MOST)
    .map((image) => ({
      key: `image ${image.id}`,
      text: image.label ?? image.name,
      kind: `image ${image.name}`,
      go: () => look(image),
    }));
  return [...units, ...layers, ...classes, ...shown];
}

function unitsCalled(name, number, view, net) {
  const wanted = name.trim().toLowerCase();
  const layers = wanted
    ? net.layers.filter((layer) => layer.name.toLowerCase().includes(wanted))
    : [net.byName.get(view.layer)];
  return layers
    .filter((layer) => layer && number < layer.units && layer.display !== "none")
    .slice(0, 4)
    .map((layer) => ({
      key: `unit ${layer.id} ${number}`,
      text: unitName(net, layer, number),
      kind: `unit of ${layer.name}`,
      go: () => go({ layer: layer.name, unit: number, compare: [] }),
    }));
}
