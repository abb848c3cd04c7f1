/** Free ports, and ports that should be free. */
import { randomInt } from 'node:crypto'
import { createSocket } from 'node:dgram'
import { createServer } from 'node:net'

export const HOST = '127.0.0.1'

/** Below what systems give to outgoing connections, which would take a port between its choice and its use. */
const PORT_MIN = 20_000
const PORT_MAX = 32_767

function hasCode(error: unknown, ...codes: readonly string[]): boolean {
  return error instanceof Error && 'code' in error && codes.includes(String(error.code))
}

/**
 * Takes the port's number for this process, until its end. Two that start at
 * the same time would else choose the same one before either listens on it.
 *
 * What is held is the port of datagrams, which servers of connections do not
 * mind, and which the kernel frees however the process ends.
 */
async function claim(port: number): Promise<boolean> {
  const socket = createSocket('udp4')
  try {
    await new Promise<void>((resolve, reject) => {
      socket.once('error', reject).bind({ port, address: HOST, exclusive: true }, resolve)
    })
    socket.unref()
    return true
  } catch (error) {
    socket.close()
    if (hasCode(error, 'EADDRINUSE', 'EACCES')) return false
    throw error
  }
}

/**
 * Different ports that nobody listens on now, and that no other process of this
 * project is given. A stranger may still take one before it is used: who starts
 * a server checks that its own answers.
 */
export async function freePorts(count: number): Promise<number[]> {
  const ports: number[] = []
  while (ports.length < count) {
    const port = randomInt(PORT_MIN, PORT_MAX + 1)
    if ((await claim(port)) && (await isPortFree(port))) ports.push(port)
  }
  return ports
}

export async function freePort(): Promise<number> {
  const [port] = await freePorts(1)
  if (port === undefined) throw new Error('asked for one port and got none')
  return port
}

export async function isPortFree(port: number): Promise<boolean> {
  const server = createServer()
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject).listen({ port, host: HOST, exclusive: true }, resolve)
    })
    return true
  } catch (error) {
    if (hasCode(error, 'EADDRINUSE', 'EACCES')) return false
    throw error
  } finally {
    await new Promise((resolve) => server.close(resolve))
  }
}
