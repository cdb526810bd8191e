import { type ReactNode, useState } from 'react'
import { type AnyVariables, type TypedDocumentNode, useClient } from 'urql'
import { explain } from '../errors.ts'
import { useFlash } from '../hooks/flash.tsx'
import { useRereadScreen } from '../hooks/screen.ts'
import { Confirm } from '../ui/Confirm.tsx'
import { ProblemFacts } from './Problem.tsx'

interface RowActionOptions<Row, Data, Variables extends AnyVariables> {
  mutation: TypedDocumentNode<Data, Variables>
  variables(row: Row): Variables
  /** Asked before; without it the action is done at once. */
  question?(row: Row): { title: string; text: ReactNode; confirmText: string }
  doneText(row: Row): string
  refusedText(row: Row): string
  /** What else follows a success, such as leaving the page of what was deleted. */
  onDone?(data: Data, row: Row): void
}

export interface RowAction<Row> {
  /** Does it, or asks first. */
  request(row: Row): void
  /** The question, when there is one; belongs somewhere on the page. */
  dialog: ReactNode
}

/** One mutation on one row: the question before, the result after. */
export function useRowAction<Row, Data, Variables extends AnyVariables>(
  options: RowActionOptions<Row, Data, Variables>,
): RowAction<Row> {
  const client = useClient()
  const { show } = useFlash()
  const rereadScreen = useRereadScreen()
  const [asked, setAsked] = useState<Row | null>(null)

  async function run(row: Row): Promise<void> {
    setAsked(null)
    const { data, error } = await client.mutation(options.mutation, options.variables(row))
    if (error) {
      const content = <ProblemFacts problem={explain(error)} />
      return show({ type: 'error', header: options.refusedText(row), content })
    }
    show({ type: 'success', header: options.doneText(row) })
    rereadScreen()
    if (data) options.onDone?.(data, row)
  }

  const question = asked && options.question?.(asked)
  return {
    request(row) {
      if (options.question) setAsked(() => row)
      else void run(row)
    },
    dialog: asked && question && (
      <Confirm
        title={question.title}
        confirmText={question.confirmText}
        onConfirm={() => void run(asked)}
        onCancel={() => setAsked(null)}
      >
        {question.text}
      </Confirm>
    ),
  }
}
