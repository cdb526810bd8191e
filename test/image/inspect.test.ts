/**
 * The inspection of uploads, against images that QEMU itself made, against hand-made lies, and
 * against random damage. Every read is watched: inside the bytes, in small pieces, and not more
 * than they are.
 */
import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync, truncateSync, writeFileSync } from 'node:fs'
import { mkdtemp, open, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Inspection, inspectImage, inspectionLimits } from '../../services/image/inspect.ts'
import { describeNeeds } from '../support/host.ts'

const MiB = 1024 ** 2
const cluster = 0x10000
const largestReadBytes = 64 * 1024

/** An inspection whose reads are checked. */
async function inspect(
  data: Buffer,
  declared: 'qcow2' | 'raw' = 'qcow2',
  limits = inspectionLimits,
): Promise<Inspection> {
  let readBytes = 0
  const result = await inspectImage(
    {
      sizeBytes: data.length,
      readAt: async (offset, length) => {
        expect(Number.isSafeInteger(offset) && offset >= 0, `offset ${offset}`).toBe(true)
        expect(length).toBeLessThanOrEqual(largestReadBytes)
        expect(offset + length, 'a read beyond the end').toBeLessThanOrEqual(data.length)
        readBytes += length
        return data.subarray(offset, offset + length)
      },
    },
    declared,
    limits,
  )
  // Headers, extensions and snapshots are small; tables are read once.
  expect(readBytes).toBeLessThanOrEqual(data.length + 8 * 1024)
  return result
}

async function reasonOf(data: Buffer, declared: 'qcow2' | 'raw' = 'qcow2'): Promise<string> {
  const result = await inspect(data, declared)
  return result.ok ? `accepted with ${result.virtualSizeBytes} bytes` : result.reason
}

interface Qcow2Fields {
  version?: number
  clusterBits?: number
  virtualSizeBytes?: number
  backing?: string
}

/** An empty qcow2: header, refcount table, one refcount block, L1 table, a cluster each. */
function emptyQcow2(fields: Qcow2Fields = {}): Buffer {
  const { version = 3, clusterBits = 16, virtualSizeBytes = 16 * MiB, backing } = fields
  const data = Buffer.alloc(4 * cluster)
  data.write('QFI\xfb', 0, 'latin1')
  data.writeUInt32BE(version, 4)
  if (backing) {
    data.writeBigUInt64BE(0x200n, 8)
    data.writeUInt32BE(backing.length, 16)
    data.write(backing, 0x200)
  }
  data.writeUInt32BE(clusterBits, 20)
  data.writeBigUInt64BE(BigInt(virtualSizeBytes), 24)
  data.writeUInt32BE(Math.max(1, Math.ceil(virtualSizeBytes / (512 * MiB))), 36)
  data.writeBigUInt64BE(0x30000n, 40)
  data.writeBigUInt64BE(0x10000n, 48)
  data.writeUInt32BE(1, 56)
  data.writeUInt32BE(4, 96)
  data.writeUInt32BE(104, 100)
  data.writeBigUInt64BE(0x20000n, 0x10000)
  for (let i = 0; i < 4; i += 1) data.writeUInt16BE(1, 0x20000 + 2 * i)
  return data
}

const changed = (change: (data: Buffer) => void, fields?: Qcow2Fields): Buffer => {
  const data = emptyQcow2(fields)
  change(data)
  return data
}

