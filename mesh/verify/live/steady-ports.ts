/**
 * Free ports below those that the kernel gives to outgoing connections: a
 * process that is replaced finds its own again.
 */
import { isPortFree } from '@hushryd/local/ports.ts'

const FIRST = 20_000
const LAST = 32_000

/** Of this process: none is given twice. */
const given = new Set<number>()

export async function steadyPorts(count: number): Promise<number[]> {
  const found: number[] = []
  // Others may look at the same time: each begins somewhere else.
  const start = Math.floor(Math.random() * (LAST - FIRST))
  for (let step = 0; found.length < count && step < LAST - FIRST; step += 1) {
    const port = FIRST + ((start + step) % (LAST - FIRST))
    if (given.has(port) || !(await isPortFree(port))) continue
    given.add(port)
    found.push(port)
  }
  if (found.length < count) throw new Error(`fewer than ${count} ports are free`)
  return found
}
