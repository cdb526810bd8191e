import ButtonDropdown from '@cloudscape-design/components/button-dropdown'
import Popover from '@cloudscape-design/components/popover'
import type { TableProps } from '@cloudscape-design/components/table'
import type { TFunction } from 'i18next'
import type { FollowEvent } from '../../hooks/follow.ts'
import { word } from '../../i18n/words.ts'
import { paths } from '../../paths.ts'
import { formatBytes } from '../../ui/format.ts'
import { Moment } from '../../ui/Moment.tsx'
import { ImageStatus } from '../Status.tsx'
import type { ImageRowData } from './image-fields.ts'

/** The columns of a list of images. */
export function imageColumns(
  t: TFunction,
  onDelete: (image: ImageRowData) => void,
  follow: (event: FollowEvent) => void,
): TableProps.ColumnDefinition<ImageRowData>[] {
  return [
    { id: 'name', header: t('common.name'), isRowHeader: true, cell: (image) => image.name },
    {
      id: 'status',
      header: t('common.status'),
      hasDynamicContent: true,
      cell: (image) => <StatusWithReason image={image} />,
    },
    { id: 'format', header: t('images.format'), cell: (image) => image.diskFormat.toLowerCase() },
    { id: 'size', header: t('images.size'), cell: (image) => bytes(image.sizeBytes) },
    {
      id: 'virtualSize',
      header: t('images.virtualSize'),
      cell: (image) => bytes(image.virtualSizeBytes),
    },
    {
      id: 'kind',
      header: t('manage.type'),
      cell: (image) => word('imageKind', image.kind),
    },
    {
      id: 'visibility',
      header: t('images.visibility'),
      cell: (image) => word('visibility', image.visibility),
    },
    {
      id: 'created',
      header: t('common.created'),
      cell: (image) => <Moment at={image.createdAt} />,
    },
    {
      id: 'actions',
      header: t('common.actions'),
      minWidth: 90,
      cell: (image) => (
        <ButtonDropdown
          variant="inline-icon"
          expandToViewport
          ariaLabel={t('common.actionsOf', { name: image.name })}
          items={menuItems(t, image)}
          onItemFollow={follow}
          onItemClick={({ detail }) => {
            if (detail.id === 'delete') onDelete(image)
          }}
        />
      ),
    },
  ]
}

const bytes = (value: string | null): string => (value === null ? '–' : formatBytes(value))

function menuItems(t: TFunction, image: ImageRowData) {
  const remove = image.actions.find(({ name }) => name === 'delete')
  return [
    { id: 'launch', text: t('servers.launch'), href: paths.serverCreate({ image: image.id }) },
    {
      id: 'delete',
      text: t('images.delete'),
      disabled: !remove?.allowed,
      disabledReason: remove?.reason ?? undefined,
    },
  ]
}

function StatusWithReason({ image: { status, fault } }: { image: ImageRowData }) {
  if (!fault) return <ImageStatus status={status} />
  return (
    <Popover header={word('error', fault.code)} content={fault.message} dismissButton={false}>
      <ImageStatus status={status} />
    </Popover>
  )
}