describe('inspection of hand-made images', () => {
  test('an empty qcow2 is accepted', async () => {
    const accepted = { ok: true, format: 'qcow2', virtualSizeBytes: 16 * MiB }
    expect(await inspect(emptyQcow2())).toEqual(accepted)
    expect(await inspect(emptyQcow2({ version: 2 }))).toEqual(accepted)
  })

  test('a raw disk is as large as its bytes', async () => {
    const data = Buffer.alloc(1000, 1)
    expect(await inspect(data, 'raw')).toEqual({ ok: true, format: 'raw', virtualSizeBytes: 1000 })
  })

  const lies: [string, (data: Buffer) => void, RegExp][] = [
    ['another version', (d) => d.writeUInt32BE(4, 4), /version 4/],
    ['version 1', (d) => d.writeUInt32BE(1, 4), /version 1;/],
    ['clusters too small', (d) => d.writeUInt32BE(8, 20), /2\^8 bytes/],
    ['clusters too large', (d) => d.writeUInt32BE(22, 20), /2\^22 bytes/],
    ['clusters beyond reason', (d) => d.writeUInt32BE(0xffff_ffff, 20), /2\^4294967295/],
    ['a size of nothing', (d) => d.writeBigUInt64BE(0n, 24), /size of 0/],
    [
      'a larger disk than its table',
      (d) => d.writeBigUInt64BE(1n << 40n, 24),
      /room for 536870912/,
    ],
    ['an impossible size', (d) => d.writeBigUInt64BE(1n << 63n, 24), /impossibly large/],
    ['encryption', (d) => d.writeUInt32BE(2, 32), /encrypted/],
    ['the dirty bit', (d) => d.writeBigUInt64BE(1n, 72), /not closed cleanly/],
    ['the corrupt bit', (d) => d.writeBigUInt64BE(2n, 72), /marked as corrupt/],
    ['an external data file', (d) => d.writeBigUInt64BE(4n, 72), /another file/],
    ['an unknown feature', (d) => d.writeBigUInt64BE(1n << 40n, 72), /bits 40/],
    ['compression of no type', (d) => d.writeBigUInt64BE(8n, 72), /compression of type 0/],
    ['a short header', (d) => d.writeUInt32BE(96, 100), /length of 96/],
    ['an odd header', (d) => d.writeUInt32BE(108, 100), /length of 108/],
    ['a header beyond its cluster', (d) => d.writeUInt32BE(0x10008, 100), /length of 65544/],
    ['reference counts too wide', (d) => d.writeUInt32BE(7, 96), /2\^7 bits/],
    ['an L1 table off its cluster', (d) => d.writeBigUInt64BE(0x30200n, 40), /L1 table .* begin/],
    ['an L1 table in the header', (d) => d.writeBigUInt64BE(0n, 40), /L1 table .* begin/],
    ['an L1 table beyond the end', (d) => d.writeBigUInt64BE(0x40000n, 40), /L1 table lies beyond/],
    [
      'an L1 table far beyond',
      (d) => d.writeBigUInt64BE((1n << 64n) - 65536n, 40),
      /L1 table lies/,
    ],
    ['an L1 table too long', (d) => d.writeUInt32BE(0x2001, 36), /L1 table lies beyond/],
    ['no L1 table', (d) => d.writeUInt32BE(0, 36), /room for 0/],
    ['no refcount table', (d) => d.writeUInt32BE(0, 56), /no refcount table/],
    ['a huge refcount table', (d) => d.writeUInt32BE(129, 56), /larger than 8 MiB/],
    ['a refcount table beyond', (d) => d.writeBigUInt64BE(0x40000n, 48), /refcount table lies/],
    [
      'a refcount block beyond',
      (d) => d.writeBigUInt64BE(0x40000n, 0x10000),
      /refcount block lies/,
    ],
    [
      'a crooked refcount block',
      (d) => d.writeBigUInt64BE(0x20200n, 0x10000),
      /refcount block has/,
    ],
    ['many snapshots', (d) => d.writeUInt32BE(17, 60), /17 internal snapshots/],
    ['snapshots that are not there', (d) => d.writeUInt32BE(1, 60), /snapshot table .* begin/],
    ['an L2 table beyond the end', (d) => d.writeBigUInt64BE(0x40000n, 0x30000), /L2 table lies/],
    ['an L2 table in the middle of a cluster', (d) => d.writeBigUInt64BE(0x20200n, 0x30000), /L2/],
    [
      'an L1 entry with reserved bits',
      (d) => d.writeBigUInt64BE(1n << 56n, 0x30000),
      /L1 table has/,
    ],
    [
      'data beyond the end',
      (d) => {
        d.writeBigUInt64BE(0x20000n, 0x30000)
        d.writeBigUInt64BE(0x40000n, 0x20000)
      },
      /data lies beyond/,
    ],
    [
      'compressed data beyond the end',
      (d) => {
        d.writeBigUInt64BE(0x20000n, 0x30000)
        d.writeBigUInt64BE((1n << 62n) | 0x40000n, 0x20000)
      },
      /compressed data lies beyond/,
    ],
    [
      'an extension that never ends',
      (d) => {
        d.writeUInt32BE(0x6803_f857, 104)
        d.writeUInt32BE(0xffff_fff8, 108)
      },
      /extensions .* malformed/,
    ],
    [
      'extensions without number',
      (d) => {
        for (let at = 104; at < 104 + 65 * 8; at += 8) d.writeUInt32BE(0x1234_5678, at)
      },
      /too many header extensions/,
    ],
    ['the name of a data file', (d) => d.write('DATA', 104), /external data file/],
    ['an encryption header', (d) => d.writeUInt32BE(0x0537_be77, 104), /encrypted/],
    ['bitmaps of a wrong length', (d) => d.writeUInt32BE(0x2385_2875, 104), /malformed/],
    [
      'bitmaps beyond the end',
      (d) => {
        d.writeUInt32BE(0x2385_2875, 104)
        d.writeUInt32BE(24, 108)
        d.writeBigUInt64BE(64n, 120)
        d.writeBigUInt64BE(0x40000n, 128)
      },
      /bitmap directory lies/,
    ],
  ]
  test.each(lies)('a qcow2 with %s is refused', async (_name, lie, reason) => {
    expect(await reasonOf(changed(lie))).toMatch(reason)
  })

  test('a backing file is refused, and its name is not repeated', async () => {
    const reason = await reasonOf(emptyQcow2({ backing: '/etc/passwd' }))
    expect(reason).toMatch(/backing file/)
    expect(reason).not.toContain('passwd')
    expect(await reasonOf(changed((d) => d.writeUInt32BE(5, 16)))).toMatch(/backing file/)
  })

  test('tables that point to one another do not multiply the work', async () => {
    // 4096 L1 entries, all naming the same L2 table: 256 MiB of reading for 256 KiB of upload.
    const data = changed((d) => {
      d.writeUInt32BE(4096, 36)
      for (let i = 0; i < 4096; i += 1) d.writeBigUInt64BE(0x20000n, 0x30000 + 8 * i)
      d.fill(0, 0x20000, 0x30000)
    })
    data.writeBigUInt64BE(BigInt(4096 * 512 * MiB), 24)
    expect(await reasonOf(data)).toMatch(/overlap/)
  })

  test('the limits are the caller’s', async () => {
    const small = { ...inspectionLimits, virtualSizeBytes: 16 * MiB - 1 }
    expect(await inspect(emptyQcow2(), 'qcow2', small)).toMatchObject({ ok: false })
    expect(await inspect(Buffer.alloc(16 * MiB), 'raw', small)).toMatchObject({ ok: false })
    expect(await inspect(Buffer.alloc(16 * MiB - 1), 'raw', small)).toMatchObject({ ok: true })
  })

  const foreign: [string, number, string][] = [
    ['qcow2', 0, 'QFI\xfb'],
    ['QED', 0, 'QED\0'],
    ['VMDK', 0, 'KDMV'],
    ['VMDK', 0, 'COWD'],
    ['VMDK descriptor', 0, '# Disk DescriptorFile\nversion=1'],
    ['VHDX', 0, 'vhdxfile'],
    ['VHD', 0, 'conectix'],
    ['VHD', 99_488, 'conectix'],
    ['VHD', 99_489, 'conectix'],
    ['VDI', 64, '\x7f\x10\xda\xbe'],
    ['ISO', 0x8001, 'CD001'],
    ['LUKS', 0, 'LUKS\xba\xbe'],
    ['gzip', 0, '\x1f\x8b\x08'],
    ['xz', 0, '\xfd7zXZ\0'],
    ['zstd', 0, '\x28\xb5\x2f\xfd'],
    ['tar', 257, 'ustar'],
  ]
  test.each(foreign)(
    '%s bytes (at %i) are refused under either name',
    async (name, at, signature) => {
      const data = Buffer.alloc(100_000)
      data.write(signature, at, 'latin1')
      expect(await reasonOf(data, 'raw')).toMatch(new RegExp(`declared as raw, .*${name}`))
      if (name !== 'qcow2') {
        expect(await reasonOf(data, 'qcow2')).toMatch(new RegExp(`declared as qcow2, .*${name}`))
      }
    },
  )

  test('nothing, next to nothing and something else are refused', async () => {
    expect(await reasonOf(Buffer.alloc(0), 'raw')).toMatch(/empty/)
    expect(await reasonOf(Buffer.alloc(0))).toMatch(/empty/)
    expect(await reasonOf(Buffer.from('QFI\xfb', 'latin1'))).toMatch(/ends within its header/)
    expect(await reasonOf(Buffer.from('<html>not found</html>'))).toMatch(/not a qcow2/)
    const whole = emptyQcow2()
    for (let length = 4; length < 104; length += 1) {
      expect(await reasonOf(whole.subarray(0, length))).toMatch(/ends within its header/)
    }
  })

  test('a reader that fails is not an answer', async () => {
    const readAt = () => Promise.reject(new Error('disk gone'))
    await expect(inspectImage({ sizeBytes: 10, readAt }, 'raw')).rejects.toThrow('disk gone')
  })

  test('a file that shrinks while it is read is a truncated one', async () => {
    const data = emptyQcow2()
    const readAt = async (offset: number, length: number) =>
      data.subarray(offset, offset + length / 2)
    const found = await inspectImage({ sizeBytes: data.length, readAt }, 'qcow2')
    expect(found).toMatchObject({ ok: false, reason: expect.stringMatching(/truncated/) })
  })
})

