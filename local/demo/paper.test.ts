import { inflateSync } from 'node:zlib'
import { expect, test } from 'vitest'
import { drawPaper } from './paper.ts'

test('each seed is another picture of the same size', () => {
  const [one, same, other] = [drawPaper(1), drawPaper(1), drawPaper(2)]
  expect(one).toEqual(same)
  expect(one).not.toEqual(other)
  for (const picture of [one, other]) {
    expect(picture.toString('latin1', 1, 4)).toBe('PNG')
    expect([picture.readUInt32BE(16), picture.readUInt32BE(20)]).toEqual([480, 300])
    const pixels = picture.subarray(picture.indexOf('IDAT') + 4, picture.indexOf('IEND') - 8)
    // A filter byte before each row of three bytes a pixel.
    expect(inflateSync(pixels)).toHaveLength(300 * (1 + 480 * 3))
  }
})
