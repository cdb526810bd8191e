/** Key files, their rotation, and how running processes follow it. */
import { createPublicKey, type JsonWebKey, verify } from 'node:crypto'
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Fastify from 'fastify'
import { v7 } from 'uuid'
import { afterEach, describe, expect, it } from 'vitest'
import { JWKS_PATH, jwksRoute } from '../../server/http/jwks.ts'
import {
  type KeyKind,
  keyFiles,
  keyFolder,
  keyKinds,
  rotateKeys,
  STAGED_MS,
  stageOf,
} from '../../server/key-files.ts'
import { loadKeys, watchKeys } from '../../server/keys.ts'
import { seal, unseal } from '../../services/identity/sealed.ts'
import { makeTokens, type NewActor, type TokenFormat } from '../../services/identity/token.ts'
import { until } from '../support/until.ts'

const HOUR_SECONDS = 3600
const DAY_MS = 24 * HOUR_SECONDS * 1000

const undo: (() => unknown)[] = []
afterEach(async () => {
  for (const one of undo.splice(0).reverse()) await one()
})

function folder(): string {
  const dir = mkdtempSync(join(tmpdir(), 'nephograph-keys-'))
  undo.push(() => rmSync(dir, { recursive: true, force: true }))
  return dir
}

const modeOf = (path: string): number => statSync(path).mode & 0o777
const idsOf = (dataDir: string, kind: KeyKind) => keyFiles(dataDir, kind).map(({ id }) => id)

const ann: NewActor = {
  userId: v7(),
  userName: 'ann',
  userDomainId: v7(),
  projectId: null,
  projectName: null,
  projectDomainId: null,
  domainId: null,
  system: false,
  roles: ['reader'],
  operator: false,
  methods: ['password'],
  applicationCredentialId: null,
  accessRules: null,
  trustId: null,
  trustorUserId: null,
}

/** A process of its own, as far as keys go: nothing is shared with another but the folder and the clock. */
function processOn(dataDir: string, clock: { at: number }, format: TokenFormat = 'jwt') {
  const keys = loadKeys(dataDir, { now: () => clock.at })
  const tokens = makeTokens(keys, format)
  return {
    keys,
    signIn: () => tokens.issue(ann, new Date(clock.at), HOUR_SECONDS).secret,
    check: (secret: string) => tokens.verify(secret, new Date(clock.at)).userName,
  }
}

describe('the first start', () => {
  it('makes one key of each kind, for the owner only', () => {
    const dataDir = folder()
    const { token, fernet, seal: sealing } = loadKeys(dataDir)
    expect([token.pairs.size, fernet.all.length, sealing.all.length]).toEqual([1, 1, 1])
    expect(fernet.current).not.toEqual(sealing.current)
    for (const kind of keyKinds) {
      expect(modeOf(keyFolder(dataDir, kind))).toBe(0o700)
      const [key] = keyFiles(dataDir, kind)
      expect(modeOf(key?.file ?? '')).toBe(0o600)
    }
    expect(readFileSync(keyFiles(dataDir, 'seal')[0]?.file ?? '', 'utf8')).toMatch(/^[\w-]{43}\n$/)
  })

  it('is the only one that makes any, and closes a folder that was open', () => {
    const dataDir = folder()
    mkdirSync(join(dataDir, 'keys', 'seal'), { recursive: true, mode: 0o755 })
    const first = loadKeys(dataDir)
    expect(modeOf(join(dataDir, 'keys', 'seal'))).toBe(0o700)
    const second = loadKeys(dataDir)
    expect(second.token.current).toBe(first.token.current)
    expect(second.seal.current).toEqual(first.seal.current)
  })

  it('signs at once: there is nobody to wait for', () => {
    const clock = { at: Date.now() }
    const a = processOn(folder(), clock)
    expect(a.check(a.signIn())).toBe('ann')
  })

  it('takes up a data directory from before there were other keys than for signing', () => {
    const dataDir = folder()
    const { token } = loadKeys(dataDir)
    rmSync(join(dataDir, 'keys', 'fernet'), { recursive: true })
    rmSync(join(dataDir, 'keys', 'seal'), { recursive: true })
    const again = loadKeys(dataDir)
    expect(again.token.current).toBe(token.current)
    expect(again.seal.all).toHaveLength(1)
  })

  it('can be asked to make nothing', () => {
    const dataDir = folder()
    expect(() => loadKeys(dataDir, { make: false })).toThrow('there is no key in')
    expect(readdirSync(dataDir)).toEqual([])
  })
})

