import { GraphQLError, GraphQLScalarType, Kind, type ValueNode, valueFromASTUntyped } from 'graphql'

/** Names to texts. How many, how long and which names: that is for the command to say. */
export const StringMapScalar = new GraphQLScalarType<Record<string, string>, unknown>({
  name: 'StringMap',
  description: 'An object whose values are texts: `{ "role": "web", "stage": "test" }`.',
  serialize: (value) => value,
  parseValue: parse,
  parseLiteral: (node: ValueNode, variables) => {
    if (node.kind !== Kind.OBJECT) throw notOne()
    return parse(valueFromASTUntyped(node, variables))
  },
})

function parse(value: unknown): Record<string, string> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw notOne()
  const pairs = Object.entries(value)
  if (!pairs.every((pair): pair is [string, string] => typeof pair[1] === 'string')) throw notOne()
  return Object.fromEntries(pairs)
}

const notOne = (): GraphQLError =>
  new GraphQLError('A StringMap is an object whose values are texts: { "role": "web" }')
