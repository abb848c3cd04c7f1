/** People who want to drive send in their papers now and then, so that the operations room has some to review. */
import { setTimeout as wait } from 'node:timers/promises'
import { createClient } from '../../sdk/index.ts'
import { drawPaper } from './paper.ts'
import type { ReplayContext } from './replay.ts'

const TYPES = ['license', 'rc', 'insurance', 'photo'] as const
/** At once, for whoever looks at a fresh system; then one after the other. */
const FIRST = TYPES.length
const EVERY_MS = 60_000
/** A demo that runs for days fills neither the page nor the disk. */
const PAPERS_MAX = 40

export async function sendPapers({ backend, edgeUrls, signal }: ReplayContext): Promise<void> {
  for (let paper = 0; paper < PAPERS_MAX && !signal.aborted; paper += 1) {
    if (paper >= FIRST) await wait(EVERY_MS, undefined, { signal }).catch(() => {})
    if (signal.aborted) return
    const number = String(Math.floor(paper / TYPES.length) + 1).padStart(3, '0')
    const userId = `demo-applicant-${number}`
    const applicant = createClient({ endpoints: edgeUrls, token: () => backend.signIn(userId, 'driver') })
    const documentType = TYPES[paper % TYPES.length] ?? 'license'
    try {
      await backend.putUser(userId, `Demo applicant ${number}`)
      await applicant.uploadDocument({ documentType, file: drawPaper(Date.now() % 1e6), signal })
    } catch (error) {
      if (!signal.aborted) console.error(`${userId} could not send in a ${documentType}: ${error}`)
    }
  }
}
