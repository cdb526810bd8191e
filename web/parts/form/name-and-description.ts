/** The fields that most things have. */
import type { TFunction } from 'i18next'

export const nameField = (t: TFunction, row?: { name: string }) =>
  ({
    kind: 'text',
    name: 'name',
    label: t('common.name'),
    isRequired: true,
    first: row?.name,
  }) as const

export const descriptionField = (t: TFunction, row?: { description?: string | null }) =>
  ({
    kind: 'text',
    name: 'description',
    label: t('common.description'),
    first: row?.description ?? '',
  }) as const
