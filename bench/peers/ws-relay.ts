/**
 * The limit: one process that only passes frames on, with nothing in front of
 * it and nothing behind it. No sessions, no rights, no second node, no store.
 */
import { createServer } from 'node:http'
import { type WebSocket, WebSocketServer } from 'ws'

const followers = new Map<string, Set<WebSocket>>()
const server = createServer()
const sockets = new WebSocketServer({ server, perMessageDeflate: false })

sockets.on('connection', (socket, request) => {
  const query = new URL(request.url ?? '', 'ws://relay').searchParams
  const tripId = query.get('trip') ?? ''
  if (query.get('role') === 'driver') {
    socket.on('message', (data, isBinary) => {
      for (const follower of followers.get(tripId) ?? []) follower.send(data, { binary: isBinary })
    })
    return
  }
  const room = followers.getOrInsertComputed(tripId, () => new Set())
  room.add(socket)
  socket.on('close', () => {
    room.delete(socket)
    if (room.size === 0) followers.delete(tripId)
  })
  socket.send('j')
})

server.listen(0, '127.0.0.1', 65_535, () => process.send?.({ address: server.address() }))
process.on('disconnect', () => process.exit(0))
