/**
 * The built portal and playground.
 *
 * S1 Only files that were found in the folder at start are served, by exact path: there is nothing
 *    to traverse. Links are not followed.
 * S2 A path without a file extension is the portal's: its router in the browser knows the rest.
 * S3 Files with a hash in their name never change and are cached for ever; all others are asked
 *    for again each time and answered with 304 when they are the same.
 */
import { createHash } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { extname, join, relative, sep } from 'node:path'
import { promisify } from 'node:util'
import { brotliCompress, constants, gzip } from 'node:zlib'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { sendFailure } from './failure.ts'

const TYPES: Record<string, string> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.mjs': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.json': 'application/json; charset=utf-8',
  '.map': 'application/json; charset=utf-8',
  '.webmanifest': 'application/manifest+json',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.jpg': 'image/jpeg',
  '.webp': 'image/webp',
  '.ico': 'image/x-icon',
  '.woff': 'font/woff',
  '.woff2': 'font/woff2',
  '.ttf': 'font/ttf',
  '.wasm': 'application/wasm',
  '.txt': 'text/plain; charset=utf-8',
}

/** Fonts and pictures are compressed already. */
const COMPRESSIBLE = new Set(['.html', '.js', '.mjs', '.css', '.json', '.map', '.svg', '.txt'])
const COMPRESS_MIN_BYTES = 1_024

/** More files than this are not a portal but the wrong folder. */
const FILES_MAX = 5_000

/** What Vite names its output: assets/page-D4x_9aBc.js. */
const HASHED = /^\/assets\/.+-[\w-]{8,}\.\w+$/

type Encoding = 'br' | 'gzip'

interface File {
  path: string
  type: string
  etag: string
  cacheControl: string
  compressible: boolean
  /** Made when first asked for, then kept: a portal is a few MB. */
  compressed: Map<Encoding, Promise<Buffer>>
}

/** Registers GET for everything that no other route takes. A missing folder is an unbuilt portal. */
export async function staticFiles(app: FastifyInstance, webDir: string): Promise<void> {
  const files = await scan(webDir)
  app.get('/playground', (request, reply) => send(request, reply, files.get('/playground.html')))
  app.get('/*', (request, reply) => {
    const path = pathOf(request.url)
    if (path === null) {
      return sendFailure(request, reply, { code: 'BAD_INPUT', message: 'The path is not a path' })
    }
    const file = files.get(path)
    if (file || extname(path) !== '') return send(request, reply, file, extname(path) !== '.html')
    return send(request, reply, files.get('/index.html')) // S2
  })
}

/** Decoded, without the query; null for what no honest client sends. */
function pathOf(url: string): string | null {
  try {
    const path = decodeURIComponent(url.split('?', 1)[0] ?? '')
    const bad = path.includes('\0') || path.includes('\\') || path.split('/').includes('..')
    return bad ? null : path
  } catch {
    return null
  }
}

async function send(
  request: FastifyRequest,
  reply: FastifyReply,
  file: File | undefined,
  isAsset = false,
): Promise<FastifyReply> {
  if (!file) {
    const message = isAsset ? 'There is no such file' : 'The portal is not built: npm run build'
    return sendFailure(request, reply, { code: 'NOT_FOUND', message })
  }
  reply.header('etag', file.etag).header('cache-control', file.cacheControl).type(file.type)
  if (file.compressible) reply.header('vary', 'accept-encoding')
  if (request.headers['if-none-match']?.includes(file.etag)) return reply.code(304).send()
  const encoding = file.compressible ? encodingOf(request.headers['accept-encoding']) : null
  if (!encoding) return reply.send(await readFile(file.path))
  return reply.header('content-encoding', encoding).send(await compressed(file, encoding))
}

function encodingOf(accepted: string | string[] | undefined): Encoding | null {
  const names = String(accepted ?? '')
    .split(',')
    .filter((range) => !/;\s*q=0(\.0*)?\s*$/.test(range))
    .map((range) => range.split(';', 1)[0]?.trim())
  return names.includes('br') ? 'br' : names.includes('gzip') ? 'gzip' : null
}

function compressed(file: File, encoding: Encoding): Promise<Buffer> {
  let bytes = file.compressed.get(encoding)
  if (!bytes) {
    bytes = readFile(file.path).then((plain) => pack[encoding](plain))
    bytes.catch(() => file.compressed.delete(encoding))
    file.compressed.set(encoding, bytes)
  }
  return bytes
}

// Quality 6 packs within a few percent of 11 in a twentieth of the time.
const brotli = promisify(brotliCompress)
const zip = promisify(gzip)
const pack: Record<Encoding, (plain: Buffer) => Promise<Buffer>> = {
  br: (plain) => brotli(plain, { params: { [constants.BROTLI_PARAM_QUALITY]: 6 } }),
  gzip: (plain) => zip(plain),
}

async function scan(folder: string): Promise<Map<string, File>> {
  const files = new Map<string, File>()
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(
    nothingThere,
  )
  for (const entry of entries) {
    if (!entry.isFile() || entry.name.startsWith('.')) continue // S1
    if (files.size >= FILES_MAX) throw new Error(`${folder} has more than ${FILES_MAX} files`)
    const path = join(entry.parentPath, entry.name)
    const url = `/${relative(folder, path).split(sep).join('/')}`
    const bytes = await readFile(path)
    const extension = extname(entry.name).toLowerCase()
    files.set(url, {
      path,
      type: TYPES[extension] ?? 'application/octet-stream',
      etag: `"${createHash('sha256').update(bytes).digest('base64url').slice(0, 22)}"`,
      cacheControl: HASHED.test(url) ? 'public, max-age=31536000, immutable' : 'no-cache',
      compressible: COMPRESSIBLE.has(extension) && bytes.length >= COMPRESS_MIN_BYTES,
      compressed: new Map(),
    })
  }
  return files
}

function nothingThere(error: NodeJS.ErrnoException): [] {
  if (error.code === 'ENOENT') return []
  throw error
}
