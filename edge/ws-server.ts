/**
 * From an upgrade request to an open socket. In this order, cheap things
 * first: the request itself, whether this node takes one more, who it is, how
 * many sockets they have; then the handshake and `welcome`.
 */
import { randomUUID } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import type { Clock } from '@hushryd/kernel/clock.ts'
import { DomainError, ErrorReason } from '@hushryd/kernel/error.ts'
import type { Log } from '@hushryd/kernel/log.ts'
import { toDomainError } from '@hushryd/kernel/rpc/error-wire.ts'
import { WebSocketServer } from 'ws'
import type { AdmissionGate } from './admission.ts'
import type { Balance } from './balance.ts'
import { Connection } from './connection.ts'
import type { EdgeEvents } from './events.ts'
import { type Identity, isSession, userIdOf } from './identity.ts'
import { FRAGMENTS_MAX, LINK_CONNECTIONS_MAX, MESSAGE_BYTES_HARD_MAX } from './limits.ts'
import { answerRaw, type RawAnswer } from './raw-answer.ts'
import type { Sessions } from './sessions.ts'
import { type Credential, readUpgrade, UpgradeError, type UpgradeRequest } from './upgrade.ts'
import type { UserCounts } from './user-counts.ts'

export interface WsServerOptions {
  readonly edgeId: string
  readonly heartbeatMs: number
  readonly origins: readonly string[]
  readonly connectionsPerUser: number
  readonly admission: AdmissionGate
  readonly balance: Balance
  readonly isDraining: () => boolean
  /** Open sockets, and how many of them were told to go elsewhere. */
  readonly load: () => { readonly open: number; readonly leaving: number }
  readonly sessions: Sessions
  readonly isRevoked: (identity: Identity) => boolean
  readonly userCounts: UserCounts
  readonly onOpen: (connection: Connection) => void
  readonly problemOf: (error: DomainError, requestId: string, status?: number) => RawAnswer
  readonly events: EdgeEvents
  readonly log: Log
  readonly clock: Clock
}

export interface WsServer {
  /** For node:http's event `upgrade`. */
  handle(request: IncomingMessage, socket: Duplex, head: Buffer): void
  /** Upgrades that are being looked at. */
  readonly handshakes: number
}

/** After its close frame the other side has this long to answer. */
const CLOSE_TIMEOUT_MS = 1_000
/** A node with more than its share sends a newcomer on at once: another one has room. */
const ELSEWHERE_MS_MAX = 400
/** Someone with too many sockets has to close one first. */
const USER_LIMIT_RETRY_MS = 5_000
const TOO_MANY_REQUESTS = 429

/** A connection's number fits the lane's int32, and is unique among open ones. */
const NUMBER_MAX = 2 ** 31 - 1

interface Handshake {
  readonly request: IncomingMessage
  readonly socket: Socket
  readonly head: Buffer
}

function destroySocket(this: Socket): void {
  this.destroy()
}

