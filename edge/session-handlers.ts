/** SessionService: one function a method. Who may call is the contract's; what concerns whom is checked here. */
import type { SessionServiceImplementation } from '@hushryd/gen/hushryd/edge/v1/session.ts'
import { DomainError, ErrorReason } from '@hushryd/kernel/error.ts'
import type { Caller, Role } from '@hushryd/kernel/rpc/caller.ts'
import type { RpcContext } from '@hushryd/kernel/rpc/server.ts'
import { SESSION_HASH_KEY } from './bridge/call.ts'
import type { Sessions } from './sessions.ts'

export function createSessionHandlers(sessions: Sessions): SessionServiceImplementation<RpcContext> {
  return {
    async createSession({ userId, role, deviceId }) {
      const { token, expiresAtMs } = await sessions.create({ userId, role: readRole(role), deviceId })
      return { token, expiresAt: expiresAtMs }
    },

    async getSession(request, { caller }) {
      const userId = whoseSessions(caller, request.userId)
      const running = await sessions.list(userId)
      return {
        userId,
        sessions: running.map(({ role, deviceId, createdAt, lastActiveAt, expiresAt }) => ({
          role,
          deviceId,
          createdAt,
          lastActiveAt,
          expiresAt,
        })),
      }
    },

    async revokeSession({ userId, deviceId }) {
      return { revoked: await sessions.revoke(userId, deviceId) }
    },

    async createWsTicket(_request, { caller, metadata }) {
      const sessionHash = metadata.get(SESSION_HASH_KEY) ?? ''
      if (caller.kind !== 'user' || sessionHash === '') {
        throw new DomainError(ErrorReason.ERROR_REASON_FORBIDDEN, 'Tickets are for a signed-in person.')
      }
      const { ticket, expiresAtMs } = await sessions.createTicket(caller, sessionHash)
      return { ticket, expiresAt: expiresAtMs }
    },

    async createFleetTicket() {
      const { ticket, expiresAtMs } = await sessions.createFleetTicket()
      return { ticket, expiresAt: expiresAtMs }
    },

    async createShareLink({ tripId }, { caller }) {
      const { url, expiresAtMs } = await sessions.createShareLink(caller, tripId)
      return { url, expiresAt: expiresAtMs }
    },
  }
}

function readRole(role: string): Role {
  if (role === 'passenger' || role === 'driver' || role === 'admin') return role
  throw new Error('the contract lets no other role pass')
}

function whoseSessions(caller: Caller, userId: string): string {
  if (caller.kind === 'user' && (userId === '' || userId === caller.userId)) return caller.userId
  const mayReadAll = caller.kind === 'backend' || (caller.kind === 'user' && caller.role === 'admin')
  if (!mayReadAll) {
    throw new DomainError(ErrorReason.ERROR_REASON_FORBIDDEN, 'A person reads only their own sessions.')
  }
  if (userId === '') {
    throw new DomainError(ErrorReason.ERROR_REASON_INVALID_REQUEST, 'userId says whose sessions are wanted.')
  }
  return userId
}
