/** Gives the page `virtual:ride-lines`, so that the lines are made from the rides that the demo replays. */
import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import type { Plugin } from 'vite'
import { readRides } from '../../local/demo/ride.ts'
import { rideLines } from './ride-lines.ts'

const NAME = 'virtual:ride-lines'
const RIDES = fileURLToPath(new URL('../../local/demo/rides.csv', import.meta.url))

export function rideLinesPlugin(): Plugin {
  return {
    name: 'ride-lines',
    resolveId: (id) => (id === NAME ? `\0${NAME}` : undefined),
    async load(id) {
      if (id !== `\0${NAME}`) return undefined
      this.addWatchFile(RIDES)
      const lines = JSON.stringify(rideLines(readRides(await readFile(RIDES, 'utf8'))))
      // Engines read a JSON text faster than the same thing as code.
      return `export const lines = JSON.parse(${JSON.stringify(lines)})`
    },
  }
}
