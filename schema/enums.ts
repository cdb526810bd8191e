import { registerEnumType } from 'type-graphql'

/** Makes a GraphQL enum of values and what each of them means. */
export function enumOf<V extends string>(
  name: string,
  description: string,
  values: Record<V, string>,
): { [K in V]: K } {
  const names = Object.keys(values) as V[]
  const type = Object.fromEntries(names.map((v) => [v, v])) as { [K in V]: K }
  const valuesConfig = Object.fromEntries(names.map((v) => [v, { description: values[v] }]))
  registerEnumType(type, { name, description, valuesConfig: valuesConfig as object })
  return type
}