describe('rotation', () => {
  it.each(['jwt', 'fernet'] as const)('lets nobody meet a %s that it can not check', (format) => {
    const dataDir = folder()
    const clock = { at: Date.now() }
    loadKeys(dataDir, { now: () => clock.at })
    clock.at += DAY_MS
    const [quick, slow] = [processOn(dataDir, clock, format), processOn(dataDir, clock, format)]
    const before = quick.signIn()
    const which = format === 'jwt' ? 'token' : 'fernet'
    rotateKeys(dataDir, { which, tokenTtlSeconds: HOUR_SECONDS, at: new Date(clock.at) })
    expect(quick.keys.reload()).toBeNull()
    // The slow one has not looked yet.
    expect(slow.check(quick.signIn())).toBe('ann')
    clock.at += STAGED_MS - 1
    expect(slow.check(quick.signIn())).toBe('ann')
    expect(slow.keys.reload()).toBeNull()
    clock.at += 1
    const after = quick.signIn()
    expect(slow.check(after)).toBe('ann')
    expect(slow.check(before)).toBe('ann')
    expect(() => processOn(folder(), clock, format).check(after)).toThrow('The token is not valid')
  })

  it('signs with the new key as soon as its time has come, and not before', () => {
    const dataDir = folder()
    const clock = { at: Date.now() }
    const { keys } = processOn(dataDir, clock)
    const first = keys.token.current
    clock.at += DAY_MS
    const at = new Date(clock.at)
    const done = rotateKeys(dataDir, { which: 'token', tokenTtlSeconds: HOUR_SECONDS, at })
    keys.reload()
    expect(keys.token.current).toBe(first)
    const files = keyFiles(dataDir, 'token')
    expect(files.map((key) => stageOf(files, key, clock.at))).toEqual(['primary', 'staged'])
    clock.at = done.primaryAt.getTime()
    expect(keys.token.current).toBe(done.id)
    expect(files.map((key) => stageOf(files, key, clock.at))).toEqual(['secondary', 'primary'])
  })

  it('stages one key at a time', () => {
    const dataDir = folder()
    const at = new Date()
    const rotate = (ms: number) =>
      rotateKeys(dataDir, { which: 'fernet', tokenTtlSeconds: 60, at: new Date(+at + ms) })
    // There is nothing to take over from.
    expect(rotate(-1).primaryAt.getTime()).toBe(at.getTime() - 1)
    const { id } = rotate(0)
    expect(() => rotate(STAGED_MS - 1)).toThrow(`key ${id} is staged already`)
    expect(rotate(STAGED_MS).id).not.toBe(id)
  })

  it('removes a key when no token of it can live, counted from when it was relieved', () => {
    const dataDir = folder()
    const clock = { at: Date.now() - 1000 * DAY_MS }
    const a = processOn(dataDir, clock)
    const [oldest] = idsOf(dataDir, 'token')
    const rotate = () =>
      rotateKeys(dataDir, {
        which: 'token',
        tokenTtlSeconds: HOUR_SECONDS,
        at: new Date(clock.at),
      }).pruned
    // It has signed for years, and until just now.
    clock.at += 999 * DAY_MS
    expect(rotate()).toEqual([])
    clock.at += STAGED_MS - 1
    const secret = a.signIn()
    clock.at += HOUR_SECONDS * 1000 - 1
    expect(rotate()).toEqual([])
    a.keys.reload()
    expect(a.check(secret)).toBe('ann')
    clock.at += 2 * STAGED_MS
    expect(() => a.check(secret)).toThrow('The token has expired')
    expect(rotate()).toEqual([oldest])
    expect(idsOf(dataDir, 'token')).toHaveLength(3)
  })

  it('never removes a key that something may be sealed with', () => {
    const dataDir = folder()
    const clock = { at: Date.now() - 1000 * DAY_MS }
    const { keys } = processOn(dataDir, clock)
    const sealed = seal(keys.seal, 'JBSWY3DPEHPK3PXP')
    for (let years = 0; years < 5; years++) {
      clock.at += 100 * DAY_MS
      const at = new Date(clock.at)
      expect(rotateKeys(dataDir, { which: 'seal', tokenTtlSeconds: 60, at }).pruned).toEqual([])
    }
    keys.reload()
    expect(keys.seal.all).toHaveLength(6)
    expect(unseal(keys.seal, sealed)).toBe('JBSWY3DPEHPK3PXP')
    clock.at += STAGED_MS
    const newest = loadKeys(dataDir, { now: () => clock.at }).seal
    expect(unseal({ current: newest.current, all: [newest.current] }, seal(keys.seal, 'x'))).toBe(
      'x',
    )
  })

  it('leaves nothing half made behind, and no key that others may read', () => {
    const dataDir = folder()
    loadKeys(dataDir)
    rotateKeys(dataDir, { which: 'seal', tokenTtlSeconds: 60 })
    const names = readdirSync(keyFolder(dataDir, 'seal'))
    expect(names.every((name) => /^[0-9a-f-]{36}\.key$/.test(name))).toBe(true)
    expect(names.map((name) => modeOf(join(keyFolder(dataDir, 'seal'), name)))).toEqual([
      0o600, 0o600,
    ])
  })
})

