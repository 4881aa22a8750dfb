// @ts-check
// The dreams of a layer for its grid: one image with all that are done, and the present frame of the one that runs.
import { useEffect, useRef, useState } from "../../lib/html.js";
import { paths } from "../../state/api.js";
import { useResource } from "../../state/resources.js";
import { app } from "../../state/store.js";

/** @typedef {import("../../types.js").DreamSheet & { version: number, layer: string }} LoadedSheet */

/**
 * Return the units that have a dream, and what paints a unit's dream and returns whether it painted.
 * @param {import("../../types.js").Layer | null} layer null for no dreams
 */
export function useDreamSheet(layer) {
  const version = app.use((state) => (layer ? (state.dreamVersions[layer.id] ?? 0) : 0));
  const dreams = app.use((state) => state.dreams);
  const resource = useResource(layer ? paths.dreamSheet(layer.id, version) : null);
  const last = useRef(/** @type {LoadedSheet | null} */ (null));
  if (resource.value && layer) last.current = { ...resource.value, version, layer: layer.id };
  const sheet = layer && last.current?.layer === layer.id ? last.current : null;
  const tiles = useImage(layer && sheet?.units.length ? paths.dreamSheetImage(layer.id, sheet.version) : null);
  const running = Object.values(dreams).find((dream) => dream.layer === layer?.id && dream.phase === "running");
  const frame = useImage(running?.image ? paths.dreamImage(running) : null);
  /** @type {import("../layer/grid_canvas.js").Scene["paintDream"]} */
  const paint = (context, unit, x, y, side) => {
    context.imageSmoothingEnabled = true;
    if (running?.unit === unit && frame) {
      context.drawImage(frame, x, y, side, side);
      return true;
    }
    const index = sheet?.units.indexOf(unit) ?? -1;
    if (index < 0 || !sheet || !tiles) return false;
    const { tile, columns } = sheet;
    const [left, top] = [(index % columns) * tile, Math.floor(index / columns) * tile];
    context.drawImage(tiles, left, top, tile, tile, x, y, side, side);
    return true;
  };
  return { paint, units: sheet?.units ?? [], known: Boolean(sheet) };
}

/**
 * Load an image in a view; the last image stays until the next is loaded.
 * @param {string | null} address
 */
export function useImage(address) {
  const [image, setImage] = useState(/** @type {HTMLImageElement | null} */ (null));
  useEffect(() => {
    if (!address) {
      setImage(null);
      return undefined;
    }
    let current = true;
    const next = new Image();
    next.onload = () => current && setImage(next);
    next.src = address;
    return () => {
      current = false;
    };
  }, [address]);
  return image;
}
