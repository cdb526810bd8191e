/**
 * The processor time of this process since then, in milliseconds: what bounds the work of a request, and
 * does not grow when the machine does something else meanwhile.
 */
export function cpuClock(): () => number {
  const began = process.cpuUsage()
  return () => {
    const { user, system } = process.cpuUsage(began)
    return (user + system) / 1_000
  }
}
