/** What to choose from in forms: the first that fit what is typed. */
import { useState } from 'react'
import { type TypedDocumentNode, useQuery } from 'urql'
import { useCoalesced } from '../hooks/coalesce.ts'
import type { FieldOption } from './form/fields.ts'

const searchAfterMs = 250

export interface Choice {
  options: FieldOption[]
  onSearch(text: string): void
}

interface Found {
  found: { nodes: readonly { id: string; name: string; domain?: { name: string } | null }[] }
}

interface SearchVariables {
  name?: { contains: string } | null
}

/** The choice from what a query calls `found`, narrowed by `name`. */
export function useChoice(
  query: TypedDocumentNode<Found, SearchVariables>,
  isPaused = false,
): Choice {
  const [typed, setTyped] = useState('')
  const [searched, setSearched] = useState('')
  const searchSoon = useCoalesced(() => setSearched(typed), searchAfterMs)
  const variables = { name: searched ? { contains: searched } : null }
  const [{ data }] = useQuery({ query, variables, pause: isPaused })
  const nodes = data?.found.nodes ?? []
  return {
    options: nodes.map(({ id, name, domain }) => ({
      value: id,
      label: name,
      description: domain?.name,
    })),
    onSearch(text) {
      setTyped(text)
      searchSoon()
    },
  }
}
