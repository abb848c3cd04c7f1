import { WatchEventsResponse } from '@hushryd/gen/hushryd/admin/v1/admin.ts'
import { descriptors } from '@hushryd/kernel/rpc/descriptors.ts'
import { expect, test } from 'vitest'
import { SharedAnswers, sharedText } from './shared-answers.ts'

const message = descriptors().registry.getMessage('hushryd.admin.v1.WatchEventsResponse')
if (message === undefined) throw new Error('the contract has no WatchEventsResponse')
const type = message

function bytesOf(sequence: number): Uint8Array {
  return WatchEventsResponse.encode(WatchEventsResponse.fromPartial({ sequence })).finish()
}

test('equal bytes are one object and one text, others are not', () => {
  const answers = new SharedAnswers()
  const one = answers.toJson(type, bytesOf(7))
  expect(one.sequence).toBe(7)
  expect(answers.toJson(type, bytesOf(7))).toBe(one)
  expect(answers.toJson(type, bytesOf(8))).not.toBe(one)
  expect(sharedText(one)).toBe(JSON.stringify(one))
})

test('what is remembered is bounded', () => {
  const answers = new SharedAnswers()
  const first = answers.toJson(type, bytesOf(1))
  for (let sequence = 2; sequence < 100; sequence += 1) answers.toJson(type, bytesOf(sequence))
  expect(answers.toJson(type, bytesOf(1))).not.toBe(first)
  expect(answers.toJson(type, bytesOf(1))).toEqual(first)
})
