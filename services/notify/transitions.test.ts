import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { childOf, isGroup, type Notification, newNotification } from './notification.ts'
import type { DeliveryReceipt } from './provider.ts'
import {
  applyReceipt,
  endAttempt,
  endDirect,
  giveUp,
  mergeRecords,
  replay,
  resumeAttempt,
  startAttempt,
} from './transitions.ts'

const NOW_MS = 1_700_000_000_000

const fresh = newNotification({
  id: 'n_test',
  recipients: 'emergency_contacts',
  userId: 'user-1',
  channels: ['sms', 'whatsapp'],
  template: 'sos_alert',
  templateVersion: 1,
  sealedData: '',
  priority: 'high',
  idempotencyKey: 'alert-1',
  reportTo: 'sos',
  correlationId: 'alert-1',
  acceptedMs: NOW_MS,
})

function started(notification: Notification): Notification {
  return startAttempt(notification, {
    channel: 'sms',
    provider: 'twilio',
    awaitsReceipt: true,
    maskedRecipient: '+91******3210',
    recipientHash: 'hash',
    nowMs: NOW_MS,
    deadlineMs: NOW_MS + 15_000,
  })
}

function accepted(notification: Notification): Notification {
  const begun = started(notification)
  return endAttempt(begun, begun.attempts.length, { kind: 'accepted', providerId: 'SM1' }, NOW_MS)
}

const status = fc.constantFrom<DeliveryReceipt['status']>('sent', 'delivered', 'read', 'failed', 'bounced')

describe('what was sent directly, where its process has died', () => {
  const direct = { ...fresh, recipients: 'direct' as const, reportTo: '' }

  it('rests as sent once a provider has it', () => {
    expect(endDirect(accepted(direct), NOW_MS)).toMatchObject({ state: 'sent', dueMs: undefined })
  })

  it('is given up where nobody knows whether one has it', () => {
    expect(endDirect(started(direct), NOW_MS)).toMatchObject({
      state: 'failed',
      failure: 'CRASHED',
      dueMs: undefined,
      announcements: [{ kind: 'given_up' }],
    })
  })
})

describe('receipts', () => {
  it('in any order and number never take back that it arrived', () => {
    fc.assert(
      fc.property(fc.array(status, { maxLength: 12 }), (statuses) => {
        let notification = accepted(fresh)
        let hasArrived = false
        for (const [index, each] of statuses.entries()) {
          notification = applyReceipt(notification, 1, { status: each, atMs: NOW_MS + index }) ?? notification
          hasArrived ||= each === 'delivered' || each === 'read'
          expect(notification.state === 'delivered').toBe(hasArrived)
          if (hasArrived) expect(notification.dueMs).toBeUndefined()
        }
      }),
    )
  })

  it('that come twice say nothing new', () => {
    fc.assert(
      fc.property(status, (each) => {
        const once = applyReceipt(accepted(fresh), 1, { status: each, atMs: NOW_MS })
        if (once !== undefined) expect(applyReceipt(once, 1, { status: each, atMs: NOW_MS })).toBeUndefined()
      }),
    )
  })

  it('that are faster than the provider’s own answer count', () => {
    const delivered = applyReceipt(started(fresh), 1, { status: 'delivered', atMs: NOW_MS })
    expect(delivered).toBeDefined()
    if (delivered === undefined) return
    const ended = endAttempt(delivered, 1, { kind: 'accepted', providerId: 'SM1' }, NOW_MS)
    expect([ended.state, ended.attempts[0]?.status, ended.attempts[0]?.providerId]).toEqual([
      'delivered',
      'delivered',
      'SM1',
    ])
  })

  it('of a failure make it due at once', () => {
    const failed = applyReceipt(accepted(fresh), 1, {
      status: 'failed',
      atMs: NOW_MS + 500,
      errorCode: '30003',
    })
    expect(failed).toMatchObject({ dueMs: NOW_MS + 500, attempts: [{ status: 'not_sent', code: '30003' }] })
  })

  it('that arrive after it was given up still count', () => {
    const late = applyReceipt(giveUp(accepted(fresh), 'NO_RECEIPT', NOW_MS), 1, {
      status: 'delivered',
      atMs: NOW_MS,
    })
    expect(late).toMatchObject({ state: 'delivered', failure: '' })
  })
})

