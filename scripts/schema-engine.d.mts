export interface SchemaFile {
  path: string
  content: string
}

export function readSchemaFiles(folder?: string): SchemaFile[]

export function diff(options: {
  url: string
  files?: SchemaFile[]
  externalTables?: string[]
}): Promise<{ empty: boolean; sql: string }>
