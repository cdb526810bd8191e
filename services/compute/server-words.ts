/** What users write on servers: metadata and tags, within Nova's limits. */
import { badInput } from '../errors.ts'

const MAX_PAIRS = 128
const MAX_LETTERS = 255
const MAX_TAGS = 50
const MAX_TAG_LETTERS = 60

/** Nova's rule for the names of metadata. */
const KEY = /^[a-zA-Z0-9-_:. ]{1,255}$/

/** Whether PostgreSQL takes it, and people can read it on a line. */
const isText = (text: string): boolean => !/\0|\p{Surrogate}/u.test(text)

/** BAD_INPUT on the first pair that is beyond Nova's limits. */
export function checkMetadata(metadata: Record<string, string>): void {
  const pairs = Object.entries(metadata)
  if (pairs.length > MAX_PAIRS) throw badInput('metadata', `takes at most ${MAX_PAIRS} pairs`)
  for (const [key, value] of pairs) {
    if (!KEY.test(key)) {
      const shown = JSON.stringify(key.slice(0, 40))
      throw badInput(
        'metadata',
        `has ${shown}: names are letters, digits, spaces and -_:. up to 255`,
      )
    }
    if (Array.from(value).length > MAX_LETTERS || !isText(value)) {
      throw badInput('metadata', `of ${key} must be text of at most ${MAX_LETTERS} characters`)
    }
  }
}

/** Each once, in order of the alphabet. */
export function checkedTags(tags: readonly string[]): string[] {
  const unique = [...new Set(tags)].sort()
  if (unique.length > MAX_TAGS) throw badInput('tags', `takes at most ${MAX_TAGS} of them`)
  const bad = unique.find(
    (tag) =>
      tag === '' ||
      Array.from(tag).length > MAX_TAG_LETTERS ||
      /[,/\p{Cc}]/u.test(tag) ||
      !isText(tag),
  )
  if (bad === undefined) return unique
  const rule = `1 to ${MAX_TAG_LETTERS} characters without comma and slash`
  throw badInput('tags', `has ${JSON.stringify(bad.slice(0, MAX_TAG_LETTERS))}: a tag is ${rule}`)
}
