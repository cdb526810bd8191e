/** The contract: what is committed is what runs, everything in it is described, and names have rules. */
import { readFileSync } from 'node:fs'
import {
  buildSchema,
  type GraphQLArgument,
  type GraphQLField,
  type GraphQLNamedType,
  type GraphQLObjectType,
  isEnumType,
  isInputObjectType,
  isInterfaceType,
  isIntrospectionType,
  isObjectType,
  isSpecifiedScalarType,
} from 'graphql'
import { beforeAll, describe, expect, it } from 'vitest'
import { apiText } from '../resolvers/registry.ts'

const committed = readFileSync(new URL('../schema/schema.graphql', import.meta.url), 'utf8')
const schema = buildSchema(committed)
const types = Object.values(schema.getTypeMap()).filter(
  (type) => !isIntrospectionType(type) && !isSpecifiedScalarType(type),
)
const fieldsOf = (type: GraphQLNamedType | undefined | null) =>
  isObjectType(type) || isInterfaceType(type) ? Object.values(type.getFields()) : []
const typed = (type: GraphQLObjectType | undefined | null) =>
  fieldsOf(type).map((f) => [f.name, f as GraphQLField<unknown, unknown>] as const)
const queries = typed(schema.getQueryType())
const mutations = typed(schema.getMutationType())
const watches = typed(schema.getSubscriptionType())
const resources = types
  .filter(isObjectType)
  .filter((t) => t.getInterfaces().some((i) => i.name === 'Node'))
/** An argument as the contract writes it: `first: Int! = 50`. */
const declared = ({ name, type, defaultValue }: GraphQLArgument) =>
  `${name}: ${String(type)}${defaultValue === undefined ? '' : ` = ${JSON.stringify(defaultValue)}`}`
const capital = (name: string) => name.charAt(0).toUpperCase() + name.slice(1)

describe('schema/schema.graphql', () => {
  let emitted: string
  beforeAll(async () => {
    emitted = await apiText()
  })

  it('is what the code emits (npm run schema writes it)', () => {
    expect(committed).toBe(emitted)
  })
})

describe('descriptions', () => {
  /** Everything that has a place for one, by its path. */
  function* described(): Generator<[path: string, text: string | null | undefined]> {
    for (const type of types) {
      yield [type.name, type.description]
      if (isEnumType(type))
        for (const v of type.getValues()) yield [`${type.name}.${v.name}`, v.description]
      if (isInputObjectType(type)) {
        for (const f of Object.values(type.getFields()))
          yield [`${type.name}.${f.name}`, f.description]
      }
      for (const field of fieldsOf(type)) {
        yield [`${type.name}.${field.name}`, field.description]
        for (const a of field.args) yield [`${type.name}.${field.name}(${a.name})`, a.description]
      }
    }
  }

  it('are there for every type, field, argument, value and input field', () => {
    const all = [...described()]
    expect(all.length).toBeGreaterThan(200)
    expect(all.filter(([, text]) => !text?.trim()).map(([path]) => path)).toEqual([])
  })

  it('are sentences', () => {
    const odd = [...described()].filter(([, text]) => !/([.?!]|details: [\w, ]+)$/.test(text ?? ''))
    // The scalar is a package's own.
    expect(odd.map(([path]) => path).filter((path) => path !== 'DateTimeISO')).toEqual([])
  })
})

describe('mutations', () => {
  const verbs =
    /(ForceDelete|ForceStop|MigrationAbort|MigrateTo|EvacuateTo|Create|Update|Delete|Set|Start|Stop|Reboot|Pause|Unpause|Suspend|Resume|Lock|Unlock|Snapshot|Backup|Clone|Shelve|ShelveInPlace|ShelveOffload|Unshelve|Rebuild|Rescue|RescueWith|Unrescue|Resize|ResizeConfirm|ResizeRevert|Migrate|LiveMigrate|Abort|Evacuate|Restore|Import|Maintain|MaintainEnd|AccessAdd|AccessRemove|HostAdd|HostRemove|Revoke|Confirm|UserAdd|UserRemove|PasswordChange|ChangePassword)$/
  /** What is acted on is a word of its own, no type: two roles, the tokens of somebody. */
  const words: Record<string, string> = {
    RoleImplication: 'Role',
    Tokens: 'Token',
    Totp: 'User',
    Servers: 'Server',
    ServerConsole: 'Server',
    HostJoinToken: 'Host',
  }
  const nounOf = (name: string): string => {
    const noun = capital(name.replace(verbs, ''))
    return words[noun] ?? noun
  }

  it.each(mutations)('%s is a noun and a verb', (name) => {
    expect(name).toMatch(/^[a-z][A-Za-z0-9]+$/)
    expect(name).toMatch(verbs)
    expect(types.map((t) => t.name)).toContain(nounOf(name))
  })

  it.each(mutations)(
    '%s takes one input, of its own name or for actions on its resource',
    (name, field) => {
      const noun = nounOf(name)
      expect(field.args.map((a) => a.name)).toEqual(['input'])
      expect([`${capital(name)}Input!`, `${noun}ActionInput!`]).toContain(
        String(field.args[0]?.type),
      )
    },
  )

  it.each(mutations)('%s answers with a payload', (name, field) => {
    const noun = nounOf(name)
    expect([`${capital(name)}Payload!`, `${noun}Payload!`]).toContain(String(field.type))
  })

  it('that create or act can be repeated by key', () => {
    const keyless = mutations.filter(([, { args }]) => {
      const type = schema.getType(String(args[0]?.type).replace('!', ''))
      return !(isInputObjectType(type) && type.getFields().idempotencyKey)
    })
    expect(keyless.map(([name]) => name)).toEqual([
      'hostJoinTokenCreate',
      'serverConsoleCreate',
      'tokenCreate',
      'tokenRevoke',
    ])
  })

  it('that act on a resource name it and may name its version', () => {
    for (const type of types
      .filter(isInputObjectType)
      .filter((t) => t.name.endsWith('ActionInput'))) {
      expect(String(type.getFields().id?.type)).toBe('ID!')
      expect(String(type.getFields().ifVersion?.type)).toBe('Int')
    }
  })
})

