/** What a row of the table of settings is made of. */
import { z } from 'zod'

export interface Setting {
  environment: string
  /** What is accepted, in words. */
  accepted: string
  schema: z.ZodType
  secret?: true
  /** What somebody who gave the wrong value may have meant. */
  hint?(value: unknown): string | null
}

export const wholeNumber = (least: number, most: number) =>
  z
    .union([z.number(), z.string().regex(/^\d+$/).transform(Number)])
    .pipe(z.int().min(least).max(most))

export const address = (...protocols: string[]) =>
  z.string().refine((text) => URL.canParse(text) && protocols.includes(new URL(text).protocol))

/** Without a slash at its end, so that paths can be put behind it. */
export const webAddress = address('http:', 'https:').transform((text) => text.replace(/\/+$/, ''))

/** A row's check of what becomes part of an address or of a folder's name. */
export const name = {
  accepted: 'at most 63 letters, digits, dots, dashes and underscores',
  schema: z.string().regex(/^[A-Za-z0-9][\w.-]{0,62}$/),
}

/** A row's check of a path. */
export const folder = {
  accepted: 'the path of a folder',
  schema: z.string().regex(/^[^\0]+$/),
}
