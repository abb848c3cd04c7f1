/**
 * `npm run bench -- docs`: photos of 200 KB uploaded all at once through
 * presigned addresses, from announcement to "in front of a reviewer", and what
 * S3 alone takes for the same objects. The service's memory is read from the
 * kernel: the most that it ever had.
 */
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { DocumentServiceDefinition } from '@hushryd/gen/hushryd/docs/v1/docs.ts'
import { PushEvent } from '@hushryd/gen/hushryd/push/v1/push.ts'
import { callerMetadata, peerCredential } from '@hushryd/kernel/rpc/caller.ts'
import { createRpcClient, openRpcChannel } from '@hushryd/kernel/rpc/client.ts'
import { startSystem, type TestSystem } from '@hushryd/local/testing/start-system.ts'
import { connect } from '@nats-io/transport-node'
import { makePhoto, sha256Of } from '../../services/docs/testing/sample-files.ts'
import { cpuTimeMs } from '../load/cpu-time.ts'
import { machineFacts } from '../location/report.ts'
import { quantilesOf, secondsSince } from './figures.ts'
import { measureS3Alone } from './s3-alone.ts'

const RESULTS = fileURLToPath(new URL('../results/', import.meta.url))
const FILE_BYTES = 200_000
/** Noise packs badly: this is what fills 200 KB as a JPEG, about what a phone sends of a licence. */
const PHOTO = { width: 660, height: 500 }
/** Different files, each uploaded many times by different people. */
const PHOTOS = 20
/** Connections to S3 at once; the uploads themselves all begin at once. */
const PUTS_AT_ONCE = 64
/** A sample of what S3 does by itself; each file of it costs the same. */
const ALONE_MAX = 300
const CALL_TIMEOUT_MS = 480_000
const MB = 1024 * 1024

interface File {
  readonly bytes: Uint8Array<ArrayBuffer>
  readonly sha256: string
}

/** Padded to the byte: the decoder does not look behind the image's end. */
async function makeFile(seed: number): Promise<File> {
  const photo = await makePhoto({ ...PHOTO, seed })
  if (photo.length > FILE_BYTES) throw new Error(`a photo of ${photo.length} bytes`)
  const bytes = new Uint8Array(FILE_BYTES)
  bytes.set(photo)
  return { bytes, sha256: sha256Of(bytes) }
}

async function peakMb(system: TestSystem): Promise<number> {
  const status = await readFile(`/proc/${system.process('docs').pid}/status`, 'utf8')
  return Math.round((Number(/^VmHWM:\s+(\d+) kB/m.exec(status)?.[1]) * 1024) / MB)
}

const PROCESSES = ['docs', 's3', 'clamd', 'mongo', 'nats'] as const

/** Milliseconds of CPU by process so far; `apps` is this process, which uploads. */
async function cpuMs(system: TestSystem): Promise<readonly (readonly [name: string, ms: number])[]> {
  const pids = [
    ...PROCESSES.map((name) => [name, system.process(name).pid] as const),
    ['apps', process.pid] as const,
  ]
  return await Promise.all(pids.map(async ([name, pid]) => [name, await cpuTimeMs(pid ?? 0)] as const))
}

