import Button from '@cloudscape-design/components/button'
import Grid from '@cloudscape-design/components/grid'
import Input from '@cloudscape-design/components/input'
import SpaceBetween from '@cloudscape-design/components/space-between'
import TokenGroup from '@cloudscape-design/components/token-group'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'

const halves = [{ colspan: { default: 9 } }, { colspan: { default: 3 } }]

interface TagsInputProps {
  label: string
  tags: readonly string[]
  onChange(tags: readonly string[]): void
  isDisabled?: boolean
}

/** Short texts in a row: typed, added with Enter, taken away one by one. */
export function TagsInput({ label, tags, onChange, isDisabled }: TagsInputProps) {
  const { t } = useTranslation()
  const [text, setText] = useState('')

  function add(): void {
    const tag = text.trim()
    setText('')
    if (tag && !tags.includes(tag)) onChange([...tags, tag])
  }

  return (
    <SpaceBetween size="xs">
      <Grid gridDefinition={halves} disableGutters={false}>
        <Input
          value={text}
          disabled={isDisabled}
          autoComplete="off"
          spellcheck={false}
          onChange={({ detail }) => setText(detail.value)}
          onKeyDown={(event) => {
            if (event.detail.key !== 'Enter' || event.detail.isComposing || !text.trim()) return
            // Otherwise the key would send the whole form.
            event.preventDefault()
            add()
          }}
          // A tag that was typed and not added is meant all the same.
          onBlur={add}
        />
        <Button
          formAction="none"
          disabled={isDisabled}
          ariaLabel={t('form.addTo', { label })}
          onClick={add}
        >
          {t('form.add')}
        </Button>
      </Grid>
      {tags.length > 0 && (
        <TokenGroup
          items={tags.map((tag) => ({
            label: tag,
            disabled: isDisabled,
            dismissLabel: t('form.remove', { value: tag }),
          }))}
          onDismiss={({ detail }) => onChange(tags.filter((_, i) => i !== detail.itemIndex))}
        />
      )}
    </SpaceBetween>
  )
}
