// From a number to a color: palettes whose brightness grows evenly, one table of 256 each.

// The same colors as dreamfilters/images/colormaps.py: magma and viridis by Nathaniel J. Smith, Stefan van der Walt and
// Eric Firing, given to the public domain (CC0), https://github.com/BIDS/colormap.
const STOPS = {
  magma:
    "000004 0b0924 20114b 3b0f70 57157e 721f81 8c2981 a8327d c43c75 de4968 f1605d fa7f5e fe9f6d febf84 fddea0 fcfdbf",
  viridis:
    "440154 481769 472a7a 433d84 3d4e8a 355e8d 2e6d8e 297b8e 23898e 1f978b 21a585 2eb37c 46c06f 65cb5e 89d548 b0dd2f " +
    "d8e219 fde725",
  gray: "000000 ffffff",
};
const MISSING = { magma: [128, 128, 128], viridis: [128, 128, 128], gray: [40, 120, 255] };
const tables = {};

/** Return 256 colors as the 32-bit numbers that an ImageData holds (red in the lowest byte). */
export function table(name) {
  tables[name] ??= Uint32Array.from({ length: 256 }, (_, place) => packed(between(STOPS[name], place / 255)));
  return tables[name];
}

/** The color of what is no number, which no scale holds. */
export const missing = (name) => packed(MISSING[name]);

/** Where a value lies between two ends, 0 to 255; on a scale of one point everything has the low end's color. */
export function place(value, low, high) {
  if (!(high > low)) return 0;
  return Math.round((255 * (Math.min(Math.max(value, low), high) - low)) / (high - low));
}

function between(text, at) {
  const stops = text.split(" ").map((stop) => [0, 2, 4].map((digit) => parseInt(stop.slice(digit, digit + 2), 16)));
  const here = at * (stops.length - 1);
  const left = Math.min(Math.floor(here), stops.length - 2);
  return stops[left].map((shade, channel) => Math.round(shade + (here - left) * (stops[left + 1][channel] - shade)));
}

const packed = ([red, green, blue]) => ((255 << 24) | (blue << 16) | (green << 8) | red) >>> 0;
