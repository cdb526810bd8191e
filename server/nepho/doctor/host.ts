/** What the cloud needs of this machine, of its settings, and of what it left in the data directory. */
import {
  accessSync,
  constants,
  existsSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statfsSync,
  statSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pino } from 'pino'
import { computeDriverProblem, createComputeDriver } from '../../../drivers/compute/registry.ts'
import { PolicyError } from '../../../services/access/policy.ts'
import { defaultRules } from '../../../services/access/rules.ts'
import { connectRabbitMq } from '../../bus/rabbitmq.ts'
import type { Config } from '../../config.ts'
import { birthOf } from '../../folder-lock.ts'
import { keyFiles, keyFolder, keyKinds, STAGED_MS } from '../../key-files.ts'
import { loadKeys } from '../../keys.ts'
import { startPolicies } from '../../policy-files.ts'
import { readReady, readyFile } from '../../ready-file.ts'
import { type Check, type Finding, fail, ok, skipped, warn } from './check.ts'

const OLDEST_NODE = [20, 19] as const
const GIB = 1024 ** 3
const FREE_WARN_GIB = 5
const FREE_FAIL_GIB = 0.5
const BROKER_WAIT_MS = 5_000
const HEALTH_WAIT_MS = 5_000

function node(): Finding {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
  const found = `${process.version}, ${process.platform} ${process.arch}`
  const isNew = major > OLDEST_NODE[0] || (major === OLDEST_NODE[0] && minor >= OLDEST_NODE[1])
  return isNew ? ok(found) : fail(found, `install Node ${OLDEST_NODE.join('.')} or newer`)
}

function dataDirectory({ dataDir }: Config): Finding {
  const stat = statSync(dataDir, { throwIfNoEntry: false })
  if (!stat) return warn(`${dataDir} is not there`, 'nepho bootstrap, or start the cloud')
  if (!stat.isDirectory()) return fail(`${dataDir} is no folder`, 'set NEPHO_DATA_DIR to a folder')
  try {
    accessSync(dataDir, constants.R_OK | constants.W_OK | constants.X_OK)
  } catch {
    return fail(
      `${dataDir} belongs to user id ${stat.uid} and is closed to us (${process.getuid?.() ?? 'unknown'})`,
      'run this as the user that runs the cloud, or set NEPHO_DATA_DIR to a folder of your own',
    )
  }
  if (stat.mode & 0o022) {
    return fail(`others may write to ${dataDir}`, `chmod go-w ${dataDir}`)
  }
  return ok(dataDir)
}

function freeSpace({ dataDir }: Config): Finding {
  if (!existsSync(dataDir)) return skipped('there is no data directory yet')
  const { bavail, bsize } = statfsSync(dataDir)
  const freeGiB = (bavail * bsize) / GIB
  const found = `${freeGiB.toFixed(1)} GiB are free`
  const cure =
    'make room: database, images and guests share this disk, and a full one stops them all'
  if (freeGiB < FREE_FAIL_GIB) return fail(found, cure)
  return freeGiB < FREE_WARN_GIB ? warn(found, cure) : ok(found)
}

function keys({ dataDir, roles }: Config): Finding {
  if (roles.every((role) => role === 'agent')) return skipped('agents have none')
  const missing = keyKinds.filter((kind) => !existsSync(keyFolder(dataDir, kind)))
  if (missing.length > 0) {
    return warn(
      `there is no folder for ${missing.join(', ')} keys yet`,
      'nepho bootstrap, or start the cloud',
    )
  }
  const open = keyKinds.flatMap((kind) => {
    const paths = [keyFolder(dataDir, kind), ...keyFiles(dataDir, kind).map(({ file }) => file)]
    return paths.filter((path) => statSync(path).mode & 0o077)
  })
  if (open.length > 0) {
    return fail(`others may read ${open.join(', ')}`, 'chmod go-rwx these, then nepho keys rotate')
  }
  const counts = keyKinds.map((kind) => `${keyFiles(dataDir, kind).length} ${kind}`)
  if (keyKinds.some((kind) => keyFiles(dataDir, kind).length === 0)) {
    return fail(`${counts.join(', ')}: a kind has none`, 'bring the files back from a backup')
  }
  try {
    loadKeys(dataDir, { make: false })
  } catch (error) {
    return fail((error as Error).message, 'bring the file back from a backup, or remove it')
  }
  const early = keyKinds
    .flatMap((kind) => keyFiles(dataDir, kind))
    .filter(({ madeAt }) => madeAt > Date.now() + STAGED_MS)
  if (early.length > 0) {
    return warn(
      `${early.map(({ file }) => file).join(', ')}: made in the future, by a clock that was wrong`,
      'remove the file, unless something was sealed with it meanwhile, and rotate anew',
    )
  }
  return ok(`${counts.join(', ')}, readable by their owner only`)
}

