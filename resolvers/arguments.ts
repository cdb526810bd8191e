/** Arguments that many fields take, each with its description: write `@IdArg() id: string`. */
import { Arg, type ClassType, ID } from 'type-graphql'

type ArgumentDecorator = ReturnType<typeof Arg>

export const IdArg = (): ArgumentDecorator => Arg('id', () => ID, { description: 'Its id.' })

export const InputArg = (type: () => ClassType): ArgumentDecorator =>
  Arg('input', type, { description: 'What is asked for.' })

export const FilterArg = (type: () => ClassType): ArgumentDecorator =>
  Arg('filter', type, { nullable: true, description: 'Only those for which all of this holds.' })

/** Of a watch. */
export const OnlyArg = (): ArgumentDecorator =>
  Arg('id', () => ID, { nullable: true, description: 'Only the one with this id.' })

/** Of a watch. */
export const ResumeArg = (): ArgumentDecorator =>
  Arg('after', () => String, { nullable: true, description: 'Resume behind this cursor.' })
