/** `nepho keys`: which keys there are and what they are good for now, and their rotation. */
import { LONGEST_TOKEN_SECONDS } from '../../services/identity/revocation.ts'
import type { Config } from '../config.ts'
import {
  type KeyFile,
  type KeyKind,
  keyFiles,
  keyKinds,
  rotateKeys,
  STAGED_MS,
  servedOutAt,
  stageOf,
} from '../key-files.ts'
import { columns, type Say } from './terminal.ts'

export function listKeys({ dataDir }: Pick<Config, 'dataDir'>, say: Say, at = Date.now()): void {
  const rows = keyKinds.flatMap((kind) => {
    const keys = keyFiles(dataDir, kind)
    return keys.map((key) => [
      kind,
      key.id,
      stageOf(keys, key, at),
      key.madeAt ? timeOf(key.madeAt) : 'unknown',
      noteOf(kind, keys, key, at),
    ])
  })
  if (rows.length === 0)
    return say(`there are no keys in ${dataDir} yet: nepho bootstrap makes them`)
  for (const line of columns([['KIND', 'ID', 'STAGE', 'MADE', ''], ...rows])) say(line)
}

function noteOf(kind: KeyKind, keys: readonly KeyFile[], key: KeyFile, at: number): string {
  const stage = stageOf(keys, key, at)
  if (stage === 'staged') return `takes over at ${timeOf(key.madeAt + STAGED_MS)}`
  if (stage === 'primary') return ''
  if (kind === 'seal') return 'opens what it sealed'
  const over = servedOutAt(keys, key, LONGEST_TOKEN_SECONDS)
  return over ? `checks tokens until ${timeOf(over.getTime())}, removed by a rotation after it` : ''
}

const timeOf = (ms: number): string => `${new Date(ms).toISOString().slice(0, 19)}Z`

/** Of one kind, or of each; that one can't be rotated now keeps none of the others from it. */
export function rotate(
  { dataDir }: Pick<Config, 'dataDir'>,
  which: KeyKind | undefined,
  say: Say,
  at = new Date(),
): void {
  const problems: string[] = []
  for (const kind of which ? [which] : keyKinds) {
    try {
      const done = rotateKeys(dataDir, { which: kind, tokenTtlSeconds: LONGEST_TOKEN_SECONDS, at })
      const isFirst = done.primaryAt <= at
      const when = isFirst
        ? 'is the first one'
        : `takes over at ${timeOf(done.primaryAt.getTime())}`
      say(`${kind}: key ${done.id} was made and ${when}`)
      for (const id of done.pruned) say(`${kind}: key ${id} has served its time and was removed`)
    } catch (error) {
      problems.push(`${kind}: ${(error as Error).message}`)
    }
  }
  if (problems.length > 0) throw new Error(problems.join('\n'))
}