describe('inspection of damaged images', () => {
  test('random damage never throws, reads outside or makes work', async () => {
    const places = fc.oneof(
      fc.integer({ min: 4, max: 160 }),
      fc.integer({ min: 0x10000, max: 0x10040 }),
      fc.integer({ min: 0x20000, max: 0x20040 }),
      fc.integer({ min: 0x30000, max: 0x30040 }),
    )
    const values = fc.oneof(
      fc.integer({ min: 0, max: 255 }),
      fc.constantFrom(0, 1, 0x7f, 0x80, 0xff),
    )
    const damage = fc.array(fc.tuple(places, values), { minLength: 1, maxLength: 12 })
    const cut = fc.oneof(fc.constant(4 * cluster), fc.integer({ min: 0, max: 4 * cluster }))
    const version = fc.constantFrom(2, 3)
    await fc.assert(
      fc.asyncProperty(damage, cut, version, async (changes, length, of) => {
        const data = emptyQcow2({ version: of })
        // Something to walk through: an L2 table with a cluster of data.
        data.writeBigUInt64BE(0x20000n, 0x30000)
        for (const [at, value] of changes) data[at] = value
        const result = await inspect(data.subarray(0, length))
        if (result.ok) expect(result.virtualSizeBytes).toBeGreaterThan(0)
        else expect(result.reason.length).toBeGreaterThan(10)
      }),
      { numRuns: 2000 },
    )
  })

  test('whole fields of extreme values never throw either', async () => {
    const field = fc.constantFrom(
      4,
      8,
      16,
      20,
      24,
      32,
      36,
      40,
      48,
      56,
      60,
      64,
      72,
      96,
      100,
      104,
      108,
    )
    const value = fc.oneof(
      fc.constantFrom(0n, 1n, 0xffff_ffffn, 1n << 31n, 1n << 63n, (1n << 64n) - 1n, 1n << 53n),
      fc.bigInt({ min: 0n, max: (1n << 64n) - 1n }),
      fc.integer({ min: 0, max: 5 }).map((n) => BigInt(n * cluster)),
    )
    await fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(field, value), { maxLength: 4 }), async (changes) => {
        const data = emptyQcow2()
        for (const [at, number] of changes) data.writeBigUInt64BE(number, at)
        await inspect(data)
      }),
      { numRuns: 2000 },
    )
  })
})

