import { readFileSync } from 'node:fs'
import { buildSchema, isEnumType } from 'graphql'
import { expect, test } from 'vitest'
import { offeredServerActions, serverActions } from '../../services/compute/server.states.ts'
import { serverTasks } from '../../services/compute/server-tasks.ts'
import { imageTasks } from '../../services/image/image.ts'
import en from '../../web/i18n/en.json'
import zh from '../../web/i18n/zh.json'
import { serverActions as offered } from '../../web/parts/compute/server-actions.ts'

type Texts = { [key: string]: string | Texts }

const flat = (texts: Texts, path = ''): [string, string][] =>
  Object.entries(texts).flatMap(([key, value]) =>
    typeof value === 'string' ? [[path + key, value]] : flat(value, `${path}${key}.`),
  )

const placeholders = (text: string): string[] => (text.match(/{{\w+}}/g) ?? []).toSorted()

const english = new Map(flat(en))
const chinese = new Map(flat(zh))

test('both languages have the same texts, in the same order', () => {
  expect([...chinese.keys()]).toEqual([...english.keys()])
})

test('a translation names what the original names', () => {
  for (const [key, text] of english) {
    // The form for one may say "the server" where the form for many counts.
    if (key.endsWith('_one')) continue
    expect(placeholders(chinese.get(key) ?? ''), key).toEqual(placeholders(text))
  }
})

test('no text is empty, and Chinese is not English', () => {
  for (const [key, text] of chinese) expect(text.trim(), key).not.toBe('')
  const same = [...chinese].filter(([key, text]) => english.get(key) === text).map(([key]) => key)
  expect(same.filter((key) => /[a-z]{4}/.test(english.get(key) ?? ''))).toEqual([])
})

test('every value of the API that the portal shows has a word', () => {
  const schema = buildSchema(readFileSync('schema/schema.graphql', 'utf8'))
  const groups: Record<string, keyof typeof en.word> = {
    AuditOutcome: 'outcome',
    EndpointInterface: 'endpointInterface',
    ErrorCode: 'error',
    HostStatus: 'hostStatus',
    ImageKind: 'imageKind',
    ImageStatus: 'imageStatus',
    ImageVisibility: 'visibility',
    MigrationKind: 'migrationKind',
    MigrationStatus: 'migrationStatus',
    MoveWay: 'moveWay',
    PolicyScope: 'policyScope',
    PowerState: 'powerState',
    ServerGroupPolicy: 'groupPolicy',
    ServerStatus: 'serverStatus',
    SignInMethod: 'signInMethod',
    TaskStatus: 'taskStatus',
    TaskStepStatus: 'stepStatus',
  }
  for (const [name, group] of Object.entries(groups)) {
    const type = schema.getType(name)
    if (!isEnumType(type)) throw new Error(`The schema has no enum ${name}`)
    const missing = type.getValues().filter((value) => !(value.name in en.word[group]))
    expect(missing, name).toEqual([])
  }
})

test('every action, task and step has a word, and every action a mutation', () => {
  const names = new Set(offered.map(({ name }) => name))
  expect([...names].toSorted()).toEqual(offeredServerActions.toSorted())
  for (const { id, isConfirmed } of offered) {
    expect(english.has(`servers.action.${id}`), id).toBe(true)
    if (isConfirmed) expect(english.has(`servers.confirm.${id}`), id).toBe(true)
  }
  expect(Object.keys(en.word.taskState).toSorted()).toEqual(Object.keys(serverActions).toSorted())
  for (const [kind, { steps }] of Object.entries({ ...serverTasks, ...imageTasks })) {
    expect(english.has(`word.taskKind.${kind}`), kind).toBe(true)
    for (const step of steps) expect(english.has(`word.step.${step}`), step).toBe(true)
  }
})
