// What stands under a unit in the grid, and what is read out for it.
import { unitName } from "../../state/network_index.js";
import { figures } from "../../lib/number_format.js";

/** {texts, right, bad}: its name or number with its verdict, from long to short; its greatest value. */
export function labelOf(net, layer, sheets, verdicts, unit, bars) {
  const named = bars ? unitName(net, layer, unit) : String(unit);
  const told = verdicts?.[unit]?.kind;
  const known = sheets.filter(Boolean);
  const most = known.length ? Math.max(...known.map((sheet) => sheet.maximum[unit])) : null;
  const called = shortName(layer, named, unit);
  if (!told || told === "alive") return { texts: [called], right: most === null ? "" : figures(most) };
  const brief = `${called} ${told === "undecided" ? "?" : told}`;
  return {
    texts: [`${called} · ${told}`, brief, called],
    right: most ? figures(most) : "",
    bad: ["dead", "saturated"].includes(told),
  };
}

const shortName = (layer, named, unit) => (named === `${layer.name}:${unit}` ? String(unit) : named);

/** The same as a sentence, for who does not see the canvas. */
export function spoken(net, layer, sheets, verdicts, unit) {
  const known = sheets.filter(Boolean);
  const most = known.length ? `, at most ${figures(Math.max(...known.map((sheet) => sheet.maximum[unit])))}` : "";
  const told = verdicts?.[unit]?.kind;
  return `${unitName(net, layer, unit)}${most}${told ? `, ${told}` : ""}`;
}
