import Box from '@cloudscape-design/components/box'
import SpaceBetween from '@cloudscape-design/components/space-between'
import type { ReactNode } from 'react'

/** What a list says when it has nothing: the fact, why, and the way on. */
export function Empty(props: { title: string; text?: string; children?: ReactNode }) {
  return (
    <Box textAlign="center" color="inherit" margin={{ vertical: 'l' }}>
      <SpaceBetween size="xs">
        <Box variant="strong" color="inherit">
          {props.title}
        </Box>
        {props.text && <Box color="text-body-secondary">{props.text}</Box>}
        {props.children}
      </SpaceBetween>
    </Box>
  )
}
