/** docs/states.md: the state tables as people read them; scripts/schema-emit.mjs writes the page. */
import { serverActions, serverStatuses } from './compute/server.states.ts'
import { imageActions, imageStatuses } from './image/image.states.ts'
import type { ActionRow } from './transition.ts'

const HEAD = `# What may be done when

Written by \`npm run schema\` from the state tables in \`services/\`, which the API, the workers and the
portal's buttons read too. A refusal is INVALID_STATE and names the statuses that would allow the action;
\`actions { name allowed reason }\` of a resource tells beforehand.

- *during*: the status while the action's task runs; none: the present one stays, and \`taskState\` names the action.
- *after*: the status at its end; *as before*: the status that it had, and what was in ERROR is ACTIVE.
- *if it fails*: the status when it failed for good; none: the one before. \`fault\` says why.
- *interrupts*: may begin while another action runs, which is then cancelled.
- *at once*: no task follows.
- *even locked*: a lock does not stop it.
`

type Table = Record<string, ActionRow<string>>

const row = (cells: readonly string[]) => `| ${cells.join(' | ')} |`

const after = ({ to }: ActionRow<string>) =>
  to === null ? '(gone)' : to === 'SAME' ? 'as before' : to

const more = ({ interrupts, immediate, evenLocked, placed }: ActionRow<string>) =>
  [
    interrupts && 'interrupts',
    immediate && 'at once',
    evenLocked && 'even locked',
    placed && 'needs a host',
  ]
    .filter(Boolean)
    .join(', ')

function section(title: string, statuses: readonly string[], table: Table): string {
  const from = (one: ActionRow<string>) =>
    one.from.length === statuses.length ? '(any)' : one.from.join(', ')
  return [
    `## ${title}`,
    '',
    row(['action', 'from', 'during', 'after', 'if it fails', 'more', 'rule']),
    row(Array(7).fill('---')),
    ...Object.entries(table).map(([name, one]) =>
      row([
        name,
        from(one),
        one.during ?? '',
        after(one),
        one.onFailure ?? '',
        more(one),
        `\`${one.rule}\``,
      ]),
    ),
    '',
    `Statuses: ${statuses.join(', ')}.`,
    '',
  ].join('\n')
}

export const statesDocument = (): string =>
  [
    HEAD,
    section('Servers', serverStatuses, serverActions),
    section('Images', imageStatuses, imageActions),
  ].join('\n')
