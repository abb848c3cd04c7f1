import { FakeClock, settle } from '@hushryd/kernel/testing/fake-clock.ts'
import { expect, it } from 'vitest'
import { Gate } from './gate.ts'
import type { Priority } from './notification.ts'

function open(options: { concurrencyMax?: number; ratePerSecond?: number } = {}) {
  const clock = new FakeClock()
  const gate = new Gate({ concurrencyMax: 2, ratePerSecond: 100, clock, ...options })
  const order: string[] = []
  const enter = async (priority: Priority, name: string, waitMs = 10_000) => {
    const leave = await gate.enter(priority, waitMs)
    order.push(leave === undefined ? `${name} gave up` : name)
    return leave
  }
  return { clock, order, enter }
}

it('lets so many in and no more, and high priority before all that wait', async () => {
  const { order, enter } = open()
  const first = await enter('low', 'low 1')
  await enter('low', 'low 2')
  void enter('low', 'low 3')
  void enter('normal', 'normal 1')
  const high = enter('high', 'high 1')
  await settle()
  expect(order).toEqual(['low 1', 'low 2'])
  first?.()
  first?.()
  const leave = await high
  expect(order).toEqual(['low 1', 'low 2', 'high 1'])
  leave?.()
  await settle()
  expect(order).toEqual(['low 1', 'low 2', 'high 1', 'normal 1'])
})

it('lets so many a second in', async () => {
  const { clock, order, enter } = open({ concurrencyMax: 100, ratePerSecond: 10 })
  for (let index = 0; index < 25; index += 1) void enter('low', `${index}`)
  await settle()
  expect(order).toHaveLength(10)
  await clock.advance(1_000)
  expect(order).toHaveLength(20)
  void enter('high', 'high')
  await clock.advance(100)
  expect(order.at(-1)).toBe('high')
})

it('lets those go that have waited for long enough, without losing their place for others', async () => {
  const { clock, order, enter } = open({ concurrencyMax: 1 })
  const leave = await enter('low', 'first')
  void enter('high', 'second', 500)
  void enter('low', 'third', 5_000)
  await clock.advance(600)
  expect(order).toEqual(['first', 'second gave up'])
  leave?.()
  await settle()
  expect(order).toEqual(['first', 'second gave up', 'third'])
})
