/** A picture of a paper, as far as a demo needs one: a card in a colour of its own, with a face and lines of writing. */
import { crc32, deflateSync } from 'node:zlib'

const WIDTH = 480
const HEIGHT = 300
const SIGNATURE = Buffer.from('\x89PNG\r\n\x1a\n', 'latin1')
/** Eight bits a channel; red, green, blue. */
const HEADER = Buffer.from([0, 0, 0, 0, 0, 0, 0, 0, 8, 2, 0, 0, 0])
const CHANNELS = 3
const LINE_GAP = 34
/** Along the edge: the seed, so that no two pictures are the same. */
const BITS = 20
const BIT_WIDTH = 20
const HUES = 55

type Colour = readonly [red: number, green: number, blue: number]

/** A PNG; each seed another one. */
export function drawPaper(seed: number): Buffer {
  const paper = colourOf(seed, 200)
  const ink = colourOf(seed * 7 + 3, 40)
  const rows = Buffer.alloc(HEIGHT * (1 + WIDTH * CHANNELS))
  for (let y = 0; y < HEIGHT; y += 1) {
    for (let x = 0; x < WIDTH; x += 1) {
      rows.set(isInk(x, y, seed) ? ink : paper, y * (1 + WIDTH * CHANNELS) + 1 + x * CHANNELS)
    }
  }
  const header = Buffer.from(HEADER)
  header.writeUInt32BE(WIDTH, 0)
  header.writeUInt32BE(HEIGHT, 4)
  const parts = [part('IHDR', header), part('IDAT', deflateSync(rows)), part('IEND', Buffer.alloc(0))]
  return Buffer.concat([SIGNATURE, ...parts])
}

function isInk(x: number, y: number, seed: number): boolean {
  const isFace = (x - 90) ** 2 + (y - 120) ** 2 < 50 ** 2 || ((x - 90) / 75) ** 2 + ((y - 220) / 50) ** 2 < 1
  const line = Math.floor((y - 60) / LINE_GAP)
  const isLine =
    y > 60 && y < 250 && (y - 60) % LINE_GAP < 9 && x > 200 && x < 300 + ((seed * 31 + line * 53) % 140)
  const isCode = y > 280 && x < BITS * BIT_WIDTH && ((seed >> Math.floor(x / BIT_WIDTH)) & 1) === 1
  return isFace || isLine || isCode
}

function colourOf(seed: number, least: number): Colour {
  const channel = (by: number): number => least + ((seed * by) % HUES)
  return [channel(17), channel(29), channel(43)]
}

function part(name: string, data: Buffer): Buffer {
  const body = Buffer.concat([Buffer.from(name, 'latin1'), data])
  const length = Buffer.alloc(4)
  length.writeUInt32BE(data.length)
  const check = Buffer.alloc(4)
  check.writeUInt32BE(crc32(body))
  return Buffer.concat([length, body, check])
}
