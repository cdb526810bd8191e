import { GraphQLScalarType, Kind, type ValueNode, valueFromASTUntyped } from 'graphql'

/** Read only: what callers give has types of its own. */
export const JsonScalar = new GraphQLScalarType({
  name: 'JSON',
  description:
    'Any JSON value, as it is: an object, a list, a text, a number, true, false or null.',
  serialize: (value) => value,
  parseValue: (value) => value,
  parseLiteral: (node: ValueNode, variables) =>
    node.kind === Kind.NULL ? null : valueFromASTUntyped(node, variables),
})
