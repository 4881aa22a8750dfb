// The chosen image as the network is shown it, what the network takes it for, and where the pointer's place looks.
import { paths } from "../../state/api.js";
import { html, names, useRef } from "../../lib/html.js";
import { figures, percent } from "../../lib/number_format.js";
import { useResource } from "../../state/resources.js";
import { go, linkTo } from "../../state/routing.js";
import { pointer } from "../../state/store.js";
import { Failed, Ghost } from "../shared/states.js";

/** An image on which the place under the pointer and what it sees are marked; pointing at it marks the maps. */
export function Marked({ image, src, alt, layer, placing, form }) {
  const at = pointer.use((state) => state.at);
  const box = useRef();
  const mine = at && layer && at.layer === layer.id && at.field;
  const point = (event) => {
    if (!placing || !layer) return;
    const { left, top, width, height } = box.current.getBoundingClientRect();
    pointer.set({ at: placing((event.clientY - top) / height, (event.clientX - left) / width, image) });
  };
  return html`
    <div class="marked" ref=${box} style=${{ aspectRatio: form ? `${form.width} / ${form.height}` : "1" }}
        onPointerMove=${point} onPointerLeave=${() => pointer.set({ at: null })}>
      <img src=${src} alt=${alt} />
      ${mine && html`<${Outline} field=${at.field} center=${at.center} />`}
    </div>`;
}

/** A field outlined, [top, left, bottom, right] in fractions, and the point it belongs to. */
export function Outline({ field, center, still }) {
  const [top, left, bottom, right] = field.map((share) => 100 * share);
  return html`
    <svg class=${names("outline", still && "still")} viewBox="0 0 100 100" preserveAspectRatio="none"
        aria-hidden="true">
      <rect class="under" x=${left} y=${top} width=${right - left} height=${bottom - top} />
      <rect x=${left} y=${top} width=${right - left} height=${bottom - top} />
    </svg>
    ${center && html`<i class="spot" style=${{ top: `${100 * center[0]}%`, left: `${100 * center[1]}%` }}></i>`}`;
}

/** The network's answer to an image: the most likely classes. */
export function Predictions({ view, net, image, ready }) {
  const told = useResource(ready ? paths.predictions(image) : null);
  if (told.phase === "failed") return html`<${Failed} error=${told.error} />`;
  if (!told.value)
    return html`<ol class="predictions">${[1, 2, 3, 4, 5].map(() => html`<li><${Ghost} kind="line" /></li>`)}</ol>`;
  if (!told.value.classes.length) return html`<p class="small soft">This network names no classes.</p>`;
  const classes = net.layers.find((layer) => layer.type === "Classes");
  return html`
    <ol class="predictions">
      ${told.value.classes.map(
        (one, place) => html`
        <li class=${names(place === 0 && "first")} key=${one.index}>
          <${classes ? "a" : "span"} href=${classes && linkTo(view, { layer: classes.name, unit: one.index })}
              title=${`class ${one.index}, logit ${figures(one.logit)}`}
              onClick=${(event) => {
                if (!classes || event.metaKey || event.ctrlKey) return;
                event.preventDefault();
                go({ layer: classes.name, unit: one.index, compare: [] });
              }}>
            <span class="name">${one.name}</span><b>${percent(one.probability)}</b>
          <//>
          <svg class="share" viewBox="0 0 100 1" preserveAspectRatio="none" aria-hidden="true">
            <rect class="ground" width="100" height="1" /><rect width=${100 * (one.probability || 0)} height="1" />
          </svg>
        </li>`,
      )}
    </ol>`;
}
