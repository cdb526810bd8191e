import { registerEnumType } from 'type-graphql'

/** Makes a GraphQL enum of the values that services/ lists, each with its description if it has one. */
export function enumOf<V extends string>(
  name: string,
  description: string,
  values: readonly V[] | Record<V, string>,
): { [K in V]: K } {
  const names = (Array.isArray(values) ? values : Object.keys(values)) as V[]
  const type = Object.fromEntries(names.map((v) => [v, v])) as { [K in V]: K }
  const valuesConfig = Array.isArray(values)
    ? {}
    : Object.fromEntries(Object.entries(values).map(([v, text]) => [v, { description: text }]))
  registerEnumType(type, { name, description, valuesConfig: valuesConfig as object })
  return type
}
