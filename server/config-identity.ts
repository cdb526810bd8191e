/** The settings of identity, the catalog and the audit log: rows of the table in config.ts. */
import { z } from 'zod'
import {
  defaultPasswordRules,
  MAX_PASSWORD_LENGTH,
  MAX_UNIQUE_LAST_COUNT,
  MIN_PASSWORD_LENGTH,
  type PasswordRules,
} from '../services/identity/password-rules.ts'
import { patternProblem } from '../services/identity/pattern.ts'
import { type TokenFormat, tokenFormats } from '../services/identity/token.ts'
import { folder, name, type Setting, webAddress, wholeNumber } from './setting.ts'

const TOKEN_TTL_SECONDS = { least: 60, most: 30 * 24 * 3600 }
const MAX_PASSWORD_DAYS = 3650
const MAX_RETENTION_DAYS = 36_500

export interface IdentityConfig {
  tokenTtlSeconds: number
  /** What new tokens are; both are accepted. */
  tokenFormat: TokenFormat
  /** Absolute. Undefined: `policy` in the data directory. */
  policyDir: string | undefined
  /** The region that this control plane is, in the catalog. */
  region: string
  /** How users reach the API, for the catalog and identity providers. Undefined: as it listens. */
  publicUrl: string | undefined
  passwordMinLength: number
  passwordRegex: string | undefined
  passwordRegexDescription: string | undefined
  /** 0: none is remembered. */
  passwordUniqueLastCount: number
  /** 0: never. */
  passwordExpiresDays: number
  passwordMinimumAgeDays: number
  /** How long the audit log is kept. 0: for ever. */
  auditRetentionDays: number
}

/** As they are when nobody says anything. */
export const identityDefaults: IdentityConfig = {
  tokenTtlSeconds: 24 * 3600,
  tokenFormat: 'jwt',
  policyDir: undefined,
  region: 'RegionOne',
  publicUrl: undefined,
  passwordMinLength: defaultPasswordRules.minLength,
  passwordRegex: undefined,
  passwordRegexDescription: undefined,
  passwordUniqueLastCount: 0,
  passwordExpiresDays: 0,
  passwordMinimumAgeDays: 0,
  auditRetentionDays: 0,
}

export const IDENTITY_SETTINGS = {
  tokenTtlSeconds: {
    environment: 'NEPHO_TOKEN_TTL_SECONDS',
    accepted: `whole seconds from ${TOKEN_TTL_SECONDS.least} to ${TOKEN_TTL_SECONDS.most}`,
    schema: wholeNumber(TOKEN_TTL_SECONDS.least, TOKEN_TTL_SECONDS.most),
  },
  tokenFormat: {
    environment: 'NEPHO_TOKEN_FORMAT',
    accepted: `one of ${tokenFormats.join(', ')}`,
    schema: z.enum(tokenFormats),
  },
  policyDir: {
    environment: 'NEPHO_POLICY_DIR',
    ...folder,
  },
  region: {
    environment: 'NEPHO_REGION',
    ...name,
  },
  publicUrl: {
    environment: 'NEPHO_PUBLIC_URL',
    accepted: 'an address such as https://cloud.example.org',
    schema: webAddress,
  },
  passwordMinLength: {
    environment: 'NEPHO_PASSWORD_MIN_LENGTH',
    accepted: `whole characters from ${MIN_PASSWORD_LENGTH} to ${MAX_PASSWORD_LENGTH}`,
    schema: wholeNumber(MIN_PASSWORD_LENGTH, MAX_PASSWORD_LENGTH),
  },
  passwordRegex: {
    environment: 'NEPHO_PASSWORD_REGEX',
    accepted: 'a regular expression that passwords must fit',
    schema: z.string().refine((text) => patternProblem(text) === null),
  },
  passwordRegexDescription: {
    environment: 'NEPHO_PASSWORD_REGEX_DESCRIPTION',
    accepted: 'what the regular expression wants, in words',
    schema: z.string().min(1).max(255),
  },
  passwordUniqueLastCount: {
    environment: 'NEPHO_PASSWORD_UNIQUE_LAST_COUNT',
    accepted: `a count from 0 to ${MAX_UNIQUE_LAST_COUNT}`,
    schema: wholeNumber(0, MAX_UNIQUE_LAST_COUNT),
  },
  passwordExpiresDays: {
    environment: 'NEPHO_PASSWORD_EXPIRES_DAYS',
    accepted: `days from 0 (never) to ${MAX_PASSWORD_DAYS}`,
    schema: wholeNumber(0, MAX_PASSWORD_DAYS),
  },
  passwordMinimumAgeDays: {
    environment: 'NEPHO_PASSWORD_MINIMUM_AGE_DAYS',
    accepted: `days from 0 to ${MAX_PASSWORD_DAYS}`,
    schema: wholeNumber(0, MAX_PASSWORD_DAYS),
  },
  auditRetentionDays: {
    environment: 'NEPHO_AUDIT_RETENTION_DAYS',
    accepted: `days from 0 (for ever) to ${MAX_RETENTION_DAYS}`,
    schema: wholeNumber(0, MAX_RETENTION_DAYS),
  },
} satisfies Record<keyof IdentityConfig, Setting>

/** The rules for passwords, of the settings. */
export const passwordRulesOf = (
  config: Pick<IdentityConfig, Extract<keyof IdentityConfig, `password${string}`>>,
): PasswordRules => ({
  minLength: config.passwordMinLength,
  regex: config.passwordRegex ?? null,
  regexDescription: config.passwordRegexDescription ?? null,
  uniqueLastCount: config.passwordUniqueLastCount,
  expiresDays: config.passwordExpiresDays || null,
  minimumAgeDays: config.passwordMinimumAgeDays,
})
