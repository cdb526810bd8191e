import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { hostname, tmpdir } from 'node:os'
import { join } from 'node:path'
import { inspect } from 'node:util'
import { afterAll, beforeEach, describe, expect, it } from 'vitest'
import { ConfigError, loadConfig } from '../../server/config.ts'

const cwd = mkdtempSync(join(tmpdir(), 'nephograph-config-'))
afterAll(() => rmSync(cwd, { recursive: true, force: true }))
beforeEach(() => rmSync(join(cwd, 'nephograph.yaml'), { force: true }))

const load = (env: Record<string, string> = {}, argv: string[] = []) =>
  loadConfig({ env, argv, cwd })
const file = (text: string) => writeFileSync(join(cwd, 'nephograph.yaml'), text)

function problem(env: Record<string, string>, argv: string[] = []): string {
  try {
    load(env, argv)
  } catch (error) {
    if (error instanceof ConfigError) return error.message
    throw error
  }
  throw new Error('it should have been refused')
}

describe('settings', () => {
  it('have defaults for everything', () => {
    const config = load({ XDG_DATA_HOME: '/data' })
    const root = process.getuid?.() === 0
    expect(config).toMatchObject({
      port: 8080,
      host: '127.0.0.1',
      dataDir: root ? '/var/lib/nephograph' : '/data/nephograph',
      drivers: 'auto',
      roles: ['api', 'scheduler', 'conductor', 'agent'],
      databaseUrl: undefined,
      amqpUrl: undefined,
      adminPassword: undefined,
      logLevel: 'info',
      tokenTtlSeconds: 86_400,
    })
    expect(config.hostName).toBe(hostname())
  })

  it('come from the environment, then from the file, and roles from the command line before both', () => {
    file(
      'port: 1000\nhost: 0.0.0.0\nroles: [agent]\ntokenTtlSeconds: 600\ndataDir: here\nlogLevel:\n',
    )
    const config = load({ NEPHO_PORT: '0', NEPHO_ROLES: 'api', NEPHO_HOST: '' }, [
      '--roles',
      'conductor, api',
    ])
    expect(config).toMatchObject({
      port: 0,
      host: '0.0.0.0',
      roles: ['api', 'conductor'],
      tokenTtlSeconds: 600,
      dataDir: join(cwd, 'here'),
      logLevel: 'info',
    })
    expect(load({ NEPHO_ROLES: 'api' }).roles).toEqual(['api'])
    expect(load().roles).toEqual(['agent'])
  })

  it('read the file that NEPHO_CONFIG names, and say when it is not there', () => {
    writeFileSync(join(cwd, 'other.yaml'), 'port: 2000\n')
    expect(load({ NEPHO_CONFIG: 'other.yaml' }).port).toBe(2000)
    expect(problem({ NEPHO_CONFIG: 'none.yaml' })).toBe(
      'NEPHO_CONFIG is "none.yaml", but there is no such file',
    )
  })

  it('take the example file as it is', () => {
    const example = new URL('../../nephograph.example.yaml', import.meta.url).pathname
    const { dataDir: _, hostName: __, ...config } = load({ NEPHO_CONFIG: example })
    const { dataDir: ___, hostName: ____, ...defaults } = load()
    expect(config).toEqual(defaults)
  })
})

describe('a wrong setting', () => {
  it.each([
    ['NEPHO_PORT', '65536', 'a port from 0 to 65535'],
    ['NEPHO_PORT', '-1', 'a port'],
    ['NEPHO_PORT', '80a', 'a port'],
    ['NEPHO_PORT', '1e3', 'a port'],
    ['NEPHO_HOST', 'a b', 'an address to listen on'],
    ['NEPHO_DRIVERS', 'kvm', 'one of auto, linux, simulated'],
    ['NEPHO_ROLES', 'api,cook', 'some of api, scheduler, conductor, agent'],
    ['NEPHO_ROLES', ',', 'some of api'],
    ['NEPHO_HOST_NAME', '../etc', 'letters, digits'],
    ['NEPHO_API_URL', 'ftp://x', 'such as http://192.0.2.1:8080'],
    ['NEPHO_LOG_LEVEL', 'loud', 'one of fatal'],
    ['NEPHO_TOKEN_TTL_SECONDS', '1', 'whole seconds from 60'],
  ])('%s=%s is named, shown, and answered with what is accepted', (name, value, accepted) => {
    const words = problem({ [name]: value })
    expect(words).toContain(`${name} is ${JSON.stringify(value)}, but must be `)
    expect(words).toContain(accepted)
  })

  it('is told together with all the others', () => {
    file('port: many\n')
    const lines = problem({ NEPHO_DRIVERS: 'x' }).split('\n')
    expect(lines).toHaveLength(2)
    expect(lines[0]).toContain(`port in ${join(cwd, 'nephograph.yaml')} is "many"`)
  })

  it('in the file is refused with the nearest name', () => {
    file('prot: 80\nNEPHO_DATA_DIR: x\nconstructor: 1\n')
    const words = problem({})
    expect(words).toContain('unknown setting "prot"; did you mean port?')
    expect(words).toContain('unknown setting "NEPHO_DATA_DIR"; did you mean dataDir?')
    expect(words).toContain('unknown setting "constructor"; there are port, host,')
  })

  it('in the environment is refused when it is a slip of the pen', () => {
    expect(problem({ NEPHO_DRIVER: 'linux' })).toBe(
      'NEPHO_DRIVER is not a setting; did you mean NEPHO_DRIVERS?',
    )
    expect(load({ NEPHO_SOMETHING_ELSE: 'x' }).drivers).toBe('auto')
  })

  it('on the command line is refused', () => {
    expect(problem({}, ['--role', 'api'])).toContain(
      "Unknown option '--role'; the only option is --roles",
    )
    expect(problem({}, ['--roles', 'cook'])).toContain('--roles is "cook", but must be some of')
  })

  it('is said when the file is no YAML or holds no settings', () => {
    file('port: [1\n')
    expect(problem({})).toContain('nephograph.yaml is not YAML')
    file('- 1\n')
    expect(problem({})).toContain('must hold settings, one a line')
  })
})

describe('a secret', () => {
  const secret = 'hunter2-hunter2'

  it('is never printed', () => {
    const config = load({
      NEPHO_ADMIN_PASSWORD: secret,
      DATABASE_URL: `postgresql://u:${secret}@db/x`,
      AMQP_URL: `amqp://u:${secret}@mq`,
    })
    for (const text of [
      inspect(config, { depth: 9 }),
      JSON.stringify(config),
      String(config.adminPassword),
    ]) {
      expect(text).not.toContain(secret)
    }
    expect(config.adminPassword?.reveal()).toBe(secret)
    expect(config.databaseUrl?.reveal()).toBe(`postgresql://u:${secret}@db/x`)
  })

  it('is not part of an error either', () => {
    for (const name of ['DATABASE_URL', 'AMQP_URL']) {
      const words = problem({ [name]: `http://u:${secret}@x` })
      expect(words).toContain(
        `${name} is a value that is not shown here, but must be an address such as`,
      )
      expect(words).not.toContain(secret)
    }
    file(`adminPassword: "${secret}\nport: 1\n`)
    expect(problem({})).not.toContain(secret)
    expect(problem({ NEPHO_ADMIN_PASSWORD: 'short' })).not.toContain('short')
  })
})
