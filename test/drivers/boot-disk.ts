/**
 * Guests of a few bytes: boot sectors in real mode that greet on the serial console and then do one
 * thing. They boot in a quarter of a second under tcg, and need no operating system.
 */
import { createHash } from 'node:crypto'
import { Readable } from 'node:stream'
import type { ImageSource } from '../../drivers/compute/driver.ts'

const DISK_BYTES = 1024 * 1024
const GREETING_AT = 0x100
/** A packet for the firmware's disk service: one sector, from 0x7c00, to sector 1024. */
const PACKET_AT = 0x180
const PACKET = [0x10, 0, 1, 0, 0x00, 0x7c, 0, 0, 0x00, 0x04, 0, 0, 0, 0, 0, 0]

/** Greets: every byte of the text at GREETING_AT goes to COM1, waiting for the line each time. */
const GREET = [
  ...[0xfa, 0x31, 0xc0, 0x8e, 0xd8], // cli; xor ax, ax; mov ds, ax
  ...[0xbe, GREETING_AT & 0xff, 0x7c + (GREETING_AT >> 8)], // mov si, greeting
  ...[0xac, 0x84, 0xc0, 0x74, 0x12], // next: lodsb; test al, al; jz done
  ...[0x88, 0xc4, 0xba, 0xfd, 0x03], // mov ah, al; mov dx, 0x3fd
  ...[0xec, 0xa8, 0x20, 0x74, 0xfb], // wait: in al, dx; test al, 0x20; jz wait
  ...[0x88, 0xe0, 0xba, 0xf8, 0x03, 0xee], // mov al, ah; mov dx, 0x3f8; out dx, al
  ...[0xeb, 0xe9], // jmp next; done:
]
const HALT = [0xf4, 0xeb, 0xfd]
/** Sleep type S5 to the control register of q35's power management. */
const POWER_OFF = [0xba, 0x04, 0x06, 0xb8, 0x00, 0x20, 0xef, ...HALT]

const PROGRAMS = {
  /** Ignores its power button. */
  deaf: [...GREET, ...HALT],
  /** Powers itself off at once. */
  'powers-off': [...GREET, ...POWER_OFF],
  /** Waits for its power button, and then powers itself off. */
  obedient: [
    ...GREET,
    ...[0xba, 0x02, 0x06, 0xb8, 0x00, 0x01, 0xef], // enable the button: PM1_EN bit 8
    ...[0xba, 0x00, 0x06], // mov dx, PM1_STS
    ...[0xed, 0xf6, 0xc4, 0x01, 0x74, 0xfa], // wait: in ax, dx; test ah, 1; jz wait
    ...POWER_OFF,
  ],
  /** Greets for ever. */
  chatters: [...GREET, 0xeb, 0x05 - (GREET.length + 2) + 0x100],
  /** Goes through the alphabet for ever, letter by letter: what it prints next is in its memory. */
  counts: [
    ...[...GREET, 0xb3, 0x61], // mov bl, 'a'
    ...[0x66, 0xb9, 0x00, 0x00, 0x04, 0x00, 0x67, 0xe2, 0xfd], // again: count down from 256 Ki
    ...[0xba, 0xfd, 0x03, 0xec, 0xa8, 0x20, 0x74, 0xfb], // wait until the line is free
    ...[0x88, 0xd8, 0xba, 0xf8, 0x03, 0xee], // mov al, bl; mov dx, 0x3f8; out dx, al
    ...[0xfe, 0xc3, 0x80, 0xfb, 0x7b, 0x75, 0xe2], // inc bl; cmp bl, 'z' + 1; jne again
    ...[0xb3, 0x61, 0xeb, 0xde], // mov bl, 'a'; jmp again
  ],
  /** Writes a sector every now and then, each in another cluster of the disk. */
  writes: [
    ...[...GREET, 0xfb], // sti
    ...[0x66, 0xb9, 0x00, 0x00, 0x80, 0x00, 0x67, 0xe2, 0xfd], // again: count down from 8 Mi
    ...[0xb8, 0x00, 0x43, 0xb2, 0x80], // mov ax, extended write; mov dl, first disk
    ...[0xbe, PACKET_AT & 0xff, 0x7c + (PACKET_AT >> 8), 0xcd, 0x13], // mov si, packet; int 0x13
    ...[0x81, 0x06, (PACKET_AT + 8) & 0xff, 0x7c + (PACKET_AT >> 8), 0x80, 0x00], // sector += 128
    ...[0xeb, 0xe5], // jmp again
  ],
  /** Tells the hypervisor that its kernel panicked. */
  panics: [...GREET, 0xba, 0x05, 0x05, 0xb0, 0x01, 0xee, ...HALT],
} as const

export type GuestKind = keyof typeof PROGRAMS

export function bootDisk(kind: GuestKind): Buffer {
  const disk = Buffer.alloc(DISK_BYTES)
  disk.set(PROGRAMS[kind])
  disk.write(`nephograph test guest, ${kind}\r\n\0`, GREETING_AT, 'latin1')
  disk.set(PACKET, PACKET_AT)
  disk.set([0x55, 0xaa], 510)
  return disk
}

/** An image of these bytes; `overrides` make it lie. */
export function imageOf(bytes: Buffer, overrides: Partial<ImageSource> = {}): ImageSource {
  return {
    id: '01930000-0000-7000-8000-0000000000aa',
    checksum: createHash('sha512').update(bytes).digest('hex'),
    format: 'raw',
    sizeBytes: bytes.length,
    virtualSizeBytes: bytes.length,
    fetch: async () => Readable.from([bytes], { objectMode: false }),
    ...overrides,
  }
}
