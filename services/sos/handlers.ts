/** One function a method: check, call, encode. */

import type { Position } from '@hushryd/gen/hushryd/location/v1/position.ts'
import type { SosServiceImplementation } from '@hushryd/gen/hushryd/sos/v1/sos.ts'
import { DomainError, ErrorReason } from '@hushryd/kernel/error.ts'
import type { RpcContext } from '@hushryd/kernel/rpc/server.ts'
import { activeTraceparent } from '@hushryd/kernel/tracing.ts'
import { type Alert, type AlertId, readLocation, type Trigger } from './alert.ts'
import type { AlertStore } from './alert-store.ts'
import { findBroken } from './audit.ts'
import type { Desk } from './desk.ts'
import type { Accepted } from './entry.ts'
import type { Intake } from './intake.ts'
import type { createLane } from './lane-handler.ts'
import { readPageToken, writePageToken } from './page-token.ts'
import type { PinStore } from './pin-store.ts'
import { checkMaySetPins, isOperations, personOf } from './rights.ts'
import {
  decodeStatuses,
  encodeEntry,
  encodeForOperations,
  encodeForPerson,
  encodeLegs,
  encodeStatus,
} from './views.ts'
import type { Watch } from './watch.ts'

export interface HandlerParts {
  readonly intake: Intake
  readonly lane: ReturnType<typeof createLane>
  readonly desk: Desk
  readonly store: AlertStore
  readonly pins: PinStore
  readonly watch: Watch
  /** Empty where the location service is away. */
  readonly findTrail: (alert: Alert) => Promise<readonly Position[]>
  readonly nowMs: () => number
}

const PAGE = 100
const AUDIT_PAGE = 200

export function createHandlers(parts: HandlerParts): SosServiceImplementation<RpcContext> {
  const { intake, lane, desk, store, pins, watch, findTrail, nowMs } = parts

  function raise(trigger: Trigger): Promise<Accepted> {
    return new Promise((resolve, reject) => {
      intake.raise(trigger, (answer) => {
        if (answer.kind === 'accepted') resolve(answer)
        else reject(answer.error)
      })
    })
  }

  return {
    connect: lane,

    async triggerSos({ alertId, tripId, bookingId, location }, { caller }) {
      const { userId, role } = personOf(caller)
      const answer = await raise({
        alertId: alertId as AlertId,
        userId,
        role,
        tripId,
        bookingId,
        location: readLocation(location),
        receivedMs: nowMs(),
        traceparent: activeTraceparent(),
      })
      return {
        alertId: answer.alertId,
        status: encodeStatus(answer.status),
        legs: encodeLegs(answer.legs),
        triggeredAt: answer.triggeredMs,
      }
    },

    async getAlert({ alertId }, { caller }) {
      const stored = await desk.get(caller, alertId)
      if (!isOperations(caller)) return { alert: encodeForPerson(stored) }
      return { alert: encodeForOperations(stored, { trail: await findTrail(stored.alert) }) }
    },

    async listAlerts({ statuses, tripId, userId, pageSize, pageToken }) {
      const limit = pageSize === 0 ? PAGE : pageSize
      const filter = { statuses: decodeStatuses(statuses), tripId, userId }
      const found = await store.list(filter, { after: readPageToken(pageToken), limit: limit + 1 })
      const page = found.slice(0, limit)
      const last = found.length > limit ? page.at(-1) : undefined
      return {
        alerts: page.map((stored) => encodeForOperations(stored)),
        nextPageToken: last === undefined ? '' : writePageToken(last.alert),
      }
    },

    async acknowledgeAlert({ alertId, note }, { caller }) {
      return { alert: encodeForOperations(await desk.acknowledge(caller, alertId, note)) }
    },

    async resolveAlert({ alertId, notes }, { caller }) {
      return { alert: encodeForOperations(await desk.resolve(caller, alertId, notes)) }
    },

    async assignAlert({ alertId, assignee, note }, { caller }) {
      return { alert: encodeForOperations(await desk.assign(caller, alertId, assignee, note)) }
    },

    async getAuditTrail({ alertId, afterNumber, pageSize }, { caller }) {
      const { audit } = (await desk.get(caller, alertId)).alert
      const limit = pageSize === 0 ? AUDIT_PAGE : pageSize
      return {
        entries: audit
          .filter(({ number }) => number > afterNumber)
          .slice(0, limit)
          .map(encodeEntry),
        total: audit.length,
        brokenAt: findBroken(audit) ?? 0,
      }
    },

    async cancelAlert({ alertId, pin }, { caller }) {
      return { alert: encodeForPerson(await desk.cancel(caller, alertId, pin)) }
    },

    async putPins({ userId, pin, duressPin }, { caller }) {
      checkMaySetPins(caller, userId)
      if (pin === duressPin) {
        throw new DomainError(ErrorReason.ERROR_REASON_INVALID_REQUEST, 'The two PINs are the same.', {
          violations: [{ field: 'duress_pin', description: 'is the same as pin' }],
        })
      }
      const open = await store.findOpenOf(userId)
      return { updatedAt: await pins.put(userId, { pin, duressPin }, open?.receivedMs) }
    },

    async *watchAlerts(_request, { signal }) {
      for await (const stored of watch.follow(signal)) {
        if (stored === undefined) yield { alert: undefined, caughtUp: true }
        else yield { alert: encodeForOperations(stored), caughtUp: false }
      }
    },
  }
}
