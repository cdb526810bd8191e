/** The catalog as choices: it is small, so all of it. */
import { useQuery } from 'urql'
import { graphql } from '../../graphql.ts'
import type { FieldOption } from '../form/fields.ts'

const ServiceChoice = graphql(`
  query ServiceChoice { services(first: 200) { nodes { id name type } } }
`)

const RegionChoice = graphql(
  `query RegionChoice { regions(first: 200) { nodes { id description } } }`,
)

export function useServiceChoice(): FieldOption[] {
  const [{ data }] = useQuery({ query: ServiceChoice })
  const nodes = data?.services.nodes ?? []
  return nodes.map(({ id, name, type }) => ({ value: id, label: name, description: type }))
}

export function useRegionChoice(): FieldOption[] {
  const [{ data }] = useQuery({ query: RegionChoice })
  const nodes = data?.regions.nodes ?? []
  return nodes.map(({ id, description }) => ({ value: id, label: id, description }))
}
