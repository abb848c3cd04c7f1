/** Free ports, and ports that should be free. */
import { randomInt } from 'node:crypto'
import { createServer } from 'node:net'

export const HOST = '127.0.0.1'

/** Below what systems give to outgoing connections, which would take a port between its choice and its use. */
const PORT_MIN = 20_000
const PORT_MAX = 32_767

/**
 * Different ports that nobody listens on now. Another process may take one
 * before it is used: who starts a server checks that its own answers.
 */
export async function freePorts(count: number): Promise<number[]> {
  const ports = new Set<number>()
  while (ports.size < count) {
    const port = randomInt(PORT_MIN, PORT_MAX + 1)
    if (!ports.has(port) && (await isPortFree(port))) ports.add(port)
  }
  return [...ports]
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
    if (error instanceof Error && 'code' in error && (error.code === 'EADDRINUSE' || error.code === 'EACCES'))
      return false
    throw error
  } finally {
    await new Promise((resolve) => server.close(resolve))
  }
}