describe('a running process', () => {
  function followed(pollMs?: number) {
    const dataDir = folder()
    const keys = loadKeys(dataDir)
    const errors: object[] = []
    let changes = 0
    const onChange = () => void changes++
    const log = { info: () => {}, error: (found: object) => void errors.push(found) }
    const watching = watchKeys(keys, { log, onChange, ...(pollMs && { pollMs }) })
    undo.push(() => watching.stop())
    return { dataDir, keys, errors, changes: () => changes }
  }
  const A_SECOND_MS = 1_000
  const NEVER_MS = 3_600_000

  it.each(keyKinds)('hears of a new %s key, and of one that goes', async (which) => {
    // Only notices: the period never comes.
    const { dataDir, keys, changes } = followed(NEVER_MS)
    const { token, fernet, seal: sealing } = keys
    const count = () =>
      ({ token: token.pairs.size, fernet: fernet.all.length, seal: sealing.all.length })[which]
    const { id } = rotateKeys(dataDir, { which, tokenTtlSeconds: 60 })
    await until('the new key is known', () => count() === 2)
    const file = keyFiles(dataDir, which).find((key) => key.id === id)?.file ?? ''
    rmSync(file)
    await until('it is forgotten', () => count() === 1)
    expect(changes()).toBe(2)
  })

  it('finds changes without notices, too', async () => {
    const { dataDir, keys } = followed()
    // What was watched is now elsewhere, as after a mount: nobody gives notice of the new one.
    const watched = keyFolder(dataDir, 'fernet')
    renameSync(watched, join(dataDir, 'elsewhere'))
    loadKeys(dataDir)
    const [other] = keyFiles(dataDir, 'fernet')
    const text = readFileSync(other?.file ?? '', 'utf8').trim()
    await until(
      'the key of the other folder is known',
      () => Buffer.from(keys.fernet.current).toString('base64url') === text,
      2 * A_SECOND_MS,
    )
  })

  it('goes on with what it has while a file is half there, and says so once', async () => {
    const { dataDir, keys, errors } = followed()
    const id = v7()
    const file = join(keyFolder(dataDir, 'token'), `${id}.pem`)
    const { token } = loadKeys(folder())
    const whole = token.pairs
      .get(token.current)
      ?.privateKey.export({ type: 'pkcs8', format: 'pem' })
    writeFileSync(file, String(whole).slice(0, 100))
    await until('the log tells', () => errors.length > 0)
    expect(JSON.stringify(errors)).toContain(`${id}.pem can not be read`)
    expect(JSON.stringify(errors)).not.toContain(String(whole).slice(30, 90))
    expect(keys.token.pairs.size).toBe(1)
    writeFileSync(file, String(whole))
    await until('the whole file is taken', () => keys.token.pairs.has(id))
  })

  it('keeps its keys when the folder is emptied', () => {
    const { dataDir, keys } = followed(NEVER_MS)
    const { current } = keys.token
    for (const { file } of keyFiles(dataDir, 'token')) rmSync(file)
    expect(keys.reload()).toContain('there is no key in')
    expect(keys.token.current).toBe(current)
  })

  it('does not start with a key that it can not read', () => {
    const dataDir = folder()
    mkdirSync(join(dataDir, 'keys', 'seal'), { recursive: true })
    const file = join(dataDir, 'keys', 'seal', `${v7()}.key`)
    writeFileSync(file, 'c2hvcnQ\n')
    expect(() => loadKeys(dataDir)).toThrow(`the key ${file} can not be read`)
    expect(existsSync(file)).toBe(true)
  })
})

