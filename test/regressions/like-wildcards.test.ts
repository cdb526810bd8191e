/**
 * `contains` was handed to LIKE as it came: `_` found every name, `50%` found `500`, and a backslash
 * took the meaning of what follows it. A watch with the same filter compared literally, so that list
 * and watch disagreed.
 */
import 'reflect-metadata'
import { expect, it } from 'vitest'
import { textFilter, textMatches } from '../../resolvers/page.ts'

it.each([
  ['_', String.raw`\_`],
  ['50%', String.raw`50\%`],
  ['a\\b', String.raw`a\\b`],
  ['plain', 'plain'],
])('%j means itself', (contains, pattern) => {
  expect(textFilter({ contains })).toEqual({ contains: pattern, mode: 'insensitive' })
  expect(textMatches(`before ${contains} after`, { contains })).toBe(true)
})
