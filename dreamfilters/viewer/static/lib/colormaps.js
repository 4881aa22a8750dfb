// @ts-check
// Colormaps: from a number to a color. The lightness of each grows evenly; a table has 256 colors.

// The colors of dreamfilters/images/colormaps.py: magma and viridis by Nathaniel J. Smith, Stefan van der Walt and
// Eric Firing, given to the public domain (CC0), https://github.com/BIDS/colormap.
/** @typedef {import("../types.js").Colormap} Colormap */
/** @typedef {import("../types.js").BaseColormap} BaseColormap */

const BOOSTED = "-boosted"; // a boosted colormap draws the square root of the share of the scale

/** @type {Record<BaseColormap, string>} */
const STOPS = {
  magma:
    "000004 0b0924 20114b 3b0f70 57157e 721f81 8c2981 a8327d c43c75 de4968 f1605d fa7f5e fe9f6d febf84 fddea0 fcfdbf",
  viridis:
    "440154 481769 472a7a 433d84 3d4e8a 355e8d 2e6d8e 297b8e 23898e 1f978b 21a585 2eb37c 46c06f 65cb5e 89d548 b0dd2f " +
    "d8e219 fde725",
  gray: "000000 ffffff",
};
/** @type {Record<BaseColormap, number[]>} */
const MISSING = { magma: [128, 128, 128], viridis: [128, 128, 128], gray: [40, 120, 255] };
/** @type {Partial<Record<Colormap, Uint32Array>>} */
const tables = {};

/**
 * Return the 256 colors of a colormap as the 32-bit numbers of an ImageData (red in the lowest byte).
 * @param {Colormap} name
 * @returns {Uint32Array}
 */
export function colorTable(name) {
  const shareOf = (/** @type {number} */ index) => (isBoosted(name) ? Math.sqrt(index / 255) : index / 255);
  const colorAt = (/** @type {number} */ index) => packed(interpolated(STOPS[baseOf(name)], shareOf(index)));
  return (tables[name] ??= Uint32Array.from({ length: 256 }, (_, index) => colorAt(index)));
}

/**
 * Return the color of a value that is not finite, which the colormap itself does not contain.
 * @param {Colormap} name
 */
export const missingColor = (name) => packed(MISSING[baseOf(name)]);

/** @param {Colormap} name */
export const isBoosted = (name) => name.endsWith(BOOSTED);

/** @param {Colormap} name */
const baseOf = (name) => /** @type {BaseColormap} */ (name.replace(BOOSTED, ""));

/**
 * Return the colormap with more contrast among small values, or of a boosted one the colormap itself.
 * @param {Colormap} name
 */
export const toggleBoosted = (name) => (isBoosted(name) ? baseOf(name) : /** @type {Colormap} */ (`${name}${BOOSTED}`));

/**
 * Return the index of a value's color, 0 to 255; 0 where the limits are equal.
 * @param {number} value
 * @param {number} low
 * @param {number} high
 */
export function colorIndex(value, low, high) {
  if (!(high > low)) return 0;
  return Math.round((255 * (Math.min(Math.max(value, low), high) - low)) / (high - low));
}

/** @param {string} text @param {number} fraction */
function interpolated(text, fraction) {
  const stops = text.split(" ").map((stop) => [0, 2, 4].map((digit) => parseInt(stop.slice(digit, digit + 2), 16)));
  const position = fraction * (stops.length - 1);
  const left = Math.min(Math.floor(position), stops.length - 2);
  const right = stops[left + 1];
  return stops[left].map((shade, channel) => Math.round(shade + (position - left) * (right[channel] - shade)));
}

/** @param {number[]} color */
const packed = ([red, green, blue]) => ((255 << 24) | (blue << 16) | (green << 8) | red) >>> 0;
