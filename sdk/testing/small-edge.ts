/**
 * An edge of one file on a real port: tickets, the binary subprotocol, one trip
 * whose positions everyone gets. Speaks by the contract's own generated code.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { ClientFrame, type LocationFrame, ServerFrame } from '@hushryd/gen/hushryd/edge/v1/frames.ts'
import { GetTrailResponse } from '@hushryd/gen/hushryd/location/v1/location.ts'
import type { Position } from '@hushryd/gen/hushryd/location/v1/position.ts'
import { AlertStatus } from '@hushryd/gen/hushryd/sos/v1/alert.ts'
import { TriggerSosRequest, TriggerSosResponse } from '@hushryd/gen/hushryd/sos/v1/sos.ts'
import { type WebSocket, WebSocketServer } from 'ws'

export interface SmallEdge extends AsyncDisposable {
  readonly url: string
  readonly positions: readonly Position[]
  readonly alertIds: readonly string[]
}

type FrameBody = NonNullable<ServerFrame['frame']>

export async function startSmallEdge(token: string): Promise<SmallEdge> {
  const tickets = new Set<string>()
  const positions: Position[] = []
  const alertIds: string[] = []
  const sockets = new WebSocketServer({ noServer: true, handleProtocols: () => 'hushryd.v1.proto' })
  const http = createServer(giveTicket)

  function giveTicket(request: IncomingMessage, response: ServerResponse): void {
    const isKnown = request.headers.authorization === `Bearer ${token}`
    const ticket = `ticket-${tickets.size + 1}`
    if (isKnown) tickets.add(ticket)
    response.writeHead(isKnown ? 200 : 401, { 'content-type': 'application/json' })
    response.end(
      JSON.stringify(
        isKnown ? { ticket, expiresAt: 0 } : { code: 'UNAUTHENTICATED', reason: 'UNAUTHENTICATED' },
      ),
    )
  }

  function send(socket: WebSocket, id: string, frame: FrameBody): void {
    socket.send(ServerFrame.encode({ id, frame }).finish())
  }

  function take({ tripId, ...fix }: LocationFrame): void {
    const position = { userId: 'asha', ...fix }
    positions.push(position)
    for (const socket of sockets.clients)
      send(socket, '', { $case: 'trip', value: { tripId, updates: [position] } })
  }

  function answer(socket: WebSocket, { id, frame }: ClientFrame): void {
    switch (frame?.$case) {
      case 'join':
        send(socket, id, {
          $case: 'joined',
          value: { tripId: frame.value.tripId, latest: positions.at(-1), missed: [], complete: true },
        })
        return
      case 'location':
        take(frame.value)
        return
      case 'locations':
        frame.value.updates.forEach(take)
        send(socket, id, { $case: 'accepted', value: { accepted: frame.value.updates.length, rejected: [] } })
        return
      case 'call':
        send(socket, id, {
          $case: 'result',
          value: Buffer.from(call(frame.value.method, frame.value.request)),
        })
        return
      case 'ping':
        send(socket, id, { $case: 'pong', value: {} })
    }
  }

  function call(method: string, request: Uint8Array): Uint8Array {
    if (method === 'hushryd.location.v1.LocationService/GetTrail') {
      return GetTrailResponse.encode({ updates: [...positions], complete: true }).finish()
    }
    const { alertId } = TriggerSosRequest.decode(request)
    alertIds.push(alertId)
    const status = AlertStatus.ACTIVE
    return TriggerSosResponse.encode({ alertId, status, legs: undefined, triggeredAt: Date.now() }).finish()
  }

  http.on('upgrade', (request, raw, head) => {
    const ticket = new URL(request.url ?? '', 'http://edge').searchParams.get('ticket') ?? ''
    if (!tickets.delete(ticket)) {
      raw.destroy()
      return
    }
    sockets.handleUpgrade(request, raw, head, (socket) => {
      socket.on('message', (data: Buffer) => answer(socket, ClientFrame.decode(data)))
      send(socket, '', {
        $case: 'welcome',
        value: {
          connectionId: 'C1',
          userId: 'asha',
          role: 'driver',
          edgeId: 'small',
          heartbeatMs: 30_000,
          serverTimeMs: Date.now(),
        },
      })
    })
  })
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve))
  const { port } = http.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}`,
    positions,
    alertIds,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets.clients) socket.terminate()
      http.closeAllConnections()
      await new Promise((resolve) => http.close(resolve))
    },
  }
}
