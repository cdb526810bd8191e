/**
 * Which passwords are taken, and for how long: Keystone's `[security_compliance]` with the defaults
 * of NIST SP 800-63B: length counts, kinds of characters do not, and what everybody guesses first is
 * refused. Revision 3 of it wants 8 characters; revision 4 wants 15 where the password is the only
 * factor, so raise `minLength` to that where people sign in without TOTP.
 */
import { anyPatternFits, PatternTooSlow, patternProblem } from './pattern.ts'

export interface PasswordRules {
  /** In Unicode code points. */
  minLength: number
  /** A regular expression that a password must fit, and the words for it; null: none. */
  regex: string | null
  regexDescription: string | null
  /** How many of the last passwords may not come again, the current one included; 0: no history. */
  uniqueLastCount: number
  /** After how many days a password must be changed; null: never, as NIST wants it. */
  expiresDays: number | null
  /** How many days a password must be kept, so that nobody runs through the history; 0: none. */
  minimumAgeDays: number
}

export const defaultPasswordRules: PasswordRules = {
  minLength: 8,
  regex: null,
  regexDescription: null,
  uniqueLastCount: 0,
  expiresDays: null,
  minimumAgeDays: 0,
}

/** No rule of an operator goes below. */
export const MIN_PASSWORD_LENGTH = 8
/** In Unicode code points; argon2 takes any, a request should not. */
export const MAX_PASSWORD_LENGTH = 256
/** Each of them costs an argon2 verification (some 20 ms) when a password is changed. */
export const MAX_UNIQUE_LAST_COUNT = 24
const MAX_DAYS = 3650
const DAY_MS = 86_400_000
/** A password must have this many characters beside the user's name. */
const MIN_BESIDE_NAME = 4

/** The ones at the top of every leaked list; with digits or signs after them they are no better. */
const common = new Set(
  `password passwd passw0rd p@ssword p@ssw0rd pa55word passphrase qwerty qwertyuiop qwertz qwertzuiop
   azerty azertyuiop asdfghjkl asdfasdf zxcvbnm zxcvbnm, 1q2w3e4r 1q2w3e4r5t 1qaz2wsx 1qaz2wsx3edc
   qazwsx qazwsxedc q1w2e3r4 q1w2e3r4t5y6 zaq12wsx a1b2c3d4 abcd1234 abc12345 qwer1234 asdf1234
   12341234 11223344 12121212 123123123 123321123 147258369 1234567890 123456789a 1234qwer 123qweasd
   123qwe123 iloveyou iloveu letmein welcome admin administrator root toor test testtest testing guest
   user username login default changeme changeit changethis secret topsecret master superuser
   sunshine princess football baseball basketball superman batman starwars pokemon dragon monkey
   shadow michael jennifer jordan charlie daniel jessica ashley michelle liverpool chelsea arsenal
   trustno1 whatever freedom computer internet samsung google facebook linkedin minecraft killer
   hello helloworld mustang corvette mercedes ferrari cheese chocolate butterfly blink182
   nephograph openstack devstack keystone cloud cloudadmin server ubuntu debian centos`
    .split(/\s+/)
    .filter(Boolean),
)

/** Why the password can't be this user's, as a sentence to show, or null. It never says the password. */
export function passwordProblem(
  password: string,
  { userName, rules }: { userName: string; rules: PasswordRules },
): string | null {
  // Two code units a code point at most: what is longer is not looked at.
  const length = password.length > 2 * MAX_PASSWORD_LENGTH ? Infinity : Array.from(password).length
  if (length > MAX_PASSWORD_LENGTH) {
    return `A password has at most ${MAX_PASSWORD_LENGTH} characters`
  }
  const minLength = Math.max(rules.minLength, MIN_PASSWORD_LENGTH)
  if (length < minLength) return `A password has at least ${minLength} characters`
  if (/\p{Surrogate}/u.test(password)) return 'The password has half a character in it'
  const folded = fold(password)
  if (isNearName(folded, fold(userName))) return 'The password is too near the name of the user'
  if (isCommon(folded)) return 'The password is one of those that are guessed first'
  return regexProblem(password, rules)
}

/** What is wrong with the rules themselves, each as a sentence. */
export function passwordRulesProblems(rules: PasswordRules): string[] {
  const problems: string[] = []
  const within = (name: keyof PasswordRules, from: number, to: number) => {
    const value = rules[name]
    const isFine = Number.isInteger(value) && Number(value) >= from && Number(value) <= to
    if (!isFine) problems.push(`${name} is a whole number from ${from} to ${to}`)
  }
  within('minLength', MIN_PASSWORD_LENGTH, MAX_PASSWORD_LENGTH)
  within('uniqueLastCount', 0, MAX_UNIQUE_LAST_COUNT)
  within('minimumAgeDays', 0, MAX_DAYS)
  if (rules.expiresDays !== null) {
    within('expiresDays', 1, MAX_DAYS)
    if (rules.minimumAgeDays >= rules.expiresDays) {
      problems.push('minimumAgeDays is less than expiresDays, or nobody can change in time')
    }
  }
  const regex = rules.regex === null ? null : patternProblem(rules.regex)
  if (regex) problems.push(`regex is not a regular expression: ${regex}`)
  if (rules.regex !== null && !rules.regexDescription) {
    problems.push('regexDescription tells people what regex wants of them, so it is needed')
  }
  return problems
}

/** When a password that was set then must be changed; null: never. */
export const passwordExpiresAt = (setAt: Date, rules: PasswordRules): Date | null =>
  rules.expiresDays === null ? null : new Date(setAt.getTime() + rules.expiresDays * DAY_MS)

/** From when on its owner may change a password that was set then. Administrators may always. */
export const passwordChangeableAt = (setAt: Date, rules: PasswordRules): Date =>
  new Date(setAt.getTime() + rules.minimumAgeDays * DAY_MS)

function regexProblem(password: string, rules: PasswordRules): string | null {
  if (rules.regex === null) return null
  const wanted = `The password must be: ${rules.regexDescription ?? 'of the form that is set here'}`
  try {
    return anyPatternFits([rules.regex], [password]) ? null : wanted
  } catch (error) {
    if (error instanceof PatternTooSlow) return `${wanted} (this one took too long to check)`
    throw error
  }
}

const fold = (text: string): string => text.normalize('NFKC').toLowerCase()

const isNearName = (password: string, name: string): boolean =>
  name !== '' && password.includes(name) && password.replaceAll(name, '').length < MIN_BESIDE_NAME

function isCommon(password: string): boolean {
  const bare = password.replace(/[^\p{L}]+$/u, '')
  return common.has(password) || common.has(bare) || isRun(password)
}

/** aaaaaaaa, 12345678, hgfedcba: each character the same distance from the one before. */
function isRun(password: string): boolean {
  const codes = Array.from(password, (character) => character.codePointAt(0) ?? 0)
  const step = (codes[1] ?? 0) - (codes[0] ?? 0)
  return (
    Math.abs(step) <= 1 && codes.every((code, i) => i === 0 || code - (codes[i - 1] ?? 0) === step)
  )
}
