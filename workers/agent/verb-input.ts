/** What calls may say, checked by hand: whatever comes over the bus is hostile until then. */
import type { DiskSpec, PortSpec } from '../../drivers/compute/abilities.ts'
import type { ConfigFile, MachineSpec } from '../../drivers/compute/driver.ts'
import { CallError, type ServedCall } from '../call.ts'
import type { ImageInput } from './image-fetch.ts'
import type { StreamEnd } from './stream.ts'

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/
const SHA512 = /^[0-9a-f]{128}$/
const MAC_ADDRESS = /^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/
/** What the kernel takes as the name of an interface. */
const INTERFACE = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,14}$/
const BASE64 = /^[A-Za-z0-9+/]*={0,2}$/
const CONFIG_PATH = /^[A-Za-z0-9_-][A-Za-z0-9._-]*(\/[A-Za-z0-9_-][A-Za-z0-9._-]*)*$/
const USER = /^[A-Za-z0-9_.][A-Za-z0-9_.@\\-]{0,63}$/
/** A path below an API's URL. One leading slash: '//host' would be another server. */
const PATH = /^\/[^/\\]/
const URL_OF_HTTP = /^(https?|wss?):\/\/[^/\\]/
const MAX_NAME_CHARACTERS = 1_000
const MAX_TEXT_CHARACTERS = 8_192
const MAX_PATH_CHARACTERS = 4_096
const MAX_PASSWORD_CHARACTERS = 1_024
const MAX_CONFIG_FILES = 64
/** All files of a config drive together, in base64. */
const MAX_CONFIG_CHARACTERS = 2 * 1024 * 1024

export function fieldsOf({ input }: ServedCall): Record<string, unknown> {
  return recordOf(input, 'an input')
}

export function machineOf(value: unknown): MachineSpec {
  const { id, name, vcpus, memoryMiB, diskGiB, configDrive } = recordOf(value, 'machine')
  return {
    id: idOf(id),
    name: textOf(name, 'name', MAX_NAME_CHARACTERS),
    vcpus: count(vcpus),
    memoryMiB: count(memoryMiB),
    diskGiB: count(diskGiB),
    ...(configDrive === undefined || configDrive === null
      ? {}
      : { configDrive: configFiles(configDrive) }),
  }
}

function configFiles(value: unknown): ConfigFile[] {
  if (!Array.isArray(value) || value.length > MAX_CONFIG_FILES) throw badInput('a config drive')
  let characters = 0
  return value.map((file) => {
    const { path, content } = recordOf(file, 'a config drive')
    if (typeof path !== 'string' || path.length > 200 || !CONFIG_PATH.test(path)) {
      throw badInput('the path of a file in the config drive')
    }
    if (typeof content !== 'string' || !BASE64.test(content)) throw badInput('base64')
    characters += content.length
    if (characters > MAX_CONFIG_CHARACTERS) throw badInput('a config drive of a sane size')
    return { path, content }
  })
}

export function imageOf(value: unknown): ImageInput {
  const image = recordOf(value, 'image')
  const { checksum } = image
  if (typeof checksum !== 'string' || !SHA512.test(checksum)) throw badInput('a SHA-512 checksum')
  return {
    id: idOf(image['id']),
    checksum,
    format: oneOf(image['format'], ['qcow2', 'raw']),
    sizeBytes: count(image['sizeBytes']),
    virtualSizeBytes: count(image['virtualSizeBytes']),
    ...placeOf(image),
  }
}

/** Where the bytes of an image are put or got. */
export function placeOf(value: unknown): { path: string; ticket: string } {
  const { path, ticket } = recordOf(value, 'image')
  if (typeof path !== 'string' || !PATH.test(path)) throw badInput('a path')
  return { path, ticket: textOf(ticket, 'ticket') }
}

export function streamOf(value: unknown): StreamEnd {
  const { url, ticket } = recordOf(value, 'stream')
  const isPlace = typeof url === 'string' && (PATH.test(url) || URL_OF_HTTP.test(url))
  if (!isPlace || !URL.canParse(url, 'http://api')) throw badInput('the URL of a stream')
  return { url, ticket: textOf(ticket, 'ticket') }
}

export function diskOf(value: unknown): DiskSpec {
  const { id, kind, path, format, readOnly } = recordOf(value, 'disk')
  const isPath = typeof path === 'string' && path.startsWith('/') && !path.includes('\0')
  if (!isPath || path.length > MAX_PATH_CHARACTERS) throw badInput('the path of a disk')
  if (path.split('/').includes('..')) throw badInput('a path without detours')
  if (typeof readOnly !== 'boolean') throw badInput('readOnly')
  const formats = ['qcow2', 'raw'] as const
  return {
    id: idOf(id),
    kind: oneOf(kind, ['file']),
    path,
    format: oneOf(format, formats),
    readOnly,
  }
}

export function portOf(value: unknown): PortSpec {
  const { id, macAddress, kind, bridge } = recordOf(value, 'port')
  if (typeof macAddress !== 'string' || !MAC_ADDRESS.test(macAddress)) {
    throw badInput('a MAC address')
  }
  const port = { id: idOf(id), macAddress, kind: oneOf(kind, ['user', 'bridge']) }
  if (port.kind === 'user') return port
  if (typeof bridge !== 'string' || !INTERFACE.test(bridge)) throw badInput('a bridge')
  return { ...port, bridge }
}

export function userOf(value: unknown): string {
  if (typeof value !== 'string' || !USER.test(value)) throw badInput('a user')
  return value
}

/** The refusal does not repeat it. */
export function passwordOf(value: unknown): string {
  const isText = typeof value === 'string' && value.length > 0
  if (!isText || value.length > MAX_PASSWORD_CHARACTERS || /[\0\r\n]/.test(value)) {
    throw badInput('a password')
  }
  return value
}

export function recordOf(value: unknown, what: string): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw badInput(what)
  return value as Record<string, unknown>
}

export function idOf(value: unknown): string {
  if (typeof value !== 'string' || !UUID.test(value)) throw badInput('a UUID as id')
  return value
}

function textOf(value: unknown, what: string, max = MAX_TEXT_CHARACTERS): string {
  if (typeof value !== 'string' || value === '' || value.length > max) throw badInput(what)
  return value
}

export function count(value: unknown): number {
  if (!Number.isSafeInteger(value) || (value as number) < 0) throw badInput('a whole number')
  return value as number
}

export function oneOf<T extends string>(value: unknown, allowed: readonly T[]): T {
  const found = allowed.find((one) => one === value)
  if (found === undefined) throw badInput(`one of ${allowed.join(', ')}`)
  return found
}

export function badInput(expected: string): CallError {
  return new CallError('BAD_INPUT', `the call lacks ${expected}`, false)
}