async function policyFiles({ dataDir, policyDir, roles }: Config): Promise<Finding> {
  if (roles.every((role) => role === 'agent')) return skipped('agents have none')
  const folder = policyDir ?? join(dataDir, 'policy')
  if (!existsSync(folder)) {
    return policyDir
      ? warn(
          `${folder} is not there: the default rules hold`,
          'make the folder, or unset NEPHO_POLICY_DIR',
        )
      : ok('none: the default rules hold')
  }
  try {
    const policies = await startPolicies({
      folder,
      rules: defaultRules,
      log: pino({ level: 'silent' }),
    })
    await policies.stop()
    return ok(`those in ${folder} are well formed`)
  } catch (error) {
    if (!(error instanceof PolicyError)) throw error
    return fail(
      error.message.replaceAll('\n', '; '),
      'correct the line that is named: a running cloud keeps the set before, and none starts with this one',
    )
  }
}

async function bus({ amqpUrl }: Config): Promise<Finding> {
  if (!amqpUrl) return ok('inside the process: no AMQP_URL')
  try {
    const log = pino({ level: 'silent' })
    const open = await connectRabbitMq({
      url: amqpUrl.reveal(),
      log,
      connectWaitMs: BROKER_WAIT_MS,
    })
    await open.close()
    return ok('RabbitMQ takes our login')
  } catch (error) {
    return fail(
      (error as Error).message,
      'start RabbitMQ, and see that AMQP_URL names it with a user, password and virtual host it takes',
    )
  }
}

const QEMU_CURE = 'apt-get install qemu-system-x86 qemu-utils; or NEPHO_DRIVERS=simulated'

async function qemu({ drivers, roles }: Config): Promise<Finding> {
  if (!roles.includes('agent')) return skipped('this process runs no agent')
  if (drivers === 'simulated') return skipped('the drivers are simulated, as set')
  const problem = await computeDriverProblem('qemu')
  if (!problem) return ok('qemu-system-x86_64 and qemu-img are there')
  return drivers === 'linux'
    ? fail(problem, QEMU_CURE)
    : warn(`${problem}: hosts are simulated`, QEMU_CURE)
}

async function accelerator(config: Config): Promise<Finding> {
  const usable = await qemu(config)
  if (usable.status !== 'ok') return skipped('there is no QEMU to try it with')
  // A folder of its own: the one of a running agent is not ours to tidy.
  const dir = mkdtempSync(join(tmpdir(), 'nephograph-doctor-'))
  try {
    const facts = await createComputeDriver('qemu', { dir: join(dir, 'driver') }).capabilities()
    const fact = (name: string) => facts.find((fact) => fact.name === name)?.value
    if (fact('accelerator') === 'kvm') return ok('kvm boots a guest')
    return warn(
      `guests run under tcg: ${fact('acceleratorReason') ?? 'unknown'}`,
      'guests work, but slowly; load kvm_intel or kvm_amd, let the user that guests run as open /dev/kvm, and on a virtual machine allow nested virtualisation',
    )
  } finally {
    rmSync(dir, { recursive: true, force: true })
  }
}

async function runningInstance({ dataDir }: Config): Promise<Finding> {
  const ready = readReady(dataDir)
  if (!ready) {
    const busy = existsSync(join(dataDir, 'lock')) && readdirSync(join(dataDir, 'lock')).some(lives)
    return skipped(
      busy ? 'a process starts or stops just now' : 'nothing runs on this data directory',
    )
  }
  const { url, pid } = ready
  if (birthOf(pid) === null) {
    return warn(
      `process ${pid} is gone and left ${readyFile(dataDir)} behind`,
      'start the cloud: it goes on from there',
    )
  }
  if (!url) return ok(`process ${pid} runs, without the API`)
  try {
    const answer = await fetch(new URL('/healthz', url), {
      signal: AbortSignal.timeout(HEALTH_WAIT_MS),
    })
    await answer.body?.cancel()
    if (answer.ok) return ok(`process ${pid} answers at ${url}`)
    return fail(
      `process ${pid} answers ${answer.status} at ${url}/healthz`,
      `see its log, or restart it`,
    )
  } catch (error) {
    return fail(
      `process ${pid} does not answer at ${url}: ${(error as Error).message}`,
      `end process ${pid} and start the cloud again; what was in hand goes on`,
    )
  }
}

const lives = (owner: string): boolean => birthOf(Number.parseInt(owner, 10)) !== null

const check = (name: string, run: (config: Config) => Promise<Finding> | Finding): Check => ({
  name,
  kind: 'prerequisite',
  needs: 'config',
  run,
})

export const hostChecks: readonly Check[] = [
  { name: 'node', kind: 'prerequisite', needs: 'nothing', run: node },
  {
    name: 'configuration',
    kind: 'prerequisite',
    needs: 'nothing',
    run: ({ configProblem }) =>
      configProblem
        ? fail(configProblem.replaceAll('\n', '; '), 'correct the setting that is named')
        : ok('each setting is one that we know'),
  },
  check('data directory', dataDirectory),
  check('free space', freeSpace),
  check('keys', keys),
  check('policy files', policyFiles),
  check('message bus', bus),
  check('QEMU', qemu),
  check('accelerator', accelerator),
  check('running instance', runningInstance),
]
