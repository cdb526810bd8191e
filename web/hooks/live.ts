/**
 * Watching. Each change lands in the cache by itself, so what is on the screen follows; what a
 * change means for a list (order, filter, count) is the API's business, so lists are read again, at
 * most once in `rereadAfterMs`.
 */
import { useEffect, useEffectEvent, useRef } from 'react'
import { type AnyVariables, type TypedDocumentNode, useClient } from 'urql'
import type { WatchContext } from '../client.ts'
import { useCoalesced } from './coalesce.ts'

const rereadAfterMs = 200

/** A list of which the watch says nothing for so long is read again: its snapshot may be empty. */
const silenceMs = 2_000

/**
 * Watches while the component is on the screen; `onChange` gets each answer after the cache has it.
 * A watch may begin after what it waits for has happened: of one resource that is gone by then it is
 * refused, which `onRefused` tells; of all others the snapshot tells how they are.
 */
export function useLive<Data, Variables extends AnyVariables>(
  document: TypedDocumentNode<Data, Variables>,
  variables: Variables,
  onChange: (data: Data) => void = () => {},
  { onRefused = () => {}, isList }: WatchContext & { onRefused?: () => void } = {},
): void {
  const client = useClient()
  const changed = useEffectEvent(onChange)
  const refused = useEffectEvent(onRefused)
  const key = JSON.stringify(variables)
  useEffect(() => {
    const source = client.subscription(document, JSON.parse(key) as Variables, { isList })
    const { unsubscribe } = source.subscribe(({ data, error }) => {
      if (data) changed(data)
      else if (error) refused()
    })
    return unsubscribe
  }, [client, document, key, isList])
}

/**
 * Watches a list. Of the snapshot only the first row arrives, to say that the watch has begun and
 * the list should be read again: to take in row after row of a thousand took four seconds of the
 * browser. `onSilence` is called once when not even that comes: what the list showed may be gone.
 */
export function useLiveList<Data, Variables extends AnyVariables>(
  document: TypedDocumentNode<Data, Variables>,
  onChange: (data: Data) => void,
  onSilence: () => void,
): void {
  const hasSpoken = useRef(false)
  const silent = useEffectEvent(onSilence)
  useLive(
    document,
    {} as Variables,
    (data) => {
      hasSpoken.current = true
      onChange(data)
    },
    { isList: true },
  )
  useEffect(() => {
    const timer = setTimeout(() => {
      if (!hasSpoken.current) silent()
    }, silenceMs)
    return () => clearTimeout(timer)
  }, [])
}

type Reread = (options: { requestPolicy: 'network-only' }) => void

/** A function that reads a query again soon; many calls make one request. */
export function useReread(reread: Reread): () => void {
  return useCoalesced(() => reread({ requestPolicy: 'network-only' }), rereadAfterMs)
}
