// @ts-check
// Numbers as text.

/**
 * Format a number with three significant digits: 0.643, 15.0, −0.00790, 1.20e9; a dash where it is not finite.
 * @param {number | null | undefined} value
 * @param {number} [digits]
 */
export function formatNumber(value, digits = 3) {
  if (value === null || value === undefined || !Number.isFinite(value)) return "–";
  if (value === 0) return "0";
  const magnitude = Math.abs(value);
  const exponential = magnitude >= 1e5 || magnitude < 1e-4;
  const text = exponential ? value.toExponential(digits - 1) : fixed(value, digits);
  return text.replace("-", "−").replace("e−", "e-").replace("e+", "e");
}

/** @param {number} value @param {number} digits */
function fixed(value, digits) {
  const integerDigits = Math.floor(Math.log10(Math.abs(value))) + 1;
  return integerDigits >= digits ? String(Math.round(value)) : value.toPrecision(digits);
}

/**
 * Format a fraction: 0.1234 -> "12.3 %". A positive fraction is never shown as 0.
 * @param {number} fraction
 */
export function formatPercent(fraction) {
  if (!Number.isFinite(fraction)) return "–";
  return fraction > 0 && fraction < 0.0005 ? "< 0.1 %" : `${(100 * fraction).toFixed(1)} %`;
}

/**
 * Format an integer: 2048 -> "2,048".
 * @param {number} number
 */
export const formatCount = (number) => Number(number).toLocaleString("en");

/**
 * Format a shape: [48, 48, 32] -> "48 × 48 × 32".
 * @param {(number | null)[] | string | null | undefined} shape
 */
export const formatShape = (shape) =>
  Array.isArray(shape) ? shape.map((side) => (side === null ? "?" : side)).join(" × ") : String(shape ?? "");

/**
 * Format a count with its noun: "3 units", "1 unit".
 * @param {number} number
 * @param {string} noun
 */
export const plural = (number, noun) => `${formatCount(number)} ${noun}${number === 1 ? "" : "s"}`;

/**
 * Return round values from `low` to `high`, each with its text.
 * @param {number} low
 * @param {number} high
 * @param {number} [wanted] about how many
 * @returns {{ value: number, text: string }[]}
 */
export function axisTicks(low, high, wanted = 4) {
  const rough = (high - low) / wanted;
  if (!(rough > 0)) return [];
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * ([1, 2, 5].find((factor) => factor * power >= rough * 0.999) ?? 10);
  const decimals = Math.max(0, -Math.floor(Math.log10(step) + 1e-9));
  const ticks = [];
  for (let n = Math.ceil(low / step - 1e-9); n * step <= high + 1e-9 * step; n += 1) {
    ticks.push({ value: n * step, text: (n * step).toFixed(Math.min(decimals, 12)).replace("-", "−") });
  }
  return ticks;
}
