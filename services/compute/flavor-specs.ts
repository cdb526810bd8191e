/**
 * The extra specs of flavors: what a size asks of a host beyond room, in OpenStack's names. Checked
 * where they are given: a name with a slip of the pen would place servers as if it were not there.
 */
import { badInput, type CloudError } from '../errors.ts'

export type ExtraSpecs = Record<string, string>

interface SpecRow {
  name: RegExp
  value: RegExp
  /** Name and value in words. */
  form: string
}

const COUNT = /^[1-9]\d{0,5}$/
const AMOUNT = /^\d{1,18}$/
const TEXT = /^[^\p{Cc}]{1,255}$/u
const YES_NO = /^(true|false|yes|no)$/i

const specs: SpecRow[] = [
  {
    name: /^trait:[A-Z0-9_]{1,255}$/,
    value: /^(required|forbidden)$/,
    form: 'trait:<TRAIT> = required or forbidden',
  },
  {
    name: /^aggregate_instance_extra_specs:[\w.:-]{1,200}$/,
    value: TEXT,
    form: 'aggregate_instance_extra_specs:<key> = a text',
  },
  {
    name: /^hw:(cpu_policy)$/,
    value: /^(shared|dedicated|mixed)$/,
    form: 'hw:cpu_policy = shared, dedicated or mixed',
  },
  {
    name: /^hw:cpu_thread_policy$/,
    value: /^(prefer|isolate|require)$/,
    form: 'hw:cpu_thread_policy = prefer, isolate or require',
  },
  {
    name: /^hw:(cpu_(max_)?(sockets|cores|threads)|numa_nodes)$/,
    value: COUNT,
    form: 'hw:cpu_sockets, hw:cpu_cores, hw:cpu_threads (each also as hw:cpu_max_...), hw:numa_nodes = a count',
  },
  {
    name: /^hw:numa_mem\.\d{1,2}$/,
    value: COUNT,
    form: 'hw:numa_mem.<node> = MiB',
  },
  {
    name: /^hw:numa_cpus\.\d{1,2}$/,
    value: /^\^?\d{1,4}([-,]\^?\d{1,4})*$/,
    form: 'hw:numa_cpus.<node> = a list such as 0-3,8',
  },
  {
    name: /^hw:mem_page_size$/,
    value: /^(small|large|any|\d{1,9}(KB|MB|GB)?)$/i,
    form: 'hw:mem_page_size = small, large, any or a size',
  },
  {
    name: /^hw:(boot_menu|hide_hypervisor_id|mem_encryption|pmu|locked_memory)$/,
    value: YES_NO,
    form: 'hw:boot_menu, hw:hide_hypervisor_id, hw:mem_encryption, hw:pmu, hw:locked_memory = true or false',
  },
  {
    name: /^hw:(watchdog_action|cpu_realtime|cpu_realtime_mask|emulator_threads_policy|machine_type|cpu_dedicated_mask)$/,
    value: TEXT,
    form: 'hw:watchdog_action, hw:cpu_realtime, hw:cpu_realtime_mask, hw:cpu_dedicated_mask, hw:emulator_threads_policy, hw:machine_type = a text',
  },
  {
    name: /^quota:(cpu_(shares|period|quota|(shares|limit|reservation))|memory_(limit|reservation|shares_level|shares_share)|(disk|vif)_(read|write|total|inbound|outbound)_[a-z_]{1,40})$/,
    value: AMOUNT,
    form: 'quota:cpu_..., quota:memory_..., quota:disk_..., quota:vif_... = an amount',
  },
]

/** Nova's limit. */
const MAX_SPECS = 128

/** Throws BAD_INPUT with what would be taken. */
export function checkExtraSpecs(given: ExtraSpecs): void {
  const pairs = Object.entries(given)
  if (pairs.length > MAX_SPECS) throw wrong(`takes at most ${MAX_SPECS} pairs`)
  for (const [name, value] of pairs) {
    const row = specs.find((spec) => spec.name.test(name))
    if (!row) throw wrong(`${name} is not known; there are: ${forms()}`)
    if (!row.value.test(value)) throw wrong(`${name}: must be as in "${row.form}"`)
  }
}

const forms = () => specs.map(({ form }) => form).join('; ')

const wrong = (message: string): CloudError => badInput('extraSpecs', message)
