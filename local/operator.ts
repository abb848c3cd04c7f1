/**
 * The operations page's address with a session in it, for whoever has started
 * this stack and so holds its service key anyway. Nothing in production makes
 * one: there HushRyd's backend signs its staff in.
 */
import { openBackend } from './demo/backend.ts'
import type { SystemPlan } from './processes.ts'

const OPERATOR = 'operator'
const LABEL = 'admin page'.padEnd(12)

export async function operatorLine({ processes, keys }: SystemPlan): Promise<string> {
  const edge = processes.find(({ program }) => program.name === 'edge')
  const url = `http://localhost:${edge?.ports.http}`
  try {
    const token = await openBackend(url, keys.serviceKey).signIn(OPERATOR, 'admin')
    // Behind #, where browsers keep it to themselves.
    return `  ${LABEL} ${url}/admin/#token=${token}`
  } catch (error) {
    return `  ${LABEL} ${url}/admin/ (no session could be made: ${error instanceof Error ? error.message : String(error)})`
  }
}
