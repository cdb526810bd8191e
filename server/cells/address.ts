/** Addresses of databases: as PostgreSQL's own library takes them, and out of every message. */

/** What node's driver and libpq both know. */
const KNOWN = [
  ...['host', 'port', 'sslmode', 'sslrootcert', 'sslcert', 'sslkey', 'connect_timeout'],
  ...['application_name', 'channel_binding', 'target_session_attrs', 'options'],
]

/** Throws, without telling it, when it is no address of a database. */
export function mustBeAddress(text: string, what: string): URL {
  const url = URL.canParse(text) ? new URL(text) : null
  if (!url || !['postgresql:', 'postgres:'].includes(url.protocol) || url.pathname.length < 2) {
    throw new Error(`${what} must be an address like postgresql://user:password@host/database`)
  }
  return url
}

/** For `CONNECTION` of a subscription. */
export function connectionOf(address: string): string {
  const url = mustBeAddress(address, 'home')
  for (const name of [...url.searchParams.keys()]) {
    if (!KNOWN.includes(name)) url.searchParams.delete(name)
  }
  return url.href
}

/** Runs work whose errors must not tell a password. */
export function withoutSecrets<T>(
  addresses: readonly string[],
  work: () => Promise<T>,
): Promise<T> {
  return work().catch(({ message, cause }: Error) => {
    const because = cause instanceof Error ? new Error(hide(cause.message, addresses)) : null
    // Not the error itself: what PostgreSQL adds to it may quote the statement.
    throw new Error(hide(message, addresses), because ? { cause: because } : {})
  })
}

function hide(message: string, addresses: readonly string[]): string {
  const secrets = addresses.flatMap((address) => {
    const url = URL.canParse(address) ? new URL(address) : null
    const password = url?.password ?? ''
    return [address, url?.href ?? '', password, unescaped(password)]
  })
  return secrets
    .filter((secret) => secret !== '')
    .sort((a, b) => b.length - a.length)
    .reduce((text, secret) => text.replaceAll(secret, '***'), message)
}

function unescaped(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}
