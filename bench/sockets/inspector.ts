/** Looks into a running Node process by its own inspector, so that the process needs nothing for it. */
import type { TestSystem } from '../../local/testing/start-system.ts'

export interface Memory {
  readonly rss: number
  readonly heapUsed: number
  readonly heapTotal: number
  readonly external: number
  readonly arrayBuffers: number
}

export interface Inspector extends Disposable {
  memory(): Promise<Memory>
  collectGarbage(): Promise<void>
}

/** For the process's environment: the inspector takes a free port once it is asked for. */
export const INSPECTABLE = { NODE_OPTIONS: '--inspect-port=0' } as const

const LISTENS = /^Debugger listening on (ws:\S+)/
const LOOK_EVERY_MS = 20
const LOOKS_MAX = 500

async function urlOf(system: TestSystem, name: string): Promise<string> {
  process.kill(system.process(name).pid ?? 0, 'SIGUSR1')
  for (let looks = 0; looks < LOOKS_MAX; looks += 1) {
    const url = system.output(name).findLast((line) => LISTENS.test(line))
    if (url !== undefined) return LISTENS.exec(url)?.[1] ?? ''
    await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS))
  }
  throw new Error(`the inspector of ${name} does not listen`)
}

interface Answer {
  readonly id: number
  readonly result?: { readonly result?: { readonly value?: string } }
  readonly error?: { readonly message: string }
}

export async function openInspector(system: TestSystem, name: string): Promise<Inspector> {
  const socket = new WebSocket(await urlOf(system, name))
  await new Promise<void>((resolve, reject) => {
    socket.addEventListener('open', () => resolve())
    socket.addEventListener('error', () => reject(new Error(`the inspector of ${name} does not answer`)))
  })
  let lastId = 0
  function ask(method: string, params: object = {}): Promise<Answer> {
    lastId += 1
    const id = lastId
    return new Promise((resolve, reject) => {
      function onMessage({ data }: MessageEvent): void {
        const answer = JSON.parse(String(data)) as Answer
        if (answer.id !== id) return
        socket.removeEventListener('message', onMessage)
        if (answer.error === undefined) resolve(answer)
        else reject(new Error(`${method}: ${answer.error.message}`))
      }
      socket.addEventListener('message', onMessage)
      socket.send(JSON.stringify({ id, method, params }))
    })
  }
  return {
    async memory() {
      const { result } = await ask('Runtime.evaluate', {
        expression: 'JSON.stringify(process.memoryUsage())',
      })
      return JSON.parse(result?.result?.value ?? '') as Memory
    },
    async collectGarbage() {
      await ask('HeapProfiler.collectGarbage')
    },
    [Symbol.dispose]: () => socket.close(),
  }
}