const noQemu = ['/usr/bin', '/usr/local/bin'].some((d) => existsSync(`${d}/qemu-img`))
  ? null
  : 'no qemu-img'

describeNeeds(noQemu, 'inspection of images that QEMU made', () => {
  let folder: string
  beforeAll(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'nephograph-inspect-'))
  })
  afterAll(() => rm(folder, { recursive: true, force: true }))

  const file = (name: string) => path.join(folder, name)
  const qemu = (tool: 'qemu-img' | 'qemu-io', ...args: string[]) =>
    execFileSync(tool, args, { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] })

  /** A qcow2 with data at its beginning, at its end and compressed or not, as its options allow. */
  function make(
    name: string,
    options: string,
    size = '40M',
    writes = ['0 200k', '20M 4k', '39M 1M'],
  ) {
    qemu('qemu-img', 'create', '-q', '-f', 'qcow2', ...(options ? ['-o', options] : []), name, size)
    for (const write of writes) qemu('qemu-io', '-f', 'qcow2', '-c', `write -P 7 ${write}`, name)
    return readFileSync(file(name))
  }

  const kinds: [string, string][] = [
    ['defaults', ''],
    ['version 2', 'compat=0.10'],
    ['the smallest clusters', 'cluster_size=512'],
    ['clusters of 4 KiB', 'cluster_size=4k'],
    ['the largest clusters', 'cluster_size=2M'],
    ['narrow reference counts', 'refcount_bits=1'],
    ['wide reference counts', 'refcount_bits=64'],
    ['lazy reference counts', 'lazy_refcounts=on'],
    ['preallocated metadata', 'preallocation=metadata'],
    ['preallocated space', 'preallocation=falloc'],
    ['extended L2 entries', 'extended_l2=on,cluster_size=128k'],
    ['zstd', 'compression_type=zstd'],
  ]
  test.each(kinds)('%s: accepted whole, refused without its end', async (name, options) => {
    const data = make(`${name.replaceAll(' ', '-')}.qcow2`, options)
    expect(await inspect(data)).toEqual({ ok: true, format: 'qcow2', virtualSizeBytes: 40 * MiB })
    expect(await reasonOf(data, 'raw')).toMatch(/its bytes are qcow2/)
    // The last thing written is data, or the table of data: without it the image is not whole.
    for (const lost of [1, 2, 3, 10]) {
      const length = data.length - lost * (data.length > MiB ? 200_000 : 512)
      expect(await reasonOf(data.subarray(0, length)), `${lost}`).toMatch(/truncated/)
    }
  })

  test.each(['', 'compression_type=zstd', 'compat=0.10', 'cluster_size=512'])(
    'compressed (%s): accepted whole, refused without its end',
    async (options) => {
      make('plain.qcow2', '')
      const extra = options ? ['-o', options] : []
      qemu('qemu-img', 'convert', '-c', '-O', 'qcow2', ...extra, 'plain.qcow2', 'small.qcow2')
      const data = readFileSync(file('small.qcow2'))
      expect(await inspect(data)).toMatchObject({ ok: true, virtualSizeBytes: 40 * MiB })
      expect(await reasonOf(data.subarray(0, data.length - 1024))).toMatch(/truncated/)
    },
  )

  test('disks of any size and any last write are accepted', async () => {
    const disks: [string, string][] = [
      ['512', '0 512'],
      ['1536', '1024 512'],
      ['66048', '65536 512'],
      ['100000', '0 512'],
      ['1M', '0 4k'],
      ['10M', '9M 4k'],
      ['10M', '65024 1024'],
      ['10M', '9437184 512'],
    ]
    for (const [size, write] of disks) {
      for (const options of ['', 'cluster_size=2M', 'extended_l2=on', 'cluster_size=512']) {
        const data = make('odd.qcow2', options, size, [write])
        expect(await inspect(data), `${size} ${write} ${options}`).toMatchObject({ ok: true })
      }
    }
  })

  test('cut anywhere, it is refused or it was still whole', async () => {
    const data = make('cut.qcow2', 'cluster_size=512', '64k', ['0 1k', '8k 2k', '60k 4k'])
    let accepted = 0
    for (let length = data.length - 1; length > 0; length -= 97) {
      const result = await inspect(data.subarray(0, length))
      if (!result.ok) continue
      accepted += 1
      writeFileSync(file('shorter.qcow2'), data.subarray(0, length))
      const compare = () => qemu('qemu-img', 'compare', '-q', 'cut.qcow2', 'shorter.qcow2')
      expect(compare, `cut to ${length} of ${data.length} bytes`).not.toThrow()
    }
    expect(accepted).toBeLessThan(data.length / 97 / 4)
  })

  test('resized, bitmapped and snapshotted images are accepted', async () => {
    make('grown.qcow2', '', '40M')
    qemu('qemu-img', 'resize', '-q', 'grown.qcow2', '2T')
    qemu('qemu-img', 'bitmap', '--add', 'grown.qcow2', 'b0')
    qemu('qemu-img', 'snapshot', '-c', 'before', 'grown.qcow2')
    qemu('qemu-io', '-f', 'qcow2', '-c', 'write 1T 1M', 'grown.qcow2')
    const data = readFileSync(file('grown.qcow2'))
    expect(await inspect(data)).toMatchObject({ ok: true, virtualSizeBytes: 2 * 1024 ** 4 })
    const none = { ...inspectionLimits, snapshots: 0 }
    expect(await inspect(data, 'qcow2', none)).toMatchObject({ ok: false })
  })

  test('whatever leads out of the image is refused', async () => {
    make('base.qcow2', '')
    qemu('qemu-img', 'create', '-q', '-f', 'qcow2', '-b', 'base.qcow2', '-F', 'qcow2', 'over.qcow2')
    expect(await reasonOf(readFileSync(file('over.qcow2')))).toMatch(/backing file/)
    qemu('qemu-img', 'create', '-q', '-f', 'qcow2', '-o', 'data_file=d.raw', 'data.qcow2', '1M')
    expect(await reasonOf(readFileSync(file('data.qcow2')))).toMatch(/another file/)
    const secret = ['--object', 'secret,id=s0,data=abc123', '-o', 'encrypt.format=luks']
    const key = ['-o', 'encrypt.key-secret=s0', '-o', 'encrypt.iter-time=10']
    qemu('qemu-img', 'create', '-q', '-f', 'qcow2', ...secret, ...key, 'locked.qcow2', '1M')
    expect(await reasonOf(readFileSync(file('locked.qcow2')))).toMatch(/encrypted/)
  })

  const foreign: [string, string[], RegExp][] = [
    ['vmdk', [], /VMDK/],
    ['vmdk', ['-o', 'subformat=streamOptimized'], /VMDK/],
    ['vdi', [], /VDI/],
    ['vhdx', [], /VHDX/],
    ['vpc', [], /VHD/],
    ['vpc', ['-o', 'subformat=fixed'], /VHD/],
    ['qed', [], /QED/],
    ['parallels', [], /Parallels/],
  ]
  test.each(foreign)('%s %j is refused under either name', async (format, options, reason) => {
    qemu('qemu-img', 'create', '-q', '-f', format, ...options, `foreign.${format}`, '4M')
    const data = readFileSync(file(`foreign.${format}`))
    expect(await reasonOf(data, 'raw')).toMatch(reason)
    expect(await reasonOf(data)).toMatch(reason)
  })

  test('a large image is looked through quickly', async () => {
    qemu(
      'qemu-img',
      'create',
      '-q',
      '-f',
      'qcow2',
      '-o',
      'preallocation=metadata',
      'big.qcow2',
      '256G',
    )
    const handle = await open(file('big.qcow2'))
    try {
      const { size } = await handle.stat()
      const readAt = async (offset: number, length: number) => {
        const { buffer, bytesRead } = await handle.read(Buffer.alloc(length), 0, length, offset)
        return buffer.subarray(0, bytesRead)
      }
      const begun = performance.now()
      const result = await inspectImage({ sizeBytes: size, readAt }, 'qcow2')
      const tookMs = performance.now() - begun
      expect(result).toMatchObject({ ok: true, virtualSizeBytes: 256 * 1024 ** 3 })
      // 4 million clusters, 32 MiB of tables; measured 0.5 s beside other work.
      expect(tookMs).toBeLessThan(10_000)
      truncateSync(file('big.qcow2'), size - cluster)
      const cut = await inspectImage({ sizeBytes: size - cluster, readAt }, 'qcow2')
      expect(cut).toMatchObject({ ok: false, reason: expect.stringMatching(/truncated/) })
    } finally {
      await handle.close()
    }
  })
})
