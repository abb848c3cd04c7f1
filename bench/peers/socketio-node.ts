/**
 * The usual choice: a Socket.IO node with the Redis adapter, by its own
 * documentation, WebSocket only. One of two. REDIS_URL says where Redis is.
 */
import { createServer } from 'node:http'
import { createAdapter } from '@socket.io/redis-adapter'
import { Redis } from 'ioredis'
import { Server } from 'socket.io'

const redis = new Redis(process.argv[2] ?? '')
const server = createServer()
const io = new Server(server, {
  transports: ['websocket'],
  adapter: createAdapter(redis, redis.duplicate()),
})

io.on('connection', (socket) => {
  const { trip, role } = socket.handshake.query
  const tripId = String(trip)
  if (role === 'driver') socket.on('position', (position) => io.to(tripId).emit('position', position))
  else void socket.join(tripId)
})

server.listen(0, '127.0.0.1', 65_535, () => process.send?.({ address: server.address() }))
process.on('disconnect', () => process.exit(0))
