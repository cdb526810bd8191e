/** Flavors: the sizes of servers. */
import type { Cloud } from '../context.ts'
import { newId } from '../id.ts'

/** OpenStack's well-known sizes, with a nano for the tiny guest image. */
const firstFlavors = [
  { name: 'm1.nano', vcpus: 1, memoryMiB: 128, diskGiB: 1 },
  { name: 'm1.micro', vcpus: 1, memoryMiB: 256, diskGiB: 1 },
  { name: 'm1.tiny', vcpus: 1, memoryMiB: 512, diskGiB: 1 },
  { name: 'm1.small', vcpus: 1, memoryMiB: 2048, diskGiB: 20 },
  { name: 'm1.medium', vcpus: 2, memoryMiB: 4096, diskGiB: 40 },
  { name: 'm1.large', vcpus: 4, memoryMiB: 8192, diskGiB: 80 },
]

/** Adds the first flavors to a cloud that has none; an operator's own choice stays as it is. */
export async function flavorBootstrap({ db, now }: Pick<Cloud, 'db' | 'now'>): Promise<void> {
  if ((await db.flavor.count()) > 0) return
  const at = now()
  await db.flavor.createMany({
    data: firstFlavors.map((flavor) => ({ id: newId(), ...flavor, createdAt: at, updatedAt: at })),
    skipDuplicates: true,
  })
}
