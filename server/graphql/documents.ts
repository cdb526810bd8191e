/**
 * From the text of a document to an operation that may run, the same for HTTP and WebSocket:
 * parse (bounded), measure, validate, count the cost. All but the cost is done once per document.
 */
import {
  type DocumentNode,
  type FragmentDefinitionNode,
  GraphQLError,
  type GraphQLSchema,
  getOperationAST,
  Kind,
  type OperationDefinitionNode,
  parse,
  validate,
} from 'graphql'
import { LRUCache } from 'lru-cache'
import { costOf } from './cost.ts'
import { type Limits, measure, overLimits, tooComplex } from './limits.ts'

/** Characters of document text that are kept parsed, for the WebSocket (Apollo keeps HTTP's). */
const KEPT_CHARACTERS = 4_000_000

/** An answer tells at most so many faults of a document. */
const FAULTS_MAX = 20

export interface OperationRequest {
  document: DocumentNode
  operationName?: string | null
  variables?: Readonly<Record<string, unknown>> | null
}

export interface Prepared {
  operation: OperationDefinitionNode | null
  /** Not empty: the operation must not run. */
  errors: readonly GraphQLError[]
  /** Null when the document was refused before it was counted. */
  cost: number | null
}

export interface Documents {
  /** Throws GraphQL's syntax error. */
  parse(text: string): DocumentNode
  prepare(request: OperationRequest): Prepared
}

interface Checked {
  errors: readonly GraphQLError[]
  fragments: Map<string, FragmentDefinitionNode>
  fixedCost: Map<OperationDefinitionNode, number>
}

export function makeDocuments(schema: GraphQLSchema, limits: Limits): Documents {
  const parsed = new LRUCache<string, DocumentNode>({
    maxSize: KEPT_CHARACTERS,
    sizeCalculation: (_document, text) => text.length + 1,
  })
  // As long as whoever parsed a document keeps it, so are we.
  const checked = new WeakMap<DocumentNode, Checked>()

  const check = (document: DocumentNode): Checked => {
    const known = checked.get(document)
    if (known) return known
    const fresh = checkDocument(schema, document, limits)
    checked.set(document, fresh)
    return fresh
  }

  return {
    parse(text) {
      const known = parsed.get(text)
      if (known) return known
      const document = parse(text, { maxTokens: limits.tokens })
      parsed.set(text, document)
      return document
    },

    prepare({ document, operationName, variables }) {
      const { errors, fragments, fixedCost } = check(document)
      const operation = getOperationAST(document, operationName) ?? null
      if (errors.length > 0) return { operation, errors, cost: null }
      if (!operation) return { operation, errors: [noOperation(operationName)], cost: null }
      let points = fixedCost.get(operation)
      if (points === undefined) {
        const cost = costOf({ schema, operation, fragments, variables: variables ?? {} })
        points = cost.points
        if (cost.fixed) fixedCost.set(operation, points)
      }
      const over = points > limits.cost ? [tooComplex('cost', limits.cost, points)] : []
      return { operation, errors: over, cost: points }
    },
  }
}

function checkDocument(schema: GraphQLSchema, document: DocumentNode, limits: Limits): Checked {
  const over = overLimits(measure(document), limits)
  const errors =
    over.length > 0 ? over : validate(schema, document, undefined, { maxErrors: FAULTS_MAX })
  const fragments = new Map<string, FragmentDefinitionNode>()
  for (const definition of document.definitions) {
    if (definition.kind === Kind.FRAGMENT_DEFINITION) {
      fragments.set(definition.name.value, definition)
    }
  }
  return { errors, fragments, fixedCost: new Map() }
}

const noOperation = (name: string | null | undefined): GraphQLError =>
  new GraphQLError(
    name
      ? `Unknown operation named "${name}"`
      : 'The document has several operations: say which by operationName',
    { extensions: { code: 'BAD_INPUT' } },
  )
