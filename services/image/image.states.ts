/** The life of an image: the only statement of what may be done when. Glance's statuses. */
import { type ActionTable, checkTable } from '../transition.ts'

export const imageStatuses = ['QUEUED', 'SAVING', 'ACTIVE'] as const
export type ImageStatus = (typeof imageStatuses)[number]

export const diskFormats = ['QCOW2', 'RAW'] as const
export type DiskFormat = (typeof diskFormats)[number]

export const imageVisibilities = ['PUBLIC', 'PRIVATE'] as const
export type ImageVisibility = (typeof imageVisibilities)[number]

/** SHELVED: the disk of a server that is put away, or on its way to a copy of it. Nobody else sees it. */
export const imageKinds = ['IMAGE', 'SNAPSHOT', 'BACKUP', 'SHELVED'] as const
export type ImageKind = (typeof imageKinds)[number]

/** An upload that is refused or breaks off leaves the image as it was before it: QUEUED. */
export const imageActions: ActionTable<'upload' | 'delete', ImageStatus> = {
  upload: {
    rule: 'image.image.upload',
    from: ['QUEUED', 'SAVING'],
    during: 'SAVING',
    to: 'ACTIVE',
    onFailure: 'QUEUED',
  },
  delete: {
    rule: 'image.image.delete',
    from: imageStatuses,
    during: null,
    to: null,
    onFailure: null,
    interrupts: true,
  },
}

checkTable('image', imageStatuses, 'QUEUED', imageActions)

export const offeredImageActions = ['upload', 'delete'] as const
