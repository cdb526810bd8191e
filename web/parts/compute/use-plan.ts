import { useEffect, useEffectEvent, useState } from 'react'
import type { CombinedError } from 'urql'
import { explain, type Problem } from '../../errors.ts'
import type { PlanData } from './plan-fields.ts'

export interface Planned {
  plan?: PlanData | null
  problem?: Problem
}

interface Answer {
  plan?: PlanData | null
  error?: CombinedError
}

/** So long a person may go on typing before the API is asked. */
const askAfterMs = 250

/**
 * The plan of what is chosen: `ask` makes the dry run. It is asked anew when `choice` changes; an
 * answer to an earlier choice is not shown. Null: there is nothing to ask about yet.
 */
export function usePlan(choice: object | null, ask: () => PromiseLike<Answer>): Planned {
  const of = choice && JSON.stringify(choice)
  const [planned, setPlanned] = useState<Planned & { of: string | null }>({ of: null })
  const newest = useEffectEvent(ask)
  useEffect(() => {
    if (of === null) return
    let isCurrent = true
    const timer = setTimeout(() => {
      void newest().then(({ plan, error }) => {
        if (isCurrent) setPlanned({ of, plan, problem: error && explain(error) })
      })
    }, askAfterMs)
    return () => {
      isCurrent = false
      clearTimeout(timer)
    }
  }, [of])
  return planned.of === of ? planned : {}
}
