import { createMemoryLog } from '@hushryd/kernel/testing/memory-log.ts'
import { expect, it } from 'vitest'
import { type Notification, newNotification } from './notification.ts'
import { Timers } from './timers.ts'

const due: Notification = newNotification({
  id: 'n_1',
  recipients: 'user',
  userId: 'asha',
  channels: ['sms'],
  template: 'ride_update',
  templateVersion: 1,
  sealedData: '',
  priority: 'high',
  idempotencyKey: '',
  reportTo: '',
  correlationId: '',
  acceptedMs: 0,
})

it('a stop lets the work under way end, and stores what it has left in memory', async () => {
  const steps: string[] = []
  const begun = Promise.withResolvers<void>()
  const work = Promise.withResolvers<void>()
  let isTaken = false
  const timers = new Timers({
    records: {
      async claimDue({ priority }) {
        if (isTaken || priority !== 'high') return undefined
        isTaken = true
        return due
      },
      async storeKept() {
        steps.push('stored')
      },
    },
    sender: {
      async advance() {
        begun.resolve()
        await work.promise
        steps.push('sent')
      },
    },
    log: createMemoryLog().log,
    nowMs: () => 0,
    workers: { high: 1, normal: 1, low: 1 },
  })
  await begun.promise
  const stopped = timers[Symbol.asyncDispose]()
  work.resolve()
  await stopped
  expect(steps.slice(-2)).toEqual(['sent', 'stored'])
})
