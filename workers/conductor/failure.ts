import { CloudError, type ErrorCode, type ErrorDetails, errorCodes } from '../../services/errors.ts'
import { storable } from '../storable.ts'
import { StepFailure } from './task.ts'

const MAX_LETTERS = 4_000

export interface Failure {
  code: ErrorCode
  message: string
  retryable: boolean
  final: boolean
  details: ErrorDetails | undefined
}

/** What drivers and agents call their failures, in the words of the API. */
const codesOfCalls: Record<string, ErrorCode> = {
  IMAGE_UNAVAILABLE: 'UNAVAILABLE',
  NO_SPACE: 'HYPERVISOR_FAILED',
  MACHINE_NOT_FOUND: 'HYPERVISOR_FAILED',
  ABORTED: 'UNAVAILABLE',
  STALE: 'CONFLICT',
  REFUSED: 'INVALID_STATE',
  GUEST_SILENT: 'HYPERVISOR_FAILED',
  UNSUPPORTED: 'HYPERVISOR_FAILED',
}

/** The owner of a server need not learn how hosts and queues are called; the log has it. */
const inWords: Record<string, string> = {
  TIMEOUT: 'It was not answered in time',
  UNAVAILABLE: 'A part of the cloud could not be reached',
  INTERNAL: 'A defect or a passing fault of a host',
  IMAGE_UNAVAILABLE: 'The bytes of an image or a disk did not arrive whole',
}

const withoutPaths = (message: string): string => message.replace(/(^|[\s'"=(])\/[\w./-]+/g, '$1…')

/**
 * Sorts any error of a deed. What is not known by type is a defect or the database going away: it is
 * retried, and its text is not shown.
 */
export function failureOf(error: unknown): Failure {
  if (error instanceof StepFailure) {
    const { code, message, retryable, final, details } = error
    return { code, message, retryable, final, details }
  }
  if (error instanceof CloudError) {
    const { code, message, details } = error
    return { code, message, details, retryable: false, final: true }
  }
  if (isCallError(error)) {
    const code = error.code in errorCodes ? (error.code as ErrorCode) : codesOfCalls[error.code]
    return {
      code: code ?? 'INTERNAL',
      // A task that can't write down why it failed would never end.
      message: inWords[error.code] ?? storable(withoutPaths(error.message), MAX_LETTERS),
      retryable: error.retryable ?? false,
      final: error.final ?? error.code === 'IMAGE_INVALID',
      details: undefined,
    }
  }
  return {
    code: 'INTERNAL',
    message: 'A defect or a passing fault of the cloud; the request id finds it in the log',
    retryable: true,
    final: false,
    details: undefined,
  }
}

const isCallError = (
  error: unknown,
): error is Error & { code: string; retryable?: boolean; final?: boolean } =>
  error instanceof Error &&
  'code' in error &&
  typeof error.code === 'string' &&
  (error.name === 'CallError' || error.code === 'TIMEOUT')
