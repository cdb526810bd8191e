/** The image stores there are. Nothing is discovered: a new store is a new line here. */
import type { ImageStore } from './driver.ts'
import { FileImageStore, type FileImageStoreOptions } from './file.ts'
import { MemoryImageStore, type MemoryImageStoreOptions } from './memory.ts'

/** The options of each store, by its name. */
export interface ImageStoreOptions {
  file: FileImageStoreOptions
  memory: MemoryImageStoreOptions
}

export type ImageStoreName = keyof ImageStoreOptions

const stores: { [Name in ImageStoreName]: (options: ImageStoreOptions[Name]) => ImageStore } = {
  file: (options) => new FileImageStore(options),
  memory: (options) => new MemoryImageStore(options),
}

export const imageStoreNames = Object.keys(stores) as ImageStoreName[]

export function createImageStore<Name extends ImageStoreName>(
  name: Name,
  options: ImageStoreOptions[Name],
): ImageStore {
  return stores[name](options)
}
