import { useQuery } from 'urql'
import { graphql } from '../../graphql.ts'
import type { FieldOption } from '../form/fields.ts'

/** The API gives at most so many at once; who has more names the host elsewhere. */
const hostsMost = 200

const HostOptions = graphql(`
  query HostOptions($first: Int!) {
    hosts(first: $first) { nodes { id name status enabled availabilityZone } }
  }
`)

/** Hosts to choose from, but for some; none are asked for while it is paused. */
export function useHostOptions(without: readonly string[] = [], isPaused = false): FieldOption[] {
  const variables = { first: hostsMost }
  const [{ data }] = useQuery({ query: HostOptions, variables, pause: isPaused })
  const hosts = data?.hosts.nodes ?? []
  return hosts
    .filter(({ id }) => !without.includes(id))
    .map(({ id, name, availabilityZone }) => ({
      value: id,
      label: name,
      description: availabilityZone,
    }))
}
