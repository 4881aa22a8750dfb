// One table of keys: what each does, for the help, and who does it at the moment.
import { useEffect, useRef } from "./html.js";

/** What the help shows: [keys, what they do]. */
export const KEYS = [
  [
    "Everywhere",
    [
      ["/", "search layers, units, classes, images"],
      ["?", "these keys"],
      ["[ ]", "the layer before, the layer after"],
      [", .", "the image before, the image after"],
      ["n", "the network's drawing"],
      ["c", "compare what is pinned"],
      ["t", "light or dark"],
      ["y", "copy the link to this view"],
      ["Esc", "close, or go up"],
    ],
  ],
  [
    "Units of a layer",
    [
      ["← ↓ ↑ →  h j k l", "move"],
      ["Enter", "open the unit"],
      ["d", "dream it"],
      ["p", "pin it, to compare"],
      ["v", "maps, dreams or both"],
      ["s", "one scale for the layer, or one for each unit"],
      ["o", "sort by the next order"],
      ["m", "the next colors"],
      ["+ −", "larger, smaller"],
    ],
  ],
  [
    "A unit",
    [
      ["← →  h l", "the unit before, the unit after"],
      ["d", "dream it"],
      ["a", "again with another seed"],
      ["x", "cancel the dream"],
      ["p", "pin it, to compare"],
    ],
  ],
];

const stack = [];

/** Let a view answer keys while it is there: {key: deed}; the newest view that knows a key has it. */
export function useKeys(deeds) {
  const now = useRef(deeds);
  now.current = deeds;
  useEffect(() => {
    stack.push(now);
    return () => stack.splice(stack.indexOf(now), 1);
  }, []);
}

const writing = (target) => target.matches("input:not([type=checkbox], [type=radio], [type=range]), textarea, select");

addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing || event.defaultPrevented) return;
  if (writing(event.target)) return; // letters are letters there; what Esc does in a field, the field says
  if (["Enter", " "].includes(event.key) && event.target.matches("button, a, summary")) return;
  if (document.querySelector("dialog[open]")) return;
  const owner = stack.findLast((deeds) => deeds.current[event.key]);
  if (!owner) return;
  event.preventDefault();
  owner.current[event.key](event);
});
