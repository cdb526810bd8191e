import { GraphQLScalarType, Kind } from 'graphql'

const INTEGER = /^-?\d{1,19}$/

function parse(value: unknown): bigint {
  if (typeof value === 'bigint') return value
  if (typeof value === 'number' && Number.isSafeInteger(value)) return BigInt(value)
  if (typeof value === 'string' && INTEGER.test(value)) return BigInt(value)
  throw new TypeError('BigInt must be a whole number, written as a string')
}

/** Always a string, so that no client sees two types or loses digits. */
export const BigIntScalar = new GraphQLScalarType({
  name: 'BigInt',
  description: 'A whole number of up to 64 bits, written as a string.',
  serialize: (value) => parse(value).toString(),
  parseValue: parse,
  parseLiteral: (node) => {
    if (node.kind === Kind.INT || node.kind === Kind.STRING) return parse(node.value)
    throw new TypeError('BigInt must be a whole number, written as a string')
  },
})
