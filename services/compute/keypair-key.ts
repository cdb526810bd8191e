/** Public keys of SSH: what is taken, and what is made. Given ones are hostile until they are parsed. */
import { generateKeyPairSync } from 'node:crypto'
import sshpk from 'sshpk'
import { CloudError } from '../errors.ts'

/** An RSA key of 16,384 bits has 2,800 letters. */
const MAX_KEY_LETTERS = 8192
const MAX_COMMENT_LETTERS = 255
const MIN_RSA_BITS = 2048
/** More costs a server that checks it seconds. */
const MAX_RSA_BITS = 16_384
/** One line: type, base64, and whatever follows is a comment. */
const LINE = /^(?<type>[a-z0-9@.-]+)[ \t]+(?<key>[A-Za-z0-9+/]+={0,2})([ \t]+(?<comment>.*))?$/
const ACCEPTED = `ssh-ed25519, ecdsa-sha2-nistp256, -384 or -521, ssh-rsa of ${MIN_RSA_BITS} bits or more`

export interface PublicKey {
  /** As a line of authorized_keys. */
  publicKey: string
  /** SHA256:..., as ssh-keygen shows it. */
  fingerprint: string
}

/** BAD_INPUT with the reason when no server should let this key in. */
export function parsePublicKey(given: string): PublicKey {
  const text = given.trim()
  if (text.length > MAX_KEY_LETTERS) throw wrong(`must have at most ${MAX_KEY_LETTERS} letters`)
  if (/PRIVATE KEY/.test(text)) throw wrong('must be the public half: this is a private key')
  const line = LINE.exec(text)?.groups
  if (!line) throw wrong('must be one line as in id_ed25519.pub: a type, the key, a comment')
  const { type, key: base64, comment = '' } = line
  if (/\p{Cc}/u.test(comment)) throw wrong('must have no control characters in its comment')
  const key = parsed(`${type} ${base64}`)
  const curve = key.type === 'ecdsa' ? `ecdsa-sha2-${key.curve}` : null
  const name = key.type === 'ed25519' ? 'ssh-ed25519' : key.type === 'rsa' ? 'ssh-rsa' : curve
  if (!name) throw wrong(`is a ${key.type} key; accepted are ${ACCEPTED}`)
  // What is inside says it, and must be what the line says.
  if (name !== type) throw wrong(`says ${type}, but is ${name}`)
  if (key.type === 'rsa' && (key.size < MIN_RSA_BITS || key.size > MAX_RSA_BITS)) {
    throw wrong(`has ${key.size} bits; RSA keys have ${MIN_RSA_BITS} to ${MAX_RSA_BITS}`)
  }
  const [, normal] = key.toString('ssh').split(' ')
  const remark = comment.trim().slice(0, MAX_COMMENT_LETTERS)
  return {
    publicKey: [name, normal, ...(remark ? [remark] : [])].join(' '),
    fingerprint: key.fingerprint('sha256').toString(),
  }
}

function parsed(line: string): sshpk.Key {
  try {
    return sshpk.parseKey(line, 'ssh')
  } catch (cause) {
    throw wrong(`must be a whole public key; accepted are ${ACCEPTED}`, cause)
  }
}

const wrong = (message: string, cause?: unknown): CloudError =>
  new CloudError(
    'BAD_INPUT',
    `publicKey ${message}`,
    { fields: [{ path: 'input.publicKey', message }] },
    { cause },
  )

/** A new pair; the private half in OpenSSH's format, without a passphrase. */
export function makeKeyPair(comment: string): PublicKey & { privateKey: string } {
  const { privateKey } = generateKeyPairSync('ed25519', {
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  })
  const key = sshpk.parsePrivateKey(privateKey, 'pkcs8')
  key.comment = comment
  const half = key.toPublic()
  half.comment = comment
  return { ...parsePublicKey(half.toString('ssh')), privateKey: key.toString('openssh') }
}
