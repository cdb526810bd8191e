/**
 * Names of people's things. A name is kept as it was given (NFC); names that look the same to a person
 * are the same name: case, compatibility forms (NFKC, Unicode Annex 15) and invisible characters do
 * not tell two apart. After RFC 8265's username case mapping.
 */
export const storedName = (name: string): string => name.normalize('NFC').trim()

/** What names are compared by, and what is unique. */
export const nameKey = (name: string): string =>
  name
    .normalize('NFKC')
    .replaceAll(/\p{Cf}/gu, '')
    .trim()
    .toLowerCase()
    .normalize('NFKC')

/** Both columns of a name. */
export const named = (name: string): { name: string; nameKey: string } => ({
  name: storedName(name),
  nameKey: nameKey(name),
})
