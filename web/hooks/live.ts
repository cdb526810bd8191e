/**
 * Watching. Each change lands in the cache by itself, so what is on the screen follows; what a change
 * means for a list (order, filter, count) is the API's business, so lists are read again, at most
 * once in `rereadAfterMs`.
 */
import { useEffect, useEffectEvent } from 'react'
import { type AnyVariables, type TypedDocumentNode, useClient } from 'urql'
import { useCoalesced } from './coalesce.ts'

const rereadAfterMs = 200

/** Watches while the component is on the screen; `onChange` gets each answer after the cache has it. */
export function useLive<Data, Variables extends AnyVariables>(
  document: TypedDocumentNode<Data, Variables>,
  variables: Variables,
  onChange: (data: Data) => void = () => {},
): void {
  const client = useClient()
  const changed = useEffectEvent(onChange)
  const key = JSON.stringify(variables)
  useEffect(() => {
    const source = client.subscription(document, JSON.parse(key) as Variables)
    const { unsubscribe } = source.subscribe(({ data }) => {
      if (data) changed(data)
    })
    return unsubscribe
  }, [client, document, key])
}

type Reread = (options: { requestPolicy: 'network-only' }) => void

/** A function that reads a query again soon; many calls make one request. */
export function useReread(reread: Reread): () => void {
  return useCoalesced(() => reread({ requestPolicy: 'network-only' }), rereadAfterMs)
}
