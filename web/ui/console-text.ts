/**
 * A serial console as text. Escape sequences (colour, cursor, window titles) and other control
 * characters are taken out; a carriage return begins its line again, as a terminal would show it.
 */

const escapes = /\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|\x1b\[[0-?]*[ -/]*[@-~]|\x1b[ -/]*[0-~]/g
const controls = /[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]/g

/** What is left of a line after the carriage returns in it. */
function overwrite(line: string): string {
  const parts = line.replace(/\r+$/, '').split('\r')
  return parts.reduce((shown, part) => part + shown.slice(part.length), '')
}

export function consoleText(raw: string): string {
  const plain = raw.replace(escapes, '').replace(controls, '')
  return plain.split('\n').map(overwrite).join('\n')
}
