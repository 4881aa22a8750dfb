// @ts-check
// Dreams that arrive while a view is open, without a request for each.
import { useEffect } from "../../lib/html.js";
import { dreamInBackground } from "../../state/actions.js";
import { isInProgress } from "../../state/selectors.js";
import { app } from "../../state/store.js";

/**
 * Let the server dream units of a layer while it has nothing else to do, once the images have been scanned.
 * @param {import("../../types.js").Layer | null} layer null for no dreams
 * @param {number[]} units
 */
export function useBackgroundDreams(layer, units) {
  const idle = app.use((state) => state.phase === "ready" && !isInProgress(state.evidence.phase));
  const wanted = idle && layer?.dreamable ? units : [];
  useEffect(() => {
    if (layer && wanted.length) dreamInBackground(layer.id, wanted);
  }, [layer?.id, wanted.join()]);
}
