import type { Fault } from '../../schema/core/error.ts'

/** A fault as its column holds it, with a real date. */
export function faultOf(column: unknown): Fault | null {
  if (!column) return null
  const fault = column as Omit<Fault, 'at'> & { at: string }
  return { ...fault, at: new Date(fault.at) }
}
