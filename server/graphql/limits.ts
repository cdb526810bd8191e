/**
 * How much one document may ask for, whatever its variables are. Measured before validation,
 * because some of graphql-js's rules take quadratic time in what is limited here.
 *
 * L1 Measuring takes time linear in the document: a fragment is measured once however often it is
 *    spread, so that fragments that double each other are counted, not walked.
 * L2 A fragment that spreads itself counts as empty; validation refuses it afterwards.
 * L3 Introspection is free of the depth limit (GraphiQL's own query is 15 deep); graphql-js's
 *    MaxIntrospectionDepthRule bounds its lists, the number of fields bounds the rest.
 */
import {
  type DocumentNode,
  type FragmentDefinitionNode,
  GraphQLError,
  Kind,
  type OperationDefinitionNode,
  type SelectionNode,
  type SelectionSetNode,
} from 'graphql'

export interface Limits {
  /** Lexical tokens of a document; the parser stops there. */
  tokens: number
  /** Fields inside fields. */
  depth: number
  aliases: number
  /** Fields of Query or Mutation in one operation. */
  rootFields: number
  directives: number
  /** Fields of an operation with its fragments spread out. */
  fields: number
  /** What an operation may cost, see cost.ts. */
  cost: number
}

export const defaultLimits: Limits = {
  tokens: 4_000,
  depth: 15,
  aliases: 50,
  rootFields: 20,
  directives: 50,
  fields: 1_000,
  cost: 100_000,
}

const words: Record<keyof Limits, string> = {
  tokens: 'tokens',
  depth: 'levels of fields',
  aliases: 'aliases',
  rootFields: 'root fields',
  directives: 'directives',
  fields: 'fields',
  cost: 'points of cost',
}

/** The refusal of what is above a limit. */
export function tooComplex(what: keyof Limits, limit: number, requested: number): GraphQLError {
  return new GraphQLError(
    `The operation asks for ${requested} ${words[what]}, at most ${limit} are accepted`,
    { extensions: { code: 'TOO_COMPLEX', details: { what, limit, requested } } },
  )
}

export interface Shape {
  depth: number
  fields: number
  aliases: number
  directives: number
  /** Fields on the first level. */
  rootFields: number
}

/** The size of a document: the largest of its operations, fragments included. */
export function measure(document: DocumentNode): Shape {
  const fragments = new Map<string, FragmentDefinitionNode>()
  const operations: OperationDefinitionNode[] = []
  for (const definition of document.definitions) {
    if (definition.kind === Kind.FRAGMENT_DEFINITION) {
      fragments.set(definition.name.value, definition)
    } else if (definition.kind === Kind.OPERATION_DEFINITION) operations.push(definition)
  }
  const ruler: Ruler = { fragments, measured: new Map() }
  const shapes = operations.map((operation) => {
    const shape = measureSet(operation.selectionSet, ruler)
    return { ...shape, directives: shape.directives + (operation.directives?.length ?? 0) }
  })
  // Fragments that no operation spreads are still walked by the validator.
  for (const name of fragments.keys())
    shapes.push({ ...measureFragment(name, ruler), rootFields: 0 })
  return shapes.reduce(largest, nothing)
}

/** What of a document is above its limits; empty when all is well. */
export function overLimits(shape: Shape, limits: Limits): GraphQLError[] {
  return (['depth', 'aliases', 'rootFields', 'directives', 'fields'] as const)
    .filter((what) => shape[what] > limits[what])
    .map((what) => tooComplex(what, limits[what], shape[what]))
}

interface Ruler {
  fragments: Map<string, FragmentDefinitionNode>
  measured: Map<string, Shape>
}

const nothing: Shape = { depth: 0, fields: 0, aliases: 0, directives: 0, rootFields: 0 }

function measureSet(set: SelectionSetNode, ruler: Ruler): Shape {
  let sum = nothing
  for (const selection of set.selections) {
    const shape = measureSelection(selection, ruler)
    sum = {
      depth: Math.max(sum.depth, shape.depth),
      fields: sum.fields + shape.fields,
      aliases: sum.aliases + shape.aliases,
      directives: sum.directives + shape.directives + (selection.directives?.length ?? 0),
      rootFields: sum.rootFields + shape.rootFields,
    }
  }
  return sum
}

function measureSelection(selection: SelectionNode, ruler: Ruler): Shape {
  if (selection.kind === Kind.INLINE_FRAGMENT) return measureSet(selection.selectionSet, ruler)
  if (selection.kind === Kind.FRAGMENT_SPREAD) return measureFragment(selection.name.value, ruler)
  const inner = selection.selectionSet ? measureSet(selection.selectionSet, ruler) : nothing
  const name = selection.name.value
  return {
    depth: 1 + (name === '__schema' || name === '__type' ? 0 : inner.depth), // L3
    fields: 1 + inner.fields,
    aliases: (selection.alias ? 1 : 0) + inner.aliases,
    directives: inner.directives,
    rootFields: 1,
  }
}

function measureFragment(name: string, ruler: Ruler): Shape {
  const known = ruler.measured.get(name)
  if (known) return known
  const fragment = ruler.fragments.get(name)
  if (!fragment) return nothing
  ruler.measured.set(name, nothing) // L2
  const shape = measureSet(fragment.selectionSet, ruler)
  ruler.measured.set(name, shape)
  return shape
}

const largest = (a: Shape, b: Shape): Shape => ({
  depth: Math.max(a.depth, b.depth),
  fields: Math.max(a.fields, b.fields),
  aliases: Math.max(a.aliases, b.aliases),
  directives: Math.max(a.directives, b.directives),
  rootFields: Math.max(a.rootFields, b.rootFields),
})
