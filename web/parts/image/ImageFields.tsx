/** The fields of the upload form. */
import FileUpload from '@cloudscape-design/components/file-upload'
import FormField from '@cloudscape-design/components/form-field'
import type { TFunction } from 'i18next'
import { useTranslation } from 'react-i18next'
import { formatBytes } from '../../ui/format.ts'
import type { Field } from '../form/fields.ts'

export const imageFields = (t: TFunction) =>
  [
    {
      kind: 'text',
      name: 'name',
      label: t('common.name'),
      isRequired: true,
      missingText: t('launch.missing.name'),
    },
    {
      kind: 'select',
      isOpen: true,
      name: 'diskFormat',
      label: t('images.format'),
      first: 'QCOW2',
      options: [
        { value: 'QCOW2', label: 'qcow2', description: t('images.qcow2Text') },
        { value: 'RAW', label: 'raw', description: t('images.rawText') },
      ],
    },
    {
      kind: 'select',
      isOpen: true,
      name: 'visibility',
      label: t('images.visibility'),
      first: 'PRIVATE',
      options: [
        { value: 'PRIVATE', label: t('images.private'), description: t('images.privateText') },
        { value: 'PUBLIC', label: t('images.public'), description: t('images.publicText') },
      ],
    },
  ] as const satisfies readonly Field[]

interface FileFieldProps {
  file: File | null
  isMissing: boolean
  onChoose(file: File | null): void
}

export function FileField({ file, isMissing, onChoose }: FileFieldProps) {
  const { t } = useTranslation()
  return (
    <FormField label={t('images.file')} description={t('images.fileText')}>
      <FileUpload
        value={file ? [file] : []}
        showFileSize
        errorText={isMissing ? t('images.missingFile') : undefined}
        onChange={({ detail }) => onChoose(detail.value[0] ?? null)}
        i18nStrings={{
          uploadButtonText: () => t('images.choose'),
          dropzoneText: () => t('images.drop'),
          removeFileAriaLabel: (_, name) => t('images.removeFile', { name }),
          errorIconAriaLabel: t('common.error'),
          formatFileSize: formatBytes,
        }}
      />
    </FormField>
  )
}