describe('a group', () => {
  it('is told from a single message, and its messages get keys of their own', () => {
    const child = childOf(fresh, { id: 'n_child', contact: 2, channel: 'whatsapp' })
    expect([isGroup(fresh), isGroup(child)]).toEqual([true, false])
    expect(child.idempotencyKey).toBe('alert-1:2:whatsapp')
  })

  it('gives what stands in to its first channel alone', () => {
    const [sms, whatsapp] = (['sms', 'whatsapp'] as const).map((channel) =>
      childOf(fresh, { id: `n_${channel}`, contact: 0, channel }),
    )
    expect([sms?.standIns, whatsapp?.standIns]).toEqual([['push', 'email'], []])
  })
})

it('a replay begins anew and keeps what was tried', () => {
  const again = replay(giveUp(accepted(fresh), 'NO_RECEIPT', NOW_MS), NOW_MS + 1)
  expect(again).toMatchObject({
    state: 'queued',
    run: 1,
    round: 0,
    isLate: false,
    dueMs: NOW_MS + 1,
    startMs: NOW_MS + 1,
  })
  expect(again.attempts).toHaveLength(1)
})

describe('two records kept apart', () => {
  it('become one, in which the better word on each attempt counts', () => {
    const one = { ...accepted({ ...fresh, reportTo: '' }), version: 3, lease: 'a' }
    const two = applyReceipt({ ...one, version: 5, lease: 'b' }, 1, { status: 'delivered', atMs: NOW_MS })
    if (two === undefined) throw new Error('the receipt says something new')
    for (const merged of [mergeRecords(one, two, NOW_MS), mergeRecords(two, one, NOW_MS)])
      expect(merged).toMatchObject({
        version: 6,
        state: 'delivered',
        dueMs: undefined,
        attempts: [{ number: 1, status: 'delivered' }],
      })
  })

  it('keep every attempt, also where both gave theirs the same number', () => {
    const stored = { ...accepted(fresh), lease: 'a' }
    const [mine] = accepted(fresh).attempts
    if (mine === undefined) throw new Error('there is an attempt')
    const kept = { ...stored, lease: 'b', attempts: [{ ...mine, startedMs: NOW_MS + 1, providerId: 'SM2' }] }
    const { attempts } = mergeRecords(stored, kept, NOW_MS)
    expect(attempts.map(({ number, providerId }) => [number, providerId])).toEqual([
      [1, 'SM1'],
      [2, 'SM2'],
    ])
  })

  it('count how often an attempt was handed over', () => {
    const stored = { ...started(fresh), lease: 'b' }
    const kept = { ...resumeAttempt(stored, 1, { nowMs: NOW_MS, deadlineMs: NOW_MS }), lease: 'a' }
    expect(mergeRecords(stored, kept, NOW_MS).attempts).toMatchObject([{ number: 1, tries: 2 }])
  })

  it('stay with whoever has claimed it since, and of one worker’s writes with the later', () => {
    const stored = { ...started(fresh), version: 4, lease: 'b', dueMs: NOW_MS + 9 }
    const kept = { ...accepted(fresh), version: 4, lease: 'a', dueMs: NOW_MS + 5 }
    expect(mergeRecords(stored, kept, NOW_MS)).toMatchObject({ state: 'sent', lease: 'b', dueMs: NOW_MS + 9 })
    expect(mergeRecords({ ...stored, lease: 'a' }, kept, NOW_MS)).toMatchObject({
      lease: 'a',
      dueMs: NOW_MS + 5,
    })
  })

  it('are taken up again for what could not be told', () => {
    const told = { ...giveUp(fresh, 'NO_RECIPIENT', NOW_MS), announcements: [] }
    const untold = giveUp(fresh, 'NO_RECIPIENT', NOW_MS)
    expect(mergeRecords(told, untold, NOW_MS)).toMatchObject({ state: 'failed', dueMs: NOW_MS })
  })
})
