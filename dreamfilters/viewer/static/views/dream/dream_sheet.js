// The dreams of a layer for its grid: one image of all that are done, and the frames of those that run.
import { get, paths } from "../../state/api.js";
import { useEffect, useRef, useState } from "../../lib/html.js";
import { useResource } from "../../state/resources.js";
import { app } from "../../state/store.js";

/** Return {paint(context, unit, x, y, side) -> whether it painted, units} for a layer, or for none (null). */
export function useDreamSheet(layer) {
  const version = app.use((state) => state.dreamt);
  const dreams = app.use((state) => state.dreams);
  const told = useResource(layer ? paths.dreamSheet(layer.id, version) : null, get);
  const last = useRef(null);
  if (told.value) last.current = { ...told.value, version, layer: layer.id };
  const known = layer && last.current?.layer === layer.id ? last.current : null;
  const sheet = useImage(known?.units.length ? paths.dreamSheetImage(layer.id, known.version) : null);
  const running = layer && Object.values(dreams).find((one) => one.layer === layer.id && one.phase === "running");
  const frame = useImage(running?.image ? paths.dreamImage(running) : null);
  const paint = (context, unit, x, y, side) => {
    context.imageSmoothingEnabled = true;
    if (running?.unit === unit && frame) {
      context.drawImage(frame, x, y, side, side);
      return true;
    }
    const at = known?.units.indexOf(unit) ?? -1;
    if (at < 0 || !sheet) return false;
    const [column, row] = [at % known.columns, Math.floor(at / known.columns)];
    context.drawImage(sheet, column * known.tile, row * known.tile, known.tile, known.tile, x, y, side, side);
    return true;
  };
  return { paint, units: known?.units ?? [], known: Boolean(known) };
}

/** Load an image in a view; the one before stays until the next is there. */
export function useImage(address) {
  const [image, setImage] = useState(null);
  useEffect(() => {
    if (!address) {
      setImage(null);
      return undefined;
    }
    let wanted = true;
    const image = new Image();
    image.onload = () => wanted && setImage(image);
    image.src = address;
    return () => {
      wanted = false;
    };
  }, [address]);
  return image;
}
