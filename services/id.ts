import { v7, validate } from 'uuid'

/** A new id: a UUIDv7 (RFC 9562), so that ids sort by the time they were made. */
export const newId = (): string => v7()

export const isId = (value: unknown): value is string =>
  typeof value === 'string' && validate(value)
