/**
 * The control connection to one QEMU, which may be lost and made anew. Whoever wants to hear what
 * QEMU says by itself listens here, and hears it across connections.
 */
import { DriverError } from '../driver.ts'
import { QMP_SOCKET } from './arguments.ts'
import { QmpClient, type QmpEvent } from './qmp.ts'
import { openRunSocket, pathOf } from './run-socket.ts'

const QUESTION_TIMEOUT_MS = 3_000

export class Control {
  /** The connection closed, and not because we closed it. */
  onLost: () => void = () => {}
  private readonly listeners = new Set<(event: QmpEvent) => void>()
  private qmp: QmpClient | null = null
  private left = false

  constructor(private readonly runFolder: string) {}

  get connected(): boolean {
    return this.qmp !== null
  }

  /** Throws a retryable DriverError when QEMU does not greet within `timeoutMs`. */
  async connect(timeoutMs: number, signal?: AbortSignal): Promise<void> {
    const file = await openRunSocket(this.runFolder, QMP_SOCKET).catch((cause: unknown) => {
      const message = 'QEMU has no control socket'
      throw new DriverError('HYPERVISOR_FAILED', message, true, { cause })
    })
    try {
      const qmp = await QmpClient.connect(pathOf(file), { timeoutMs, signal })
      qmp.onEvent = (event) => this.heard(event)
      qmp.onClose = () => {
        this.qmp = null
        this.onLost()
      }
      if (!qmp.connected) throw new DriverError('HYPERVISOR_FAILED', 'QEMU hung up', true)
      this.qmp = qmp
    } finally {
      await file.close()
    }
  }

  /**
   * One command. Throws TIMEOUT when QEMU does not answer, HYPERVISOR_FAILED when it refuses, and
   * ABORTED when the driver has let go of the machine.
   */
  ask(
    command: string,
    args: Record<string, unknown> = {},
    signal?: AbortSignal,
    timeoutMs = QUESTION_TIMEOUT_MS,
  ): Promise<unknown> {
    if (this.left) return Promise.reject(leftAlone())
    if (this.qmp) return this.qmp.execute(command, args, timeoutMs, signal)
    return Promise.reject(new DriverError('TIMEOUT', 'QEMU does not answer', true))
  }

  /** Calls back for every event of QEMU. Returns the way to stop it. */
  listen(listener: (event: QmpEvent) => void): () => void {
    this.listeners.add(listener)
    return () => this.listeners.delete(listener)
  }

  /** Closes the connection; QEMU does not notice. */
  release(): void {
    const { qmp } = this
    this.qmp = null
    if (!qmp) return
    qmp.onClose = () => {}
    qmp.close()
  }

  /** Lets go of this QEMU for good: a verb that is still at work may not touch it any more. */
  leaveAlone(): void {
    this.left = true
    this.release()
  }

  throwIfLeft(): void {
    if (this.left) throw leftAlone()
  }

  private heard(event: QmpEvent): void {
    for (const listener of [...this.listeners]) listener(event)
  }
}

function leftAlone(): DriverError {
  return new DriverError('ABORTED', 'the driver was closed', true)
}
