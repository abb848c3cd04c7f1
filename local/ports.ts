/** Free ports, and ports that should be free. */
import { createServer } from 'node:net'

export const HOST = '127.0.0.1'

/**
 * Different ports that nobody listens on now. Another process may take one
 * before it is used: who starts a server checks that its own answers.
 */
export async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer())
  try {
    // All are held open together, else one port could be picked twice.
    await Promise.all(
      servers.map(
        (server) =>
          new Promise<void>((resolve, reject) => {
            server.once('error', reject).listen(0, HOST, resolve)
          }),
      ),
    )
    return servers.map((server) => {
      const address = server.address()
      if (address === null || typeof address === 'string') throw new Error('a TCP server without a port')
      return address.port
    })
  } finally {
    await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))))
  }
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
