/** Calls by hand: with any identity straight to a pod's sidecar, or through the caller's own. */
import { readFileSync } from 'node:fs'
import { type ClientHttp2Session, connect, type OutgoingHttpHeaders } from 'node:http2'
import { hostOf } from '../../members.ts'
import type { Certificate } from './certificates.ts'
import { type Pod, servicePorts } from './pods.ts'

export interface Outcome {
  /** gRPC's; undefined where the call is still open and the service had let it in. */
  readonly status: string | undefined
  readonly message: string
}

export interface Caller extends Disposable {
  /** Sends one empty message. Resolves when the service answers, or lets the call in and says nothing. */
  call(path: string, headers?: OutgoingHttpHeaders): Promise<Outcome>
}

/** An empty message. */
const EMPTY = Buffer.alloc(5)
/** What a refusal by the mesh says. */
export const DENIED = 'RBAC: access denied'
/** Long enough for the mesh, which refuses at once, on a busy machine. */
const SILENT_MS = 20_000

function callOn(session: ClientHttp2Session, headers: OutgoingHttpHeaders): Promise<Outcome> {
  return new Promise((resolve, reject) => {
    const stream = session.request(
      { ':method': 'POST', 'content-type': 'application/grpc', te: 'trailers', ...headers },
      { endStream: false },
    )
    let status: string | undefined
    let message = ''
    const read = (given: NodeJS.Dict<string | string[] | number>): void => {
      if (given['grpc-status'] !== undefined) status = String(given['grpc-status'])
      if (given['grpc-message'] !== undefined) message = decodeURIComponent(String(given['grpc-message']))
    }
    const end = (): void => {
      resolve({ status, message })
      stream.close()
    }
    stream.setTimeout(SILENT_MS, end)
    stream.on('response', (given) => {
      read(given)
      // Past the mesh: a stream that is open waits for its client.
      if (status === undefined && given[':status'] === 200) stream.resume()
    })
    stream.on('trailers', read)
    stream.on('end', end)
    stream.on('close', end)
    // A stream that is reset has been let in, if nothing has refused it; a connection that fails has not.
    stream.on('error', (error) => (session.destroyed ? reject(error) : end()))
    stream.end(EMPTY)
  })
}

function callerOn(session: ClientHttp2Session, authority: string): Caller {
  // Each call reports for itself.
  session.on('error', () => undefined)
  return {
    call: (path, headers = {}) => callOn(session, { ':authority': authority, ':path': path, ...headers }),
    [Symbol.dispose]: () => session.destroy(),
  }
}

/** To the sidecar of `pod`, as whoever the certificate names. */
export function callAs({ certificate, key, root }: Certificate, pod: Pod): Caller {
  const { grpc } = servicePorts(pod.member)
  const session = connect(`https://${pod.address}:${grpc}`, {
    cert: readFileSync(certificate),
    key: readFileSync(key),
    ca: readFileSync(root),
    // The name in a SPIFFE certificate is no host: that it was signed by the mesh is what counts.
    checkServerIdentity: () => undefined,
    ALPNProtocols: ['h2'],
  })
  return callerOn(session, `${hostOf(pod.member)}:${grpc}`)
}

/** Through the sidecar of `from`, as its process calls. */
export function callFrom(from: Pod, member: string): Caller {
  const { grpc } = servicePorts(member)
  return callerOn(connect(`http://${from.outbound}:${grpc}`), `${hostOf(member)}:${grpc}`)
}

/** To the sidecar of `pod` without a certificate: whether there is an answer at all. */
export async function knockPlainly(pod: Pod, path: string): Promise<'answered' | 'cut off'> {
  const { grpc } = servicePorts(pod.member)
  const session = connect(`http://${pod.address}:${grpc}`)
  session.on('error', () => undefined)
  try {
    return await new Promise((resolve) => {
      const stream = session.request({
        ':method': 'POST',
        ':path': path,
        'content-type': 'application/grpc',
        te: 'trailers',
      })
      stream.on('response', () => resolve('answered'))
      stream.on('error', () => resolve('cut off')).on('close', () => resolve('cut off'))
      stream.end(EMPTY)
    })
  } finally {
    session.destroy()
  }
}
