/** The settings of cells: which there are, for the API; and which one a process works for. */
import { z } from 'zod'
import { Secret } from './secret.ts'
import { address, type Setting } from './setting.ts'

export const CELL_NAME = /^[A-Za-z0-9][\w.-]{0,62}$/
const MAX_CELLS = 100

/** A cell besides the first, as an API process reaches it. */
export interface CellAddress {
  name: string
  databaseUrl: Secret
  amqpUrl: Secret
}

export interface CellConfig {
  /** Cells besides the first. Of processes with the api role. */
  cells: CellAddress[]
  /** The cell whose database and broker this process has. Undefined: the first. */
  cell: string | undefined
}

export const cellDefaults: CellConfig = { cells: [], cell: undefined }

const secret = (text: string) => new Secret(text)

const cellList = z
  .array(
    z.strictObject({
      name: z.string().regex(CELL_NAME),
      databaseUrl: address('postgresql:', 'postgres:').transform(secret),
      amqpUrl: address('amqp:', 'amqps:').transform(secret),
    }),
  )
  .max(MAX_CELLS)
  .refine((cells) => new Set(cells.map(({ name }) => name)).size === cells.length)

/** Text, of the environment, is JSON. */
const parsed = z.string().transform((text, context): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    context.addIssue({ code: 'custom', message: 'is not JSON' })
    return z.NEVER
  }
})

export const CELL_SETTINGS = {
  cells: {
    environment: 'NEPHO_CELLS',
    accepted:
      'a list of { name, databaseUrl, amqpUrl } with different names; in the environment as JSON',
    schema: z.union([cellList, parsed.pipe(cellList)]),
    secret: true,
  },
  cell: {
    environment: 'NEPHO_CELL',
    accepted: 'the name of a cell, which `nepho cell create` has made',
    schema: z.string().regex(CELL_NAME),
  },
} satisfies Record<keyof CellConfig, Setting>
