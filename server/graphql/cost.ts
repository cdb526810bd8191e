/**
 * What an operation costs: about the number of fields that its answer may hold, known before it
 * runs.
 *
 * - a field costs 1, or what its `@Extensions({ cost: n })` says; `__typename` is free;
 * - what is inside a list is multiplied by the rows that the list may have: the `first` or `last`
 *   of the field or, for a connection, of its parent; `DEFAULT_PAGE_SIZE` where it is left out;
 *   `DEFAULT_LIST_SIZE` for a list that takes no such argument;
 * - a page size above `MAX_PAGE_SIZE` counts as that: its resolver refuses it with a better message;
 * - introspection costs `INTROSPECTION_COST` however deep it is.
 *
 * The walk spreads fragments out, so it must only be given documents that are valid and within
 * `limits.fields`.
 */
import {
  type FieldNode,
  type FragmentDefinitionNode,
  type GraphQLField,
  type GraphQLNamedType,
  type GraphQLOutputType,
  type GraphQLSchema,
  getNamedType,
  isInterfaceType,
  isListType,
  isNonNullType,
  isObjectType,
  Kind,
  type OperationDefinitionNode,
  type SelectionSetNode,
  type ValueNode,
} from 'graphql'

export const DEFAULT_PAGE_SIZE = 50
export const DEFAULT_LIST_SIZE = 10
export const MAX_PAGE_SIZE = 200
export const INTROSPECTION_COST = 100

const PAGE_ARGUMENTS = ['first', 'last'] as const

export interface CostRequest {
  schema: GraphQLSchema
  operation: OperationDefinitionNode
  fragments: ReadonlyMap<string, FragmentDefinitionNode>
  variables: Readonly<Record<string, unknown>>
}

/** `fixed`: the same for all variables, so it need not be counted again. */
export interface Cost {
  points: number
  fixed: boolean
}

export function costOf(request: CostRequest): Cost {
  const defaults = new Map<string, ValueNode>()
  for (const definition of request.operation.variableDefinitions ?? []) {
    if (definition.defaultValue) {
      defaults.set(definition.variable.name.value, definition.defaultValue)
    }
  }
  const walk: Walk = { ...request, defaults, fixed: true }
  const root = request.schema.getRootType(request.operation.operation)
  const points = root ? setCost(request.operation.selectionSet, root, null, walk) : 0
  return { points, fixed: walk.fixed }
}

interface Walk extends CostRequest {
  defaults: Map<string, ValueNode>
  fixed: boolean
}

/** `page`: how many rows the lists directly in this set have, when the parent says so. */
function setCost(
  set: SelectionSetNode,
  parent: GraphQLNamedType,
  page: number | null,
  walk: Walk,
): number {
  let points = 0
  for (const selection of set.selections) {
    if (selection.kind === Kind.FIELD) points += fieldCost(selection, parent, page, walk)
    else if (selection.kind === Kind.INLINE_FRAGMENT) {
      const on = selection.typeCondition?.name.value
      const type = on ? (walk.schema.getType(on) ?? parent) : parent
      points += setCost(selection.selectionSet, type, page, walk)
    } else {
      const fragment = walk.fragments.get(selection.name.value)
      const type = fragment && walk.schema.getType(fragment.typeCondition.name.value)
      if (fragment && type) points += setCost(fragment.selectionSet, type, page, walk)
    }
  }
  return points
}

function fieldCost(
  node: FieldNode,
  parent: GraphQLNamedType,
  page: number | null,
  walk: Walk,
): number {
  const name = node.name.value
  if (name === '__typename') return 0
  if (name === '__schema' || name === '__type') return INTROSPECTION_COST
  const field =
    isObjectType(parent) || isInterfaceType(parent) ? parent.getFields()[name] : undefined
  if (!field) return 1
  const own = typeof field.extensions.cost === 'number' ? field.extensions.cost : 1
  if (!node.selectionSet) return own
  const asked = pageSize(node, field, walk)
  const inside = isList(field.type) ? null : asked
  const rows = isList(field.type) ? (asked ?? page ?? DEFAULT_LIST_SIZE) : 1
  return own + rows * setCost(node.selectionSet, getNamedType(field.type), inside, walk)
}

/** The rows that the field's own argument asks for; null when it takes none. */
function pageSize(
  node: FieldNode,
  field: GraphQLField<unknown, unknown>,
  walk: Walk,
): number | null {
  const takes = field.args.filter((argument) => isPageArgument(argument.name))
  if (takes.length === 0) return null
  const given = node.arguments?.find((argument) => isPageArgument(argument.name.value))
  const size = given
    ? valueOf(given.value, walk)
    : takes.map((argument) => argument.defaultValue).find((value) => typeof value === 'number')
  if (size === undefined || size === null) return DEFAULT_PAGE_SIZE
  return typeof size === 'number' && size >= 0 && size < MAX_PAGE_SIZE ? size : MAX_PAGE_SIZE
}

function valueOf(node: ValueNode, walk: Walk): unknown {
  if (node.kind === Kind.INT) return Number(node.value)
  if (node.kind !== Kind.VARIABLE) return undefined
  walk.fixed = false
  const name = node.name.value
  if (Object.hasOwn(walk.variables, name)) return walk.variables[name]
  const preset = walk.defaults.get(name)
  return preset?.kind === Kind.INT ? Number(preset.value) : undefined
}

const isPageArgument = (name: string): boolean =>
  (PAGE_ARGUMENTS as readonly string[]).includes(name)

const isList = (type: GraphQLOutputType): boolean =>
  isListType(isNonNullType(type) ? type.ofType : type)
