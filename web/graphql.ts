/**
 * Typed GraphQL documents. Types come from the committed schema through `generated/`; a fragment's
 * fields are visible where the fragment is spread, because the portal is small and owned by one
 * team.
 */
import { initGraphQLTada } from 'gql.tada'
import type { introspection } from './generated/graphql-env.d.ts'
import type { Json } from './parts/history-changes.ts'

export const graphql = initGraphQLTada<{
  introspection: introspection
  disableMasking: true
  scalars: { DateTimeISO: string; BigInt: string; JSON: Json; StringMap: Record<string, string> }
}>()
