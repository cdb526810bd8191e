/** The form of a new server: its fields, and what the API is sent of them. */
import type { TFunction } from 'i18next'
import { type Field, type FieldOption, mapOf, type Values } from '../form/fields.ts'
import { descriptionField } from '../form/name-and-description.ts'

export interface ServerChoices {
  firstImage?: string
  firstFlavor?: string
  keypairs: readonly FieldOption[]
  zones: readonly FieldOption[]
  groups: readonly FieldOption[]
  /** Other servers, to be near to or far from. */
  servers: readonly FieldOption[]
  /** For those who may say where it goes. */
  hosts: readonly FieldOption[]
}

const none = (label: string): FieldOption => ({ value: '', label })

/** Without which there is no server. */
const firstFields = (t: TFunction, choices: ServerChoices) =>
  [
    {
      kind: 'text',
      name: 'name',
      label: t('common.name'),
      placeholder: t('launch.namePlaceholder'),
      isRequired: true,
      missingText: t('launch.missing.name'),
    },
    {
      kind: 'number',
      name: 'count',
      label: t('launch.count'),
      description: t('launch.countText'),
      isRequired: true,
      first: 1,
    },
    {
      kind: 'number',
      name: 'minCount',
      label: t('launch.minCount'),
      description: t('launch.minCountText'),
    },
    {
      kind: 'select',
      name: 'imageId',
      label: t('servers.image'),
      description: t('launch.imageText'),
      isRequired: true,
      missingText: t('launch.missing.imageId'),
      first: choices.firstImage,
      options: [],
    },
    {
      kind: 'select',
      name: 'flavorId',
      label: t('servers.flavor'),
      isRequired: true,
      missingText: t('launch.missing.flavorId'),
      first: choices.firstFlavor,
      options: [],
    },
  ] as const satisfies readonly Field[]

const moreFields = (t: TFunction, choices: ServerChoices) =>
  [
    {
      kind: 'select',
      name: 'keypairName',
      label: t('launch.keypair'),
      description: t('launch.keypairText'),
      options: [none(t('launch.noKeypair')), ...choices.keypairs],
    },
    {
      kind: 'password',
      name: 'adminPassword',
      label: t('launch.password'),
      description: t('launch.passwordText'),
    },
    {
      kind: 'select',
      name: 'availabilityZone',
      label: t('launch.zone'),
      options: [none(t('launch.anyZone')), ...choices.zones],
    },
    {
      kind: 'select',
      name: 'groupId',
      label: t('launch.group'),
      options: [none(t('launch.noGroup')), ...choices.groups],
    },
    {
      kind: 'multiselect',
      name: 'sameHost',
      label: t('launch.sameHost'),
      options: choices.servers,
    },
    {
      kind: 'multiselect',
      name: 'differentHost',
      label: t('launch.differentHost'),
      options: choices.servers,
    },
    {
      kind: 'select',
      name: 'hostId',
      label: t('hosts.one'),
      description: t('launch.hostText'),
      options: [none(t('servers.form.anyHost')), ...choices.hosts],
    },
  ] as const satisfies readonly Field[]

const wordFields = (t: TFunction) =>
  [
    descriptionField(t),
    { kind: 'tags', name: 'tags', label: t('launch.tags') },
    {
      kind: 'pairs',
      name: 'metadata',
      label: t('launch.metadata'),
      description: t('launch.metadataText'),
    },
    {
      kind: 'text',
      name: 'userData',
      label: t('launch.userData'),
      description: t('launch.userDataText'),
      isMultiline: true,
    },
    {
      kind: 'select',
      name: 'configDrive',
      label: t('launch.configDrive'),
      description: t('launch.configDriveText'),
      options: [
        { value: '', label: t('launch.auto') },
        { value: 'true', label: t('launch.always') },
        { value: 'false', label: t('launch.never') },
      ],
    },
  ] as const satisfies readonly Field[]

export const newServerFields = (t: TFunction, choices: ServerChoices) =>
  [...firstFields(t, choices), ...moreFields(t, choices), ...wordFields(t)] as const

export type NewServer = Values<ReturnType<typeof newServerFields>>

/** UTF-8 as base64. */
function base64Of(text: string): string {
  const bytes = new TextEncoder().encode(text)
  return btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(''))
}

/** How many; what is said of fewer means nothing when it is one. */
export const newServerCount = ({ count, minCount }: NewServer) => ({
  count: count ?? 1,
  ...(minCount !== null && count !== null && count > 1 && { minCount }),
})

/** What the API is sent, but for the number of servers. */
export const newServerInput = (values: NewServer) => ({
  name: values.name,
  imageId: values.imageId,
  flavorId: values.flavorId,
  keypairName: values.keypairName || null,
  adminPassword: values.adminPassword || null,
  availabilityZone: values.availabilityZone || null,
  groupId: values.groupId || null,
  hints: { sameHost: [...values.sameHost], differentHost: [...values.differentHost] },
  hostId: values.hostId || null,
  description: values.description || null,
  tags: [...values.tags],
  metadata: mapOf(values.metadata),
  userData: values.userData ? base64Of(values.userData) : null,
  configDrive: values.configDrive === '' ? null : values.configDrive === 'true',
})
