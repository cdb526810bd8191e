/**
 * A RabbitMQ broker of the test's own: Debian's `rabbitmq-server` with its own port, node name,
 * port mapper (epmd), cookie and data folder. It can be killed and started again on the same data.
 *
 * Q1 Every process is a direct child that dies with the test and is ended by its pid: the port
 *    mapper isn't left to the Erlang runtime, which would start one that outlives the test; the
 *    broker's script is told to `exec`.
 * Q2 Everything listens on loopback only; the broker itself on another address of this machine when
 *    one is given, which the test has made.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { randomBytes, randomInt } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'

const SERVER = '/usr/lib/rabbitmq/bin/rabbitmq-server'
/** Nothing outlives the test, not even when it is killed. */
const DIE_WITH_PARENT = ['--pdeathsig', 'KILL', '--']
const START_TIMEOUT_MS = 90_000
const STOP_TIMEOUT_MS = 15_000
const POLL_MS = 100
/** Linux gives ports from here on to whoever asks for any (ip_local_port_range). */
const EPHEMERAL_PORTS = 32_768
const LOWEST_PORT = 20_000

export interface Broker {
  url: string
  /** Starts the broker again after `kill` and resolves when it takes connections. */
  start(): Promise<void>
  /** Ends the broker with SIGKILL, as a crash does; its data stays. */
  kill(): Promise<void>
  /** Ends everything and removes the data. */
  stop(): Promise<void>
}

/** Why there can be no broker here, or null. */
export function rabbitMqProblem(): string | null {
  if (!existsSync(SERVER)) return `no RabbitMQ (${SERVER}, Debian package rabbitmq-server)`
  try {
    execFileSync('epmd', ['-names'], { timeout: 5_000, stdio: 'ignore' })
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT')
      return 'no epmd (Debian package erlang-base)'
  }
  return null
}

export async function startRabbitMq(address = '127.0.0.1'): Promise<Broker> {
  const folder = await mkdtemp(join(tmpdir(), 'nephograph-rabbitmq-'))
  const [port, distPort, mapperPort] = await freePorts()
  const settings = join(folder, 'rabbitmq.conf')
  const listener = `listeners.tcp.1 = ${address}:${port}`
  await writeFile(settings, `${listener}\nloopback_users = none\nlog.file.level = warning\n`)
  await writeFile(join(folder, 'enabled_plugins'), '[].\n')
  const environment = {
    PATH: process.env['PATH'],
    HOME: folder,
    ERL_EPMD_PORT: String(mapperPort),
    ERL_EPMD_ADDRESS: '127.0.0.1',
    // The script replaces itself by the runtime then, so that the child's pid is the broker's.
    RUNNING_UNDER_SYSTEMD: 'true',
    RABBITMQ_NODENAME: `nephograph-${randomBytes(6).toString('hex')}@localhost`,
    RABBITMQ_NODE_PORT: String(port),
    RABBITMQ_NODE_IP_ADDRESS: address,
    RABBITMQ_DIST_PORT: String(distPort),
    RABBITMQ_CONF_ENV_FILE: '/dev/null',
    RABBITMQ_CONFIG_FILE: settings,
    RABBITMQ_ENABLED_PLUGINS_FILE: join(folder, 'enabled_plugins'),
    RABBITMQ_MNESIA_BASE: join(folder, 'data'),
    RABBITMQ_LOG_BASE: join(folder, 'log'),
    RABBITMQ_LOGS: join(folder, 'broker.log'),
    RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS:
      '-kernel inet_dist_use_interface {127,0,0,1} +S 2:2 +sbwt none',
  }
  const run = (command: string[]): ChildProcess =>
    spawn('setpriv', [...DIE_WITH_PARENT, ...command], {
      env: environment,
      cwd: folder,
      stdio: 'ignore',
    })
  const mapper = run(['epmd', '-address', '127.0.0.1', '-port', String(mapperPort)])
  let server: ChildProcess | null = null

  async function start(): Promise<void> {
    const child = run([SERVER])
    server = child
    const deadline = Date.now() + START_TIMEOUT_MS
    while (!(await isListening(address, port))) {
      if (child.exitCode !== null || Date.now() > deadline) {
        const log = await readFile(join(folder, 'broker.log'), 'utf8').catch(() => 'no log')
        throw new Error(`RabbitMQ did not start (exit ${child.exitCode}): ${log.slice(-2_000)}`)
      }
      await pause(POLL_MS)
    }
  }

  async function stop(): Promise<void> {
    if (server) await end(server, 'SIGTERM')
    await end(mapper, 'SIGTERM')
    await rm(folder, { recursive: true, force: true, maxRetries: 5 })
  }

  const kill = async (): Promise<void> => {
    if (server) await end(server, 'SIGKILL')
    server = null
  }
  try {
    await start()
  } catch (error) {
    await stop()
    throw error
  }
  return { url: `amqp://guest:guest@${address}:${port}`, start, kill, stop }
}

/** Resolves when the child has gone; what ignores the signal is killed. */
async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  child.kill(signal)
  const late = setTimeout(() => child.kill('SIGKILL'), STOP_TIMEOUT_MS)
  await gone
  clearTimeout(late)
}

function isListening(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port })
    socket.once('connect', () => finish(true))
    socket.once('error', () => finish(false))
    function finish(answer: boolean): void {
      socket.destroy()
      resolve(answer)
    }
  })
}

/**
 * Ports that are free, and that the system gives to nobody who asks for any port: a broker that is
 * killed and started again, some seconds later, finds them free still.
 */
async function freePorts(): Promise<[number, number, number]> {
  const ports = new Set<number>()
  while (ports.size < 3) {
    const port = randomInt(LOWEST_PORT, EPHEMERAL_PORTS)
    if (await isFree(port)) ports.add(port)
  }
  return [...ports] as [number, number, number]
}

const isFree = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const server = createServer()
    server.once('error', () => resolve(false))
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)))
  })
