// What the server tells of units, dreams and images, as the views ask it.

/** Whether a dream or the look at the images waits or is at work, by its phase. */
export const underWay = (phase) => phase === "queued" || phase === "running";

/** The value that all real images come to, of a unit that answers them all alike, as a silent one does; else null. */
export function sameForAll(facts) {
  const [strongest, weakest] = [facts?.strongest?.[0], facts?.weakest?.[0]];
  return strongest && strongest.response === weakest?.response ? strongest.response : null;
}

/** The strongest real images, so many at most; none where all are alike. */
export const strongestOf = (facts, most) => (sameForAll(facts) === null ? (facts?.strongest ?? []).slice(0, most) : []);
