export const JSON_TYPE = 'application/json; charset=utf-8'
export const GRAPHQL_TYPE = 'application/graphql-response+json; charset=utf-8'

/** More ranges than this in an Accept header are not looked at. */
const RANGES_MAX = 20

/**
 * The media type of a GraphQL answer by the request's `Accept` (RFC 9110, 12.5.1): the acceptable
 * one with the highest weight, the one named first among equals; JSON when there is no header or
 * only a wildcard. Null when neither type is acceptable.
 */
export function answerType(accept: string | undefined): string | null {
  if (!accept?.trim()) return JSON_TYPE
  let best: { type: string; weight: number } | null = null
  for (const range of accept.split(',').slice(0, RANGES_MAX)) {
    const [name = '', ...parameters] = range.split(';').map((part) => part.trim().toLowerCase())
    const type = typeOf(name)
    const weight = weightOf(parameters)
    if (type && weight > 0 && weight > (best?.weight ?? 0)) best = { type, weight }
  }
  return best?.type ?? null
}

function typeOf(range: string): string | null {
  if (range === 'application/graphql-response+json') return GRAPHQL_TYPE
  if (range === 'application/json' || range === 'application/*' || range === '*/*') return JSON_TYPE
  return null
}

function weightOf(parameters: string[]): number {
  const q = parameters.find((parameter) => parameter.startsWith('q='))
  if (!q) return 1
  const weight = Number(q.slice(2))
  return weight >= 0 && weight <= 1 ? weight : 0
}
