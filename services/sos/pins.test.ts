import { randomBytes } from 'node:crypto'
import { readKeyRing } from '@hushryd/kernel/sealed-field.ts'
import { expect, test } from 'vitest'
import { findCounting, hashPins, matchPin, type PinSet, replacePins } from './pins.ts'

const ring = readKeyRing(`k1:${randomBytes(32).toString('base64')}`)

function setAt(setMs: number): PinSet {
  return { keyId: 'k1', salt: '', pin: '', duress: '', setMs }
}

test('each PIN is told apart from the other and from every wrong one', async () => {
  const set = await hashPins(ring, { pin: '2580', duressPin: '1379', setMs: 1 })
  expect(await matchPin(ring, set, '2580')).toBe('pin')
  expect(await matchPin(ring, set, '1379')).toBe('duress')
  for (const wrong of ['', '0000', '25800', '258']) expect(await matchPin(ring, set, wrong)).toBe('wrong')
})

test('without a duress PIN nothing is one, and nothing shows that there is none', async () => {
  const [without, having] = await Promise.all([
    hashPins(ring, { pin: '2580', duressPin: '', setMs: 1 }),
    hashPins(ring, { pin: '2580', duressPin: '1379', setMs: 1 }),
  ])
  expect(await matchPin(ring, without, '')).toBe('wrong')
  expect(without.duress).toHaveLength(having.duress.length)
})

test('of the same PIN nothing is the same for two people, and it is worthless without the key', async () => {
  const [one, other] = await Promise.all([
    hashPins(ring, { pin: '2580', duressPin: '', setMs: 1 }),
    hashPins(ring, { pin: '2580', duressPin: '', setMs: 1 }),
  ])
  expect(one.pin).not.toBe(other.pin)
  const stolen = readKeyRing(`k1:${randomBytes(32).toString('base64')}`)
  expect(await matchPin(stolen, one, '2580')).toBe('wrong')
})

test('for an alert only the PINs count that were set before it, however often they are set again', () => {
  let record = replacePins(undefined, setAt(10), undefined)
  for (const setMs of [30, 40, 50]) record = replacePins(record, setAt(setMs), 20)
  expect(record.current.setMs).toBe(50)
  expect(findCounting(record, 20)?.setMs).toBe(10)
  expect(findCounting(record, 60)?.setMs).toBe(50)
  const first = replacePins(undefined, setAt(30), 20)
  expect(findCounting(first, 20)).toBeUndefined()
})
