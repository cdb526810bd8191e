/** Where the agents of hosts are called, and how long each verb may take there. */
export const agentQueue = (host: string): string => `agent.compute.${host}`

/** Includes the fetch of an image that the host does not have yet. */
export const DISK_TIMEOUT_MS = 10 * 60_000
export const BOOT_TIMEOUT_MS = 60_000
/** The guest is asked first, this long; then it is forced. */
export const GRACE_MS = 30_000
export const STOP_TIMEOUT_MS = GRACE_MS + 30_000
export const REBOOT_TIMEOUT_MS = GRACE_MS + 60_000
export const DESTROY_TIMEOUT_MS = 30_000
