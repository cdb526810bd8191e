/** Numbers and moments for people, in the portal's language. */
import { currentLocale } from '../i18n/language.ts'

const byteUnits = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB']

const decimal = (value: number, digits: number): string =>
  new Intl.NumberFormat(currentLocale(), { maximumFractionDigits: digits }).format(value)

export const formatNumber = (value: number): string => decimal(value, 2)

/**
 * Bytes in the largest unit that leaves a number of at least 1. Takes BigInt strings of the API.
 */
export function formatBytes(bytes: number | string): string {
  let value = Number(bytes)
  let unit = 0
  while (value >= 1024 && unit < byteUnits.length - 1) {
    value /= 1024
    unit += 1
  }
  return `${decimal(value, value < 10 ? 1 : 0)} ${byteUnits[unit]}`
}

export const formatMiB = (mebibytes: number): string => formatBytes(mebibytes * 1024 ** 2)

export const formatGiB = (gibibytes: number): string => formatBytes(gibibytes * 1024 ** 3)

/**
 * An amount of a resource whose name ends in its unit: memoryMiB, MEMORY_MB, DISK_GB; others are
 * counted.
 */
export function formatAmount(resource: string, amount: number | string): string {
  if (/(mib|_mb)$/i.test(resource)) return formatMiB(Number(amount))
  if (/(gib|_gb)$/i.test(resource)) return formatGiB(Number(amount))
  if (/bytes$/i.test(resource)) return formatBytes(amount)
  return formatNumber(Number(amount))
}

export const formatMoment = (iso: string): string =>
  new Intl.DateTimeFormat(currentLocale(), { dateStyle: 'medium', timeStyle: 'medium' }).format(
    new Date(iso),
  )

/** The time between two moments: 0.4 s, 12 s, 3 min 5 s, 2 h 10 min. */
export function formatDuration(fromIso: string, toIso: string): string {
  const seconds = Math.max(0, (Date.parse(toIso) - Date.parse(fromIso)) / 1000)
  if (seconds < 60) return `${decimal(seconds, seconds < 10 ? 1 : 0)} s`
  const minutes = Math.floor(seconds / 60)
  if (minutes < 60) return `${minutes} min ${Math.floor(seconds % 60)} s`
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`
}
