/** Figures and the table of them. */

/** @param {number[]} values @param {number} share 0.5 is the median */
export function percentile(values, share) {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN
}

/** @param {number[]} values */
export const median = (values) => percentile(values, 0.5)

/** Three digits that matter. @param {number} value @param {string} unit */
export function figure(value, unit) {
  if (!Number.isFinite(value)) return '-'
  const digits = value === 0 ? 1 : Math.max(0, 2 - Math.floor(Math.log10(Math.abs(value))))
  const number = value.toLocaleString('en', { maximumFractionDigits: Math.min(digits, 4) })
  return unit ? `${number} ${unit}` : number
}

/**
 * @typedef {object} Row
 * @property {string} measure
 * @property {number} value
 * @property {string} unit
 * @property {string} [note] behind the figure
 * @property {{ name: string, value: number }} [baseline] of the same run, in the same unit
 * @property {number} [peer] OpenStack's figure in the same unit
 */

const HEAD = ['measure', 'figure', 'baseline of the same run', 'of it', 'OpenStack', 'factor']

/** A Markdown table that is read on a terminal too. @param {Row[]} rows */
export function table(rows) {
  const lines = [HEAD, ...rows.map(cellsOf)]
  const widths = HEAD.map((_, i) => Math.max(...lines.map((cells) => cells[i].length)))
  const line = (cells) => `| ${cells.map((cell, i) => cell.padEnd(widths[i])).join(' | ')} |`
  const rule = widths.map((width) => '-'.repeat(width))
  return [line(HEAD), line(rule), ...lines.slice(1).map(line)].join('\n')
}

/** @param {Row} row */
function cellsOf({ measure, value, unit, note, baseline, peer }) {
  return [
    measure,
    figure(value, unit) + (note ? ` (${note})` : ''),
    baseline ? `${baseline.name}: ${figure(baseline.value, unit)}` : '',
    baseline ? `${figure(value / baseline.value, '')} ×` : '',
    peer === undefined ? '' : figure(peer, unit),
    peer === undefined ? '' : `${figure(factor(value, peer, unit), '')} ×`,
  ]
}

/** How many times better; of rates more is better, of all else less. */
const factor = (ours, theirs, unit) => (unit === 'per s' ? ours / theirs : theirs / ours)
