/** Ends of credentials: typed as a date with or without a time, local to the reader. */

/** What the API takes; undefined for none, the text itself when it is no moment (the API says so). */
export function momentOf(text: string): string | undefined {
  const typed = text.trim()
  if (!typed) return undefined
  const isDay = /^\d{4}-\d{2}-\d{2}$/.test(typed)
  const at = new Date(isDay ? `${typed}T23:59:59` : typed.replace(' ', 'T'))
  return Number.isNaN(at.getTime()) ? typed : at.toISOString()
}
