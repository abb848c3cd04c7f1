/** Ports for servers that other processes start at the same time. */
import { spawn } from 'node:child_process'
import { createServer } from 'node:net'
import { expect, test } from 'vitest'
import { freePorts, HOST } from './ports.ts'

const PORTS = new URL('ports.ts', import.meta.url).href
/** Of twelve thousand: by chance alone some would come twice. */
const EACH = 300

/** Ports that a process of its own is given, and the end of that process. */
async function portsOfAnother(): Promise<{ ports: readonly number[]; end: () => void }> {
  const script = `const { freePorts } = await import(${JSON.stringify(PORTS)}); console.log(JSON.stringify(await freePorts(${EACH}))); setInterval(() => {}, 1000)`
  const child = spawn(process.execPath, ['--input-type=module', '-e', script])
  const [line] = (await child.stdout.setEncoding('utf8').take(1).toArray()) as string[]
  return { ports: JSON.parse(line ?? '[]') as number[], end: () => child.kill('SIGKILL') }
}

test('no port is given twice, in this process or in another, while its owner is there', async () => {
  const others = await Promise.all([portsOfAnother(), portsOfAnother()])
  try {
    const own = [...(await freePorts(EACH)), ...(await freePorts(EACH))]
    const all = [...own, ...others.flatMap(({ ports }) => ports)]
    expect(all.length).toBe(4 * EACH)
    expect(new Set(all).size).toBe(all.length)
  } finally {
    for (const { end } of others) end()
  }
})

test('a server can listen on a port that was given', async () => {
  const [port] = await freePorts(1)
  const server = createServer()
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject).listen({ port, host: HOST }, resolve)
  })
  await new Promise((resolve) => server.close(resolve))
})