export function createWsServer(options: WsServerOptions): WsServer {
  const { admission, balance, sessions, userCounts, events, clock, load } = options
  // Typed by hand: the types of the library do not know closeTimeout yet.
  const librarySettings = {
    noServer: true,
    clientTracking: false,
    perMessageDeflate: false,
    autoPong: false,
    maxPayload: MESSAGE_BYTES_HARD_MAX,
    maxFragments: FRAGMENTS_MAX,
    closeTimeout: CLOSE_TIMEOUT_MS,
  }
  const library = new WebSocketServer(librarySettings)
  let handshakes = 0
  let lastNumber = 0

  /** Answers the slot of time that it is counted in. */
  function checkCapacity(): number {
    const nowMs = clock.nowMs()
    const { open, leaving } = load()
    if (balance.refuses(open - leaving + handshakes, nowMs)) {
      throw refusal('balance', 'Another node has more room.', elsewhereMs())
    }
    const admitted = admission.admit(nowMs, { connections: open, handshakes })
    if (!admitted.isAdmitted) {
      throw refusal('admission', 'This node takes no more sockets right now.', admitted.retryAfterMs)
    }
    return admitted.slot
  }

  function checkDraining(): void {
    if (options.isDraining()) throw refusal('draining', 'This node takes no new sockets.', elsewhereMs())
  }

  async function identify(credential: Credential): Promise<Identity> {
    try {
      switch (credential.kind) {
        case 'token':
          return await sessions.authenticate(credential.token)
        case 'ticket':
          return await sessions.redeemTicket(credential.ticket)
        case 'share':
          return await sessions.openShare(credential.token)
      }
    } catch (error) {
      const known = toDomainError(error)
      const isAway = known.reason === ErrorReason.ERROR_REASON_UNAVAILABLE
      throw new UpgradeError(isAway ? 'unavailable' : 'credentials', known)
    }
  }

  function checkStillValid(identity: Identity): void {
    if (!options.isRevoked(identity)) return
    const message = 'The session has ended.'
    throw new UpgradeError('credentials', new DomainError(ErrorReason.ERROR_REASON_SESSION_ENDED, message))
  }

  async function countUser(identity: Identity): Promise<void> {
    const max = isSession(identity) ? options.connectionsPerUser : LINK_CONNECTIONS_MAX
    if ((await userCounts.add(userIdOf(identity), clock.nowMs())) <= max) return
    userCounts.remove(userIdOf(identity))
    const error = new DomainError(
      ErrorReason.ERROR_REASON_LIMIT_REACHED,
      `At most ${max} sockets are open at once.`,
      {
        retryAfterMs: USER_LIMIT_RETRY_MS,
      },
    )
    throw new UpgradeError('user_limit', error, TOO_MANY_REQUESTS)
  }

  /** Everything that may take time; throws UpgradeError. */
  async function admit(credential: Credential): Promise<Identity> {
    checkDraining()
    const slot = checkCapacity()
    handshakes += 1
    try {
      const identity = await identify(credential)
      await countUser(identity)
      return identity
    } catch (error) {
      admission.refund(slot)
      throw error
    } finally {
      handshakes -= 1
    }
  }

  function complete(
    { request, socket, head }: Handshake,
    { codec, protocol }: UpgradeRequest,
    identity: Identity,
  ) {
    let isOpen = false
    try {
      // Both may have come about meanwhile.
      checkDraining()
      checkStillValid(identity)
      // Only the chosen one, which the library then repeats.
      if (protocol !== undefined) request.headers['sec-websocket-protocol'] = protocol
      socket.off('error', destroySocket)
      library.handleUpgrade(request, socket, head, (ws) => {
        isOpen = true
        lastNumber = (lastNumber % NUMBER_MAX) + 1
        const nowMs = clock.nowMs()
        const connection = new Connection({
          number: lastNumber,
          ws,
          raw: socket,
          codec,
          identity,
          events,
          nowMs,
        })
        options.onOpen(connection)
        welcome(connection, nowMs)
      })
    } finally {
      // The library has closed sockets that went away meanwhile.
      if (!isOpen) userCounts.remove(userIdOf(identity))
    }
  }

  function welcome(connection: Connection, nowMs: number): void {
    const { edgeId, heartbeatMs } = options
    const { userId, role } = connection
    const connectionId = `${edgeId}:${connection.number}`
    const value = { connectionId, userId, role, edgeId, heartbeatMs, serverTimeMs: nowMs }
    connection.send({ id: '', frame: { $case: 'welcome', value } })
  }

  function refuse(socket: Socket, error: unknown): void {
    const requestId = randomUUID()
    if (error instanceof UpgradeError) {
      events.upgradeRefused(error.refusal)
      answerRaw(socket, options.problemOf(error.error, requestId, error.status))
      return
    }
    options.log.error({ err: error, requestId }, 'an upgrade failed')
    events.upgradeRefused('internal')
    answerRaw(socket, options.problemOf(toDomainError(error), requestId))
  }

  async function upgrade(handshake: Handshake): Promise<void> {
    try {
      const asked = readUpgrade(handshake.request, options.origins)
      const identity = await admit(asked.credential)
      complete(handshake, asked, identity)
    } catch (error) {
      refuse(handshake.socket, error)
    }
  }

  return {
    get handshakes() {
      return handshakes
    },
    handle(request, duplex, head) {
      // A plain HTTP server's upgrades come with its TCP sockets.
      const socket = duplex as Socket
      socket.on('error', destroySocket)
      void upgrade({ request, socket, head })
    },
  }
}

function refusal(
  cause: 'draining' | 'balance' | 'admission',
  message: string,
  retryAfterMs: number,
): UpgradeError {
  return new UpgradeError(
    cause,
    new DomainError(ErrorReason.ERROR_REASON_UNAVAILABLE, message, { retryAfterMs }),
  )
}

function elsewhereMs(): number {
  return 1 + Math.floor(Math.random() * ELSEWHERE_MS_MAX)
}
