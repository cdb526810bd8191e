/**
 * The last lines of a text, whole. A line break at the very end closes the last line; it does not
 * open an empty one.
 */
export function lastLines(text: string, lines: number): string {
  if (lines <= 0) return ''
  let start = text.endsWith('\n') ? text.length - 1 : text.length
  for (let left = Math.floor(lines); left > 0 && start >= 0; left--) {
    start = start === 0 ? -1 : text.lastIndexOf('\n', start - 1)
  }
  return text.slice(start + 1)
}
