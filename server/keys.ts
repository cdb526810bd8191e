/**
 * The keys of the cloud as a process has them in memory: what it issues and checks tokens with, and what
 * it seals secrets with. Their files, and the rules of rotation, are in key-files.ts.
 *
 * H1 What `loadKeys` returns stays the same object for the life of the process. Its contents follow the
 *    files and the clock, so that nobody needs to be told that a key was rotated.
 * H2 A file that can't be read, or a folder that is empty, changes nothing: what was known stays known, the
 *    log says why, and the next look tries again.
 * H3 Notices of the file system only make it quick. Where there are none, the period finds changes.
 */
import { createPrivateKey, createPublicKey } from 'node:crypto'
import { type FSWatcher, readFileSync, watch } from 'node:fs'
import type { Logger } from 'pino'
import { type FernetKey, fernetKey } from '../services/identity/fernet.ts'
import type { SealKeys } from '../services/identity/sealed.ts'
import type { TokenKeys } from '../services/identity/token.ts'
import {
  ensureKeys,
  type KeyFile,
  type KeyKind,
  keyFiles,
  keyFolder,
  keyKinds,
  primaryOf,
} from './key-files.ts'

/** Below a second: what the other processes are promised (STAGED_MS) is far longer. */
const POLL_MS = 900

export interface Keys {
  /** Sign and check tokens. */
  readonly token: TokenKeys
  /** Tokens of the second format. */
  readonly fernet: SealKeys
  /** Secrets at rest. */
  readonly seal: SealKeys
}

export interface LoadedKeys extends Keys {
  readonly dataDir: string
  /** The ids of all keys that are known: another text, other keys. */
  readonly ids: string
  /** Reads the folders again; what is wrong with them, in words, or null. */
  reload(): string | null
}

export interface LoadOptions {
  /** Milliseconds since 1970, to tell the stages of keys by. Default: the clock's. */
  now?: () => number
  /** False: look only, and fail where there is no key. Default: make what is missing. */
  make?: boolean
}

/** Loads the keys of a data directory; the first start makes them. Throws when one can't be read. */
export function loadKeys(
  dataDir: string,
  { now = Date.now, make = true }: LoadOptions = {},
): LoadedKeys {
  const token = new Ring(dataDir, 'token', now, readPair)
  const fernet = new Ring(dataDir, 'fernet', now, readFernetKey)
  const seal = new Ring(dataDir, 'seal', now, readFernetKey)
  const rings = [token, fernet, seal]
  for (const ring of rings) {
    if (make) ensureKeys(dataDir, ring.kind, new Date(now()))
    ring.read()
  }
  return {
    dataDir,
    token: {
      get current() {
        return token.primary().id
      },
      get pairs() {
        return token.known
      },
    },
    fernet: fernetKeys(fernet),
    seal: fernetKeys(seal),
    get ids() {
      return rings.map((ring) => [...ring.known.keys()].join(' ')).join(', ')
    },
    reload() {
      const problems = rings.map((ring) => ring.tryRead()).filter((problem) => problem !== null)
      return problems.length > 0 ? problems.join('; ') : null
    },
  }
}

const fernetKeys = (ring: Ring<FernetKey>): SealKeys => ({
  get current() {
    return ring.primary().key
  },
  get all() {
    return ring.newestFirst
  },
})

/** The keys of one kind. Those that are known are not read again: a key never changes. */
class Ring<K> {
  known: ReadonlyMap<string, K> = new Map()
  newestFirst: readonly K[] = []
  private files: readonly KeyFile[] = []

  constructor(
    private readonly dataDir: string,
    readonly kind: KeyKind,
    private readonly now: () => number,
    private readonly load: (file: string) => K,
  ) {}

  primary(): { id: string; key: K } {
    const id = primaryOf(this.files, this.now())?.id ?? ''
    const key = this.known.get(id)
    if (key === undefined) throw new Error(`there is no ${this.kind} key`)
    return { id, key }
  }

  read(): void {
    const files = keyFiles(this.dataDir, this.kind)
    if (files.length === 0) {
      throw new Error(`there is no key in ${keyFolder(this.dataDir, this.kind)}`)
    }
    const keys = files.map(
      ({ id, file }) => [id, this.known.get(id) ?? this.loadOne(file)] as const,
    )
    this.files = files
    this.known = new Map(keys)
    this.newestFirst = keys.map(([, key]) => key).reverse()
  }

  /** H2. What is wrong, in words that hold nothing of a key. */
  tryRead(): string | null {
    try {
      this.read()
      return null
    } catch (error) {
      return (error as Error).message
    }
  }

  private loadOne(file: string): K {
    try {
      return this.load(file)
    } catch (cause) {
      throw new Error(`the key ${file} can not be read: ${(cause as Error).message}`, { cause })
    }
  }
}

function readPair(file: string) {
  const privateKey = createPrivateKey(readFileSync(file))
  if (privateKey.asymmetricKeyDetails?.namedCurve !== 'prime256v1') {
    throw new Error('it is not on the curve P-256')
  }
  return { privateKey, publicKey: createPublicKey(privateKey) }
}

const readFernetKey = (file: string): FernetKey => fernetKey(readFileSync(file, 'utf8'))

export interface WatchOptions {
  log: Pick<Logger, 'info' | 'error'>
  /** Called when keys came or went: what was found good by one that is gone is good no more. */
  onChange?: () => void
  /** Between looks that nothing announced. */
  pollMs?: number
}

/** Follows the key files from now on: a key that comes or goes is known within a second. */
export function watchKeys(keys: LoadedKeys, options: WatchOptions): { stop(): void } {
  const { log, onChange, pollMs = POLL_MS } = options
  let problem: string | null = null
  let known = keys.ids
  const look = (): void => {
    const found = keys.reload()
    if (found !== problem && found !== null) log.error({ problem: found }, 'keys can not be read')
    problem = found
    if (keys.ids === known) return
    known = keys.ids
    log.info({ keys: known }, 'the keys have changed')
    onChange?.()
  }
  const watchers = keyKinds.flatMap((kind) => noticesOf(keyFolder(keys.dataDir, kind), look))
  const timer = setInterval(look, pollMs).unref()
  return {
    stop() {
      clearInterval(timer)
      for (const watcher of watchers) watcher.close()
    },
  }
}

function noticesOf(folder: string, look: () => void): FSWatcher[] {
  try {
    const watcher = watch(folder, { persistent: false }, look)
    watcher.on('error', () => watcher.close())
    return [watcher]
  } catch {
    return [] // H3: none to be had here, as on some network file systems.
  }
}
