/**
 * The closed list of what a caller can be told. A code has one meaning, is never renamed and never
 * reused. The message is a sentence for people; `details` are the facts of the refusal for programs.
 */
export const errorCodes = {
  UNAUTHENTICATED:
    'No valid token, or the wrong user, domain or password. details: missing, when only more is needed',
  FORBIDDEN: 'The token is valid, its roles do not allow this. details: rule',
  NOT_FOUND: 'There is no such resource, or not in this project.',
  BAD_INPUT: 'The request or one of its values is wrong. details: fields',
  INVALID_STATE: 'The resource is in a state that does not allow this. details: allowedStatuses',
  CONFLICT: 'Somebody else was first: a version, a name or an idempotency key.',
  IN_USE: 'Something still depends on it. details: resources',
  LAST_ADMINISTRATOR: 'Nobody would be left who may administer the cloud.',
  QUOTA_EXCEEDED: 'The project may not have more. details: resource, limit, used, requested',
  NO_VALID_HOST: 'No host can take the server. details: hostsTotal, filters, nearestMiss',
  TOO_LARGE: 'More bytes than are accepted. details: limit, requested',
  TOO_COMPLEX: 'The document asks for too much at once. details: limit, requested',
  CURSOR_EXPIRED: 'The watch can not resume from so long ago: begin anew.',
  UNAVAILABLE: 'A part of the cloud can not be reached: the same request may succeed later.',
  TIMEOUT: 'It took longer than it may.',
  HYPERVISOR_FAILED: 'The hypervisor of a host refused or failed.',
  IMAGE_INVALID: 'The bytes of the image are not what they claim to be.',
  INTERNAL: 'A defect of the cloud. The request id finds it in the log.',
} as const

export type ErrorCode = keyof typeof errorCodes

/** Facts of a refusal; which are there depends on the code. */
export interface ErrorDetails {
  rule?: string
  /** What there was too much of: `depth`, `aliases`. */
  what?: string
  resource?: string
  limit?: number
  used?: number
  requested?: number
  allowedStatuses?: string[]
  /** What a sign-in still needs: `totp`, `newPassword`. */
  missing?: string[]
  /** What still depends on it. */
  resources?: { type: string; id: string; name: string }[]
  hostsTotal?: number
  hostsPassed?: number
  filters?: { name: string; passed: number; refused: number }[]
  /** The host that lacked least, and what would make it fit. */
  nearestMiss?: {
    host: string
    shortBy: { resource: string; amount: number }[]
    remedies: string[]
  }
  fields?: { path: string; message: string }[]
}

/** The only error that a caller sees as it is; any other is shown as INTERNAL. */
export class CloudError extends Error {
  constructor(
    readonly code: ErrorCode,
    message: string,
    readonly details?: ErrorDetails,
    options?: ErrorOptions,
  ) {
    super(message, options)
    this.name = 'CloudError'
  }
}

/** What a project has: in another one there may be such a thing. */
const OF_PROJECTS = ['server', 'server group', 'image']

export const notFound = (what: string, id: string): CloudError =>
  new CloudError(
    'NOT_FOUND',
    `There is no ${what} ${id}${OF_PROJECTS.includes(what) ? ' in this project' : ''}`,
  )

/**
 * BAD_INPUT for one field of a mutation's input: `message` says what it must be. `sentence` is what
 * people read where the field's name would not tell them enough.
 */
export const badInput = (
  field: string,
  message: string,
  sentence = `${field} ${message}`,
): CloudError =>
  new CloudError('BAD_INPUT', sentence, { fields: [{ path: `input.${field}`, message }] })