describe('the published keys', () => {
  /** Somebody who has nothing of ours but the answer: RFC 7515, 5.2 with node's own cryptography. */
  function isGenuine(jwks: { keys: (JsonWebKey & { kid: string })[] }, secret: string): boolean {
    const [header = '', payload = '', signature = ''] = secret.split('.')
    const { kid, alg } = JSON.parse(Buffer.from(header, 'base64url').toString())
    const key = jwks.keys.find((one) => one.kid === kid && one.alg === alg)
    if (!key) throw new Error(`no key ${kid}`)
    const publicKey = createPublicKey({ key, format: 'jwk' })
    const signed = Buffer.from(`${header}.${payload}`)
    const options = { key: publicKey, dsaEncoding: 'ieee-p1363' } as const
    return verify('sha256', signed, options, Buffer.from(signature, 'base64url'))
  }

  it('check real tokens, after a rotation too', async () => {
    const dataDir = folder()
    const clock = { at: Date.now() }
    const a = processOn(dataDir, clock)
    const app = Fastify()
    undo.push(() => app.close())
    jwksRoute(app, a.keys.token)
    const fetchKeys = async () => (await app.inject({ url: JWKS_PATH })).json()

    const first = a.signIn()
    expect(isGenuine(await fetchKeys(), first)).toBe(true)
    const other = `${first.slice(0, first.lastIndexOf('.'))}.${processOn(folder(), clock).signIn().split('.')[2]}`
    expect(isGenuine(await fetchKeys(), other)).toBe(false)

    clock.at += DAY_MS
    const at = new Date(clock.at)
    rotateKeys(dataDir, { which: 'token', tokenTtlSeconds: HOUR_SECONDS, at })
    a.keys.reload()
    // Whoever asks now and keeps the answer knows the key that signs later.
    const kept = await fetchKeys()
    clock.at += STAGED_MS
    const second = a.signIn()
    expect(second.split('.')[0]).not.toBe(first.split('.')[0])
    expect(isGenuine(kept, second)).toBe(true)
    expect(isGenuine(kept, first)).toBe(true)
  })

  it('are public halves only, and may be kept for less time than a key is staged', async () => {
    const app = Fastify()
    undo.push(() => app.close())
    jwksRoute(app, loadKeys(folder()).token)
    const answer = await app.inject({ url: JWKS_PATH })
    const [key] = answer.json().keys
    expect(Object.keys(key).sort()).toEqual(['alg', 'crv', 'kid', 'kty', 'use', 'x', 'y'])
    expect(key).toMatchObject({ kty: 'EC', crv: 'P-256', use: 'sig', alg: 'ES256' })
    const [, seconds] =
      /^public, max-age=(\d+)$/.exec(String(answer.headers['cache-control'])) ?? []
    expect(Number(seconds)).toBeGreaterThan(0)
    expect(Number(seconds) * 1000).toBeLessThan(STAGED_MS)
  })
})
