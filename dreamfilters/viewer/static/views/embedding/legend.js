// @ts-check
// The classes of a map of images with their colors; a press shows one of them alone.
import { html } from "../../lib/html.js";
import { DREAMS, NO_CLASS } from "./map_painting.js";

/** @typedef {import("../../types.js").EmbeddingMap} EmbeddingMap */

/** @param {{ map: EmbeddingMap, alone: number | null, setAlone: (number: number | null) => void }} props */
export function Legend({ map, alone, setAlone }) {
  if (!map.classes.length && !map.dreams) return null;
  /** @type {Map<number, number>} */
  const totals = new Map();
  for (const number of map.numbers) totals.set(number, (totals.get(number) ?? 0) + 1);
  if (map.dreams) totals.set(DREAMS, map.dreams);
  const entries = [
    ...map.classes.map((name, number) => ({ name, number })),
    { name: "no class", number: -1 },
    { name: "dreams (with a ring)", number: DREAMS },
  ];
  return html`
    <section aria-label="Classes">
      <p class="small soft">Classes: select one to see it alone.</p>
      <ul class="map-legend small">${entries
        .filter(({ number }) => totals.has(number))
        .map(
          ({ name, number }) => html`
        <li key=${number}><button aria-pressed=${alone === number} onClick=${() => setAlone(alone === number ? null : number)}>
          <svg viewBox="0 0 10 10" aria-hidden="true"><circle cx="5" cy="5" r=${number === DREAMS ? 4 : 5} fill=${number === DREAMS ? "none" : (map.colors[number] ?? NO_CLASS)}
              stroke=${number === DREAMS ? "currentColor" : "none"} /></svg>
          <span>${name}</span> <span class="soft">${totals.get(number)}</span></button></li>`,
        )}</ul>
    </section>`;
}