describe('lists', () => {
  const connections = types.filter(isObjectType).filter((t) => t.name.endsWith('Connection'))
  const returning = types.flatMap(fieldsOf).filter((f) => /Connection!?$/.test(String(f.type)))

  it.each(connections.map((t) => [t.name, t] as const))('%s has the same shape', (name, type) => {
    const noun = name.replace(/Connection$/, '')
    expect(Object.fromEntries(fieldsOf(type).map((f) => [f.name, String(f.type)]))).toEqual({
      nodes: `[${noun}!]!`,
      edges: `[${noun}Edge!]!`,
      pageInfo: 'PageInfo!',
      totalCount: 'Int!',
      missing: '[MissingCell!]!',
    })
  })

  it.each(returning.map((f) => [f.name, f] as const))(
    '%s pages by first and after',
    (_name, field) => {
      const args = Object.fromEntries(
        field.args.map((a) => [a.name, declared(a).slice(a.name.length + 2)]),
      )
      expect(args).toMatchObject({ first: 'Int! = 50', after: 'String' })
    },
  )

  it.each(queries.filter(([, f]) => String(f.type).includes('Connection')))(
    '%s has a plural name, and a single one beside it',
    (name, field) => {
      const noun = String(field.type).replace(/Connection!$/, '')
      const single = noun.charAt(0).toLowerCase() + noun.slice(1)
      expect(name).toBe(single.endsWith('s') ? `${single}es` : `${single}s`)
      const own = queries.find(([q]) => q === single)?.[1]
      // People are shown by others, and processes come and go: nobody asks for one.
      if (noun === 'Person' || noun === 'Process') return
      expect([String(own?.type), own?.args.map((a) => declared(a))]).toEqual([noun, ['id: ID!']])
    },
  )
})

describe('watches', () => {
  it.each(watches.filter(([name]) => !['events', 'serverConsoleLog'].includes(name)))(
    '%s tells changes of its resource',
    (name, field) => {
      const noun = capital(name.replace(/Changed$/, ''))
      expect(name).toMatch(/^[a-zA-Z]+Changed$/)
      expect(String(field.type)).toBe(`${noun}Change!`)
      expect(field.args.map((a) => declared(a))).toEqual(
        expect.arrayContaining(['id: ID', 'after: String']),
      )
      const change = Object.fromEntries(
        fieldsOf(schema.getType(`${noun}Change`)).map((f) => [f.name, String(f.type)]),
      )
      const single = noun.charAt(0).toLowerCase() + noun.slice(1)
      expect(change).toEqual({ cursor: 'String!', kind: 'ChangeKind!', id: 'ID!', [single]: noun })
    },
  )
})

describe('names', () => {
  it('of resources come with an id', () => {
    expect(resources.length).toBeGreaterThan(5)
    for (const type of resources)
      expect([type.name, String(type.getFields().id?.type)]).toEqual([type.name, 'ID!'])
  })

  it('have one spelling per kind', () => {
    const wrong = types.flatMap((type) => [
      ...(/^[A-Z][A-Za-z0-9]+$/.test(type.name) ? [] : [type.name]),
      ...(isInputObjectType(type) === type.name.endsWith('Input')
        ? []
        : [`${type.name} and Input`]),
      ...(isEnumType(type)
        ? type
            .getValues()
            .filter((v) => !/^[A-Z][A-Z_]*[A-Z0-9]$/.test(v.name))
            .map((v) => v.name)
        : []),
      ...fieldsOf(type)
        .filter((f) => !/^[a-z][A-Za-z0-9]*$/.test(f.name))
        .map((f) => `${type.name}.${f.name}`),
    ])
    expect(wrong).toEqual([])
  })

  it('put units last and abbreviate nothing', () => {
    const names = types.flatMap((t) => fieldsOf(t).map((f) => f.name))
    const odd =
      /^(size|memory|disk|ram|timeout)$|^(ts|num|cnt|addr(?!ess)|cfg|usr|img|srv|vm)|Mb$|Gb$|mib$|gib$|Ids?List/
    expect([...new Set(names.filter((name) => odd.test(name)))]).toEqual([])
  })
})
