/**
 * The beginning of a text that a program printed, which may be of any length and hold anything, as
 * PostgreSQL takes it. A cut may fall between the halves of a surrogate pair, too.
 */
export const storable = (text: string, mostLetters: number): string =>
  Buffer.from(text.slice(0, mostLetters)).toString().replaceAll('\0', '\ufffd')
