/**
 * The rules of a mapping as rows of a table: lists are typed with commas between. What a rule means
 * is the API's business; here it only changes its form.
 */
import type { MappingRuleInput, ProviderRowData } from './provider-fields.ts'

type MappingRule = ProviderRowData['mapping'][number]
type Condition = MappingRuleInput['remote'][number]

/** One rule with its conditions, one to a line: `claim`, `claim = a, b`, `claim != a` or with `~`. */
export interface MappingRow {
  conditions: string
  userName: string
  email: string
  groups: string
}

export const emptyRow: MappingRow = { conditions: '', userName: '', email: '', groups: '' }

function conditionText({
  claim,
  anyOneOf,
  notAnyOf,
  regex,
}: MappingRule['remote'][number]): string {
  const values = anyOneOf ?? notAnyOf
  if (!values) return claim
  return `${claim} ${notAnyOf ? '!' : ''}${regex ? '~' : '='} ${values.join(', ')}`
}

export const rowOf = ({ remote, local }: MappingRule): MappingRow => ({
  conditions: remote.map(conditionText).join('\n'),
  userName: local.userName ?? '',
  email: local.email ?? '',
  groups: (local.groups ?? []).join(', '),
})

const list = (text: string): string[] =>
  text
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '')

function conditionOf(line: string): Condition {
  const [, claim = line, sign, values = ''] = /^(.*?)\s*(!?[=~])\s*(.*)$/.exec(line) ?? []
  if (!sign) return { claim: claim.trim() }
  const regex = sign.endsWith('~') ? true : undefined
  // A comma may be part of a regular expression: there is one to a condition.
  const wanted = regex ? [values] : list(values)
  return sign.startsWith('!')
    ? { claim: claim.trim(), notAnyOf: wanted, regex }
    : { claim: claim.trim(), anyOneOf: wanted, regex }
}

export const ruleOf = ({ conditions, userName, email, groups }: MappingRow): MappingRuleInput => ({
  remote: conditions
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map(conditionOf),
  local: {
    userName: userName.trim() || undefined,
    email: email.trim() || undefined,
    groups: list(groups).length > 0 ? list(groups) : undefined,
  },
})
