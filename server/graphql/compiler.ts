/**
 * Executes queries and mutations: hot documents through graphql-jit, everything else, and whatever
 * the compiler can't do, through graphql-js. Both give the same answers; a test compares them.
 *
 * graphql-jit 0.8 writes JavaScript source from the document. What must hold for that to be safe:
 *
 * J1 No text of a caller's choice reaches the source. It pastes string literals in, and one that
 *    carries its internal date marker is *run* as code. So a document is compiled only when it has
 *    no string literal and all its names are letters and digits. Clients that matter use variables.
 * J2 It names its helpers by joining response keys with `_`: without J1, an alias `a_b` gets the
 *    `info` of another field.
 * J3 It reads `resolveType` synchronously (type-graphql's is async) and confuses `@include` on a
 *    fragment that is spread twice: no abstract types, no directives.
 * J4 An error that a getter throws after a promise is unhandled inside it: see `guardRuntime`.
 * J5 Compiling takes a hundred times as long as executing, so a document is compiled when it comes
 *    again, and only so many are kept.
 */
import { createRequire } from 'node:module'
import {
  type DocumentNode,
  type ExecutionResult,
  execute,
  type GraphQLSchema,
  getNamedType,
  isAbstractType,
  Kind,
  TypeInfo,
  visit,
  visitWithTypeInfo,
} from 'graphql'
import { type CompiledQuery, compileQuery, isCompiledQuery } from 'graphql-jit'
import { LRUCache } from 'lru-cache'

export interface Execution {
  document: DocumentNode
  operationName?: string | null
  variables?: Readonly<Record<string, unknown>> | null
  context: object
  rootValue?: unknown
}

/** The errors of the result are as thrown: see errors.ts. */
export type Execute = (execution: Execution) => Promise<ExecutionResult> | ExecutionResult

/** Documents whose compiled form is kept. */
const COMPILED_MAX = 500
/** At this use of a document it is compiled. */
const COMPILE_AT_USE = 3
/** Larger documents take the compiler too long: about 0.1 ms per field. */
const COMPILED_FIELDS_MAX = 300

interface Entry {
  uses: number
  compiled: CompiledQuery | null
}

/** `jit: false` leaves everything to graphql-js. */
export function makeExecutor(schema: GraphQLSchema, { jit }: { jit: boolean }): Execute {
  if (!jit) return (execution) => interpret(schema, execution)
  guardRuntime()
  const entries = new LRUCache<DocumentNode, Map<string, Entry>>({ max: COMPILED_MAX })

  return (execution) => {
    let operations = entries.get(execution.document)
    if (!operations) entries.set(execution.document, (operations = new Map()))
    const name = execution.operationName ?? ''
    let entry = operations.get(name)
    if (!entry) operations.set(name, (entry = { uses: 0, compiled: null }))
    entry.uses++
    if (entry.uses === COMPILE_AT_USE) entry.compiled = compile(schema, execution)
    return entry.compiled ? run(entry.compiled, schema, execution) : interpret(schema, execution)
  }
}

function interpret(schema: GraphQLSchema, execution: Execution) {
  return execute({
    schema,
    document: execution.document,
    operationName: execution.operationName,
    variableValues: execution.variables,
    contextValue: execution.context,
    rootValue: execution.rootValue,
  })
}

function run(
  compiled: CompiledQuery,
  schema: GraphQLSchema,
  execution: Execution,
): Promise<ExecutionResult> | ExecutionResult {
  const result = compiled.query(execution.rootValue, execution.context, execution.variables ?? {})
  // Refused variables: nothing ran. graphql-js says it better and with the scalar's own words.
  if (!isPromise(result) && result.data === undefined) return interpret(schema, execution)
  return result
}

function compile(schema: GraphQLSchema, execution: Execution): CompiledQuery | null {
  if (!isCompilable(schema, execution.document)) return null
  const compiled = compileQuery(schema, execution.document, execution.operationName ?? undefined)
  return isCompiledQuery(compiled) ? compiled : null
}

const PLAIN_NAME = /^[A-Za-z][A-Za-z0-9]*$/
const PLAIN_ENUM = /^[A-Z][A-Z0-9]*(_[A-Z0-9]+)*$/

/** J1, J2, J3. Exported for its test. */
export function isCompilable(schema: GraphQLSchema, document: DocumentNode): boolean {
  let plain = true
  let fields = 0
  const types = new TypeInfo(schema)
  visit(
    document,
    visitWithTypeInfo(types, {
      enter(node) {
        if (node.kind === Kind.STRING || node.kind === Kind.DIRECTIVE) plain = false
        else if (node.kind === Kind.NAME) {
          plain &&= PLAIN_NAME.test(node.value) || node.value === '__typename'
        } else if (node.kind === Kind.ENUM) plain &&= PLAIN_ENUM.test(node.value)
        else if (node.kind === Kind.FIELD) {
          fields++
          const type = types.getType()
          if (type && isAbstractType(getNamedType(type))) plain = false
        }
      },
    }),
  )
  return plain && fields <= COMPILED_FIELDS_MAX
}

interface JitContext {
  promiseCounter: number
  errors: unknown[]
  resolve(context: JitContext): void
}

type Handler = (
  context: JitContext,
  value: unknown,
  onSuccess: (result: unknown) => void,
  onError: (error: unknown) => void,
) => void

let guarded = false

/**
 * J4: in the compiler's runtime a throw while a resolved value is completed leaves the request
 * without an answer and ends the process as an unhandled rejection. Here it becomes the field's error.
 */
function guardRuntime(): void {
  if (guarded) return
  guarded = true
  const load = createRequire(import.meta.url)
  const { jitRuntime } = load('graphql-jit/dist/runtime.js') as {
    jitRuntime: { handleResolverResult: Handler; handleListItemResult: Handler }
  }
  for (const name of ['handleResolverResult', 'handleListItemResult'] as const) {
    const original = jitRuntime[name].bind(jitRuntime)
    jitRuntime[name] = (context, value, onSuccess, onError) =>
      original(
        context,
        value,
        (result) => {
          try {
            onSuccess(result)
          } catch (error) {
            onError(error)
          }
        },
        onError,
      )
  }
}

const isPromise = <T>(value: T | Promise<T>): value is Promise<T> => value instanceof Promise
