/** Free ports, and ports that should be free. */
import { createServer } from 'node:net'

export const HOST = '127.0.0.1'

/**
 * A port that nobody listens on now. Another process may take it before it is
 * used: who starts a server checks that the one that answers is its own.
 */
export async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject).listen(0, HOST, resolve)
  })
  const address = server.address()
  await new Promise((resolve) => server.close(resolve))
  if (address === null || typeof address === 'string') throw new Error('a TCP server without a port')
  return address.port
}

export async function isPortFree(port: number): Promise<boolean> {
  const server = createServer()
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject).listen({ port, host: HOST, exclusive: true }, resolve)
    })
    return true
  } catch (error) {
    if (error instanceof Error && 'code' in error && (error.code === 'EADDRINUSE' || error.code === 'EACCES')) return false
    throw error
  } finally {
    await new Promise((resolve) => server.close(resolve))
  }
}
