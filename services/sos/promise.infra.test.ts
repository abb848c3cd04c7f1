/**
 * Property 2 of the design: for any number of alerts at once, all parallel
 * operations of each are done in time. What the time is, is the load report's;
 * here the bound is generous, for any machine, and the point is that each of
 * them is done for each alert.
 */
import { LegState } from '@hushryd/gen/hushryd/sos/v1/alert.ts'
import type { ConnectRequest, LaneResult } from '@hushryd/gen/hushryd/sos/v1/lane.ts'
import { until } from '@hushryd/kernel/testing/await-until.ts'
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { SosNode, World } from './testing/sos-node.ts'

const BURST_MAX = 2_500
const BOUND_MS = 15_000
const ALL_DONE = {
  stream: LegState.DONE,
  database: LegState.DONE,
  admin: LegState.DONE,
  contacts: LegState.DONE,
}

it('Property 2: for any number of alerts at once, database, operations and contacts are done for each within the bound', {
  timeout: 120_000,
}, async () => {
  await using world = await World.start()
  await using node = await SosNode.start(world, { env: { SOS_ANSWER_MS: '5000', LOG_LEVEL: 'warn' } })
  let raised = 0
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 1, max: BURST_MAX }),
      fc.integer({ min: 1, max: 500 }),
      async (alerts, partMax) => {
        const ids = Array.from({ length: alerts }, () => world.id())
        const done = Promise.withResolvers<void>()
        async function* requests(): AsyncGenerator<ConnectRequest> {
          for (let start = 0; start < alerts; start += partMax) {
            const triggers = ids.slice(start, start + partMax).map((alertId, index) => ({
              ref: start + index,
              userId: `user-of-${alertId}`.slice(0, 60),
              role: 'passenger',
              alertId,
              tripId: '',
              bookingId: '',
              location: undefined,
              receivedAt: Date.now(),
            }))
            yield { edgeId: 'edge-1', triggers }
          }
          await done.promise
        }
        const results: LaneResult[] = []
        const startMs = performance.now()
        for await (const response of node.client.connect(requests())) {
          results.push(...response.results)
          if (results.length === alerts) break
        }
        expect(performance.now() - startMs).toBeLessThan(BOUND_MS)
        done.resolve()
        raised += alerts
        for (const { error, legs } of results)
          expect({ error, legs }).toEqual({ error: undefined, legs: ALL_DONE })
        expect(await world.alerts.countDocuments({ _id: { $in: ids as never[] } })).toBe(alerts)
      },
    ),
    { numRuns: 8 },
  )
  await until(() => world.events.filter(({ type }) => type === 'sos.triggered').length === raised, {
    timeoutMs: BOUND_MS,
  })
  await until(async () => (await world.openBatches()) === 0, { timeoutMs: BOUND_MS })
})