export async function runDocsBench(args: string[]): Promise<void> {
  const { values } = parseArgs({
    args,
    options: {
      uploads: { type: 'string', default: '5000' },
      // What is not ready by then is not waited for: the bench stays within nine minutes.
      seconds: { type: 'string', default: '480' },
    },
  })
  const uploads = Number(values.uploads)
  const files = await Promise.all(Array.from({ length: PHOTOS }, (_, index) => makeFile(index / PHOTOS)))
  console.log('starting')
  await using system = await startSystem({
    edges: 1,
    // The sandbox has to have somewhere to report to.
    programs: ['docs', 'edge'],
    env: { LOG_LEVEL: 'warn' },
  })
  await using opened = new AsyncDisposableStack()
  const nats = opened.adopt(await connect({ servers: system.plan.stores.natsUrl }), (link) => link.close())
  const [address = ''] = system.grpcOf('docs')
  const channel = opened.adopt(
    openRpcChannel({ address, peer: peerCredential('edge', system.plan.keys.peerKey) }),
    (open) => open.close(),
  )
  const client = createRpcClient(DocumentServiceDefinition, channel, { timeoutMs: CALL_TIMEOUT_MS })

  const startMs = new Map<string, number>()
  const ready: number[] = []
  const done = Promise.withResolvers<void>()
  nats.subscribe('push.user.*', {
    callback: (_error, { data }) => {
      const { userId, type, data: facts } = PushEvent.decode(data)
      const beganMs = startMs.get(userId)
      if (type !== 'document.changed' || beganMs === undefined) return
      if (facts?.state !== 'AVAILABLE') done.reject(new Error(`an upload ended ${String(facts?.state)}`))
      ready.push(performance.now() - beganMs)
      if (ready.length === uploads) done.resolve()
    },
  })
  await nats.flush()
  const idleMb = await peakMb(system)

  const announced: number[] = []
  const stored: number[] = []
  const bodies = createGate(PUTS_AT_ONCE)
  async function uploadOne(index: number): Promise<void> {
    const file = files[index % PHOTOS]
    if (file === undefined) throw new Error('no file')
    const userId = `driver-${index}`
    const caller = { kind: 'user', userId, role: 'driver', deviceId: 'bench' } as const
    const as = { metadata: callerMetadata(caller, 'bench') }
    const beganMs = performance.now()
    startMs.set(userId, beganMs)
    const { documentId, upload } = await client.createUpload(
      {
        documentType: 'license',
        fileName: 'licence.jpg',
        contentType: 'image/jpeg',
        sizeBytes: file.bytes.length,
        sha256: file.sha256,
      },
      as,
    )
    announced.push(performance.now() - beganMs)
    await bodies(async () => {
      const response = await fetch(upload?.url ?? '', {
        method: 'PUT',
        headers: upload?.headers ?? {},
        body: file.bytes,
      })
      await response.arrayBuffer()
      if (!response.ok) throw new Error(`S3 answered ${response.status}`)
    })
    await client.completeUpload({ documentId }, as)
    stored.push(performance.now() - beganMs)
  }

  console.log(`${uploads} uploads of ${FILE_BYTES / 1000} KB at once`)
  const cpuBefore = new Map(await cpuMs(system))
  const began = performance.now()
  await Promise.all(Array.from({ length: uploads }, (_, index) => uploadOne(index)))
  const storedS = secondsSince(began)
  console.log(`all stored after ${storedS} s, ${ready.length} ready`)
  const leftMs = Number(values.seconds) * 1_000 - (performance.now() - began)
  const timer = setTimeout(() => done.resolve(), leftMs)
  await done.promise
  clearTimeout(timer)
  const readyS = secondsSince(began)
  const finished = ready.length
  const used = (await cpuMs(system)).map(([name, ms]) => [name, ms - (cpuBefore.get(name) ?? 0)] as const)
  const cpuMsPerFile = Object.fromEntries(
    used.map(([name, ms]) => [name, Math.round((ms * 10) / finished) / 10]),
  )
  const memoryMb = { idle: idleMb, peak: await peakMb(system) }

  console.log('the same objects without the service')
  const s3Alone = await measureS3Alone(system.plan.stores.special.s3, {
    files: files.map(({ bytes }) => bytes),
    count: Math.min(uploads, ALONE_MAX),
    width: PUTS_AT_ONCE,
  })
  const result = {
    at: new Date().toISOString(),
    machine: machineFacts(),
    uploads,
    fileBytes: FILE_BYTES,
    announced: quantilesOf(announced),
    stored: { seconds: storedS, perSecond: Math.round(uploads / storedS), ...quantilesOf(stored) },
    ready: { finished, seconds: readyS, perSecond: Math.round(finished / readyS), ...quantilesOf(ready) },
    s3Alone,
    /** Of the time until all were ready, what S3 takes for the same puts, reads and deletions with nobody else there. */
    s3Share: Math.round((finished * s3Alone.wholeWayMsPerFile) / readyS / 10) / 100,
    /** Of all cores together. Where it is near their number, CPU is the limit. */
    coresUsed: Math.round(used.reduce((sum, [, ms]) => sum + ms, 0) / readyS / 10) / 100,
    cpuMsPerFile,
    memoryMb,
  }
  console.log(JSON.stringify(result, null, 2))
  await mkdir(RESULTS, { recursive: true })
  await writeFile(`${RESULTS}docs.json`, `${JSON.stringify(result, null, 2)}\n`)
  console.log('written to bench/results/docs.json')
}

/** So many at once; the others wait in their order. */
function createGate(width: number): (work: () => Promise<void>) => Promise<void> {
  let free = width
  const waiting: (() => void)[] = []
  return async (work) => {
    if (free === 0) await new Promise<void>((resolve) => waiting.push(resolve))
    else free -= 1
    try {
      await work()
    } finally {
      const next = waiting.shift()
      if (next === undefined) free += 1
      else next()
    }
  }
}
