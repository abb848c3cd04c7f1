/**
 * What the system promises people, which alerts say that it is in danger, and
 * what an operator looks at then: a dashboard each. Pure.
 */
import type { Panel } from './panel.ts'
import { PROMISES_OF_THE_FLEET } from './promises-of-the-fleet.ts'
import { PROMISES_TO_PEOPLE } from './promises-to-people.ts'

export interface Promised {
  readonly name: string
  readonly title: string
  readonly promise: string
  readonly alerts: readonly string[]
  readonly panels: readonly Panel[]
}

export const PROMISES: readonly Promised[] = [...PROMISES_TO_PEOPLE, ...PROMISES_OF_THE_FLEET]
