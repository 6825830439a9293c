/** Medians and percentiles. */

/** @param {readonly number[]} values */
const ascending = (values) => [...values].sort((a, b) => a - b);

/** NaN of nothing. @param {readonly number[]} values */
export function median(values) {
  const sorted = ascending(values);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2;
}

/** Nearest rank: the smallest value that SHARE of all do not exceed; of 50 values the 99th is the largest. @param {readonly number[]} values @param {number} share */
export const percentile = (values, share) =>
  ascending(values)[Math.max(0, Math.ceil(share * values.length) - 1)] ?? Number.NaN;

/** @param {readonly number[]} values */
export const summary = (values) => ({
  samples: values.length,
  p50: percentile(values, 0.5),
  p99: percentile(values, 0.99),
  median: median(values),
  min: Math.min(...values),
  max: Math.max(...values),
  values: values.map((value) => Math.round(value * 1000) / 1000),
});
