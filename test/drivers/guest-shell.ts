/**
 * A guest with an operating system of its own, spoken to over its serial console: the image of
 * scripts/guest-image, which logs its console in, with a few lines of shell that do what an agent in
 * a guest does.
 */
import { randomUUID } from 'node:crypto'
import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import type { Duplex } from 'node:stream'
import type { ComputeDriver, ImageSource } from '../../drivers/compute/driver.ts'
import { qemuProblem } from '../../drivers/compute/qemu/probe.ts'
import { imageOf } from './boot-disk.ts'
import { eventually } from './compute.contract.ts'

const IMAGE = 'dist/guest-image/nephograph-guest.qcow2'
const BOOT_WAIT_MS = 120_000
const ANSWER_WAIT_MS = 60_000
export const GUEST_SIZES = { vcpus: 1, memoryMiB: 256, diskGiB: 1 }

/** Answers on the agent's port as qemu-guest-agent does, as far as the driver asks. */
const AGENT = [
  'P=$(ls /dev/vport*p1); exec 3<>$P; echo up >/tmp/agent-up',
  // While no host listens, a port is at its end.
  'while :; do read -r l <&3 || { usleep 50000; continue; }; case "$l" in',
  '*sync-delimited*) i=${l##*:}; i=${i%%\\}*}; printf "\\377{\\"return\\": $i}\\n" >&3;;',
  '*guest-ping*|*fsfreeze*) echo "$l" >>/tmp/asked; echo "{\\"return\\": 1}" >&3;;',
  '*set-user-password*) u=${l##*username\\":\\"}; u=${u%%\\"*}; p=${l##*password\\":\\"}; p=${p%%\\"*}',
  'if id "$u" >/dev/null && echo "$p" | base64 -d >/tmp/password; then echo "{\\"return\\": {}}" >&3',
  'else echo "{\\"error\\": {\\"class\\": \\"GenericError\\", \\"desc\\": \\"$p\\"}}" >&3; fi;;',
  'esac; done',
]

export async function realGuestProblem(): Promise<string | null> {
  const problem = await qemuProblem()
  return problem ?? (existsSync(IMAGE) ? null : `${IMAGE} has not been built`)
}

export async function realGuestImage(): Promise<ImageSource> {
  const bytes = await readFile(IMAGE)
  const virtualSizeBytes = Number(bytes.readBigUInt64BE(24))
  return imageOf(bytes, { format: 'qcow2', virtualSizeBytes })
}

export async function booted(driver: ComputeDriver, id: string): Promise<void> {
  const isUp = async () => (await driver.consoleLog(id, 1000)).includes('login:')
  await eventually('the guest is up', isUp, BOOT_WAIT_MS)
}

/** The shell on the serial console of a guest that is up. */
export class GuestShell {
  text = ''

  private constructor(readonly line: Duplex) {
    line.on('data', (bytes: Buffer) => {
      this.text += bytes.toString('latin1')
    })
  }

  static async open(driver: ComputeDriver, id: string): Promise<GuestShell> {
    const { consoles } = driver.abilities
    if (!consoles) throw new Error('the driver has no consoles')
    return GuestShell.on(await consoles.serial(id))
  }

  /** Over a serial line that is open already. */
  static async on(line: Duplex): Promise<GuestShell> {
    const shell = new GuestShell(line)
    // Whoever is still logging in may drop what is typed.
    const marks: string[] = []
    const heard = () => marks.some((mark) => shell.text.includes(mark))
    const answers = async () => {
      const mark = randomUUID()
      marks.push(mark)
      shell.line.write(`echo ${mark.slice(0, 4)}""${mark.slice(4)}\r`)
      return eventually('an echo', heard, 2_000).catch(() => false)
    }
    await eventually('the shell answers', answers, ANSWER_WAIT_MS)
    // What the kernel says would come in the middle of what we look for.
    await shell.run('sudo dmesg -n 1')
    return shell
  }

  /** What a command prints. */
  async run(command: string): Promise<string> {
    const mark = randomUUID()
    const [from, to] = [`<${mark}`, `${mark}>`]
    const cut = (text: string) => `${text.slice(0, 9)}""${text.slice(9)}`
    this.line.write(`echo "${cut(from)}"; ${command}; echo "${cut(to)}"\r`)
    await eventually(`the end of ${command}`, () => this.text.includes(to), ANSWER_WAIT_MS)
    const begin = this.text.lastIndexOf(from) + from.length
    return this.text.slice(begin, this.text.lastIndexOf(to)).trim()
  }

  /** Writes a file line by line: a console loses what is typed faster than it is read. */
  async write(path: string, lines: string[]): Promise<void> {
    await this.run(`: >${path}`)
    for (const line of lines) {
      const text = Buffer.from(`${line}\n`).toString('base64')
      await this.run(`echo ${text} | base64 -d >>${path}`)
    }
  }

  async startAgent(): Promise<void> {
    await this.write('/tmp/agent', AGENT)
    await this.run('sudo modprobe virtio_console')
    await eventually(
      'the port of the agent',
      async () => {
        return (await this.run('ls /dev/')).includes('vport')
      },
      ANSWER_WAIT_MS,
    )
    await this.run('(sudo sh /tmp/agent >/tmp/agent.log 2>&1 &)')
    const isUp = async () => /^up\r?$/m.test(await this.run('cat /tmp/agent-up'))
    await eventually('the agent', isUp, ANSWER_WAIT_MS)
  }

  close(): void {
    this.line.destroy()
  }
}
