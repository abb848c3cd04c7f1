/**
 * A Kubernetes API in which there is nothing. istiod takes its configuration
 * from a folder here, but does not start without a cluster that it can ask.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { HOST } from '@hushryd/local/ports.ts'
import { stringify } from 'yaml'

const DISCOVERY: Readonly<Record<string, object>> = {
  '/version': { major: '1', minor: '34', gitVersion: 'v1.34.0' },
  '/api': { kind: 'APIVersions', versions: ['v1'] },
  '/apis': { kind: 'APIGroupList', apiVersion: 'v1', groups: [] },
}
const COLLECTION = /^\/(?:api\/v1|apis\/[^/]+\/[^/]+)(?:\/namespaces\/[^/]+)?\/[^/]+$/
const METADATA_ONLY = 'as=PartialObjectMetadataList'

function answer(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
}

function failure(response: ServerResponse, code: number, reason: string): void {
  answer(response, code, { kind: 'Status', apiVersion: 'v1', status: 'Failure', reason, code })
}

async function bodyOf(request: IncomingMessage): Promise<object> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  return JSON.parse(Buffer.concat(chunks).toString()) as object
}

function read({ url = '/', headers }: IncomingMessage, response: ServerResponse): void {
  const { pathname, searchParams } = new URL(url, 'http://cluster')
  const known = DISCOVERY[pathname]
  if (known !== undefined) answer(response, 200, known)
  else if (!COLLECTION.test(pathname)) failure(response, 404, 'NotFound')
  else if (searchParams.get('watch') !== 'true') {
    const isMetadata = headers.accept?.includes(METADATA_ONLY) === true
    const kind = isMetadata ? { kind: 'PartialObjectMetadataList', apiVersion: 'meta.k8s.io/v1' } : {}
    answer(response, 200, { ...kind, metadata: { resourceVersion: '1' }, items: [] })
  } else if (searchParams.has('sendInitialEvents')) {
    // The client lists instead.
    failure(response, 400, 'BadRequest')
  } else {
    // Nothing ever happens.
    response.writeHead(200, { 'content-type': 'application/json' }).flushHeaders()
  }
}

export interface KubeApi extends AsyncDisposable {
  /** Text of a kubeconfig that leads to it. */
  readonly kubeconfig: string
}

export async function startKubeApi(port: number): Promise<KubeApi> {
  const server = createServer((request, response) => {
    if (request.method === 'GET') read(request, response)
    else {
      bodyOf(request)
        .then((body) => answer(response, request.method === 'POST' ? 201 : 200, body))
        .catch(() => failure(response, 400, 'BadRequest'))
    }
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject).listen(port, HOST, resolve)
  })
  const name = 'nothing'
  return {
    kubeconfig: stringify({
      apiVersion: 'v1',
      kind: 'Config',
      clusters: [{ name, cluster: { server: `http://${HOST}:${port}` } }],
      contexts: [{ name, context: { cluster: name, user: name } }],
      users: [{ name, user: {} }],
      'current-context': name,
    }),
    async [Symbol.asyncDispose]() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()))
      server.closeAllConnections()
      await closed
    },
  }
}
