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
