/**
 * Watching. Each change lands in the cache by itself, so what is on the screen follows; what a
 * change means for a list (order, filter, count) is the API's business, so lists are read again, at
 * most once in `rereadAfterMs`.
 */
import { useEffect, useEffectEvent } from 'react'
import { type AnyVariables, type TypedDocumentNode, useClient } from 'urql'
import type { WatchContext } from '../client.ts'
import { useCoalesced } from './coalesce.ts'

const rereadAfterMs = 200

/**
 * Watches while the component is on the screen; `onChange` gets each answer after the cache has it.
 */
export function useLive<Data, Variables extends AnyVariables>(
  document: TypedDocumentNode<Data, Variables>,
  variables: Variables,
  onChange: (data: Data) => void = () => {},
  context: WatchContext = {},
): void {
  const client = useClient()
  const changed = useEffectEvent(onChange)
  const key = JSON.stringify(variables)
  const { isList } = context
  useEffect(() => {
    const source = client.subscription(document, JSON.parse(key) as Variables, { isList })
    const { unsubscribe } = source.subscribe(({ data }) => {
      if (data) changed(data)
    })
    return unsubscribe
  }, [client, document, key, isList])
}

/**
 * Watches a list. Of the snapshot only the first row arrives, to say that the watch has begun and
 * the list should be read again: to take in row after row of a thousand took four seconds of the
 * browser.
 */
export function useLiveList<Data, Variables extends AnyVariables>(
  document: TypedDocumentNode<Data, Variables>,
  onChange: (data: Data) => void,
): void {
  useLive(document, {} as Variables, onChange, { isList: true })
}

type Reread = (options: { requestPolicy: 'network-only' }) => void

/** A function that reads a query again soon; many calls make one request. */
export function useReread(reread: Reread): () => void {
  return useCoalesced(() => reread({ requestPolicy: 'network-only' }), rereadAfterMs)
}
