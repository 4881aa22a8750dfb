// Numbers as people read them.

/** Three figures: 0.643, 15.0, −0.00790, 1.2e+9; a dash for what is no number. */
export function figures(value, count = 3) {
  if (value === null || value === undefined || !Number.isFinite(value)) return "–";
  if (value === 0) return "0";
  const size = Math.abs(value);
  const text = size >= 1e5 || size < 1e-4 ? value.toExponential(count - 1) : plain(value, size, count);
  return text.replace("-", "−").replace("e−", "e-").replace("e+", "e");
}

function plain(value, size, count) {
  const whole = Math.floor(Math.log10(size)) + 1;
  return whole >= count ? String(Math.round(value)) : value.toPrecision(count);
}

/** 0.1234 -> "12.3 %"; what is more than nothing never reads 0. */
export function percent(share) {
  if (!Number.isFinite(share)) return "–";
  return share > 0 && share < 0.0005 ? "< 0.1 %" : `${(100 * share).toFixed(1)} %`;
}

/** 2048 -> "2,048". */
export const count = (number) => Number(number).toLocaleString("en");

/** [48, 48, 32] -> "48 × 48 × 32". */
export const sizes = (shape) =>
  Array.isArray(shape) ? shape.map((side) => (side === null ? "?" : side)).join(" × ") : String(shape ?? "");

/** 3 units, 1 unit. */
export const plural = (number, noun) => `${count(number)} ${noun}${number === 1 ? "" : "s"}`;

/** Round values from `low` to `high`, about `wanted` of them, each with its text. */
export function ticks(low, high, wanted = 4) {
  const rough = (high - low) / wanted;
  if (!(rough > 0)) return [];
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * [1, 2, 5, 10].find((factor) => factor * power >= rough * 0.999);
  const digits = Math.max(0, -Math.floor(Math.log10(step) + 1e-9));
  const found = [];
  for (let n = Math.ceil(low / step - 1e-9); n * step <= high + 1e-9 * step; n += 1) {
    found.push({ value: n * step, text: (n * step).toFixed(Math.min(digits, 12)).replace("-", "−") });
  }
  return found;
}
