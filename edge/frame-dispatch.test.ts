import { createMetrics } from '@hushryd/kernel/metrics.ts'
import { describe, expect, it } from 'vitest'
import type { Connection } from './connection.ts'
import { createEvents } from './events.ts'
import { createDispatch, type DispatchParts } from './frame-dispatch.ts'
import { jsonCodec } from './frames/json-codec.ts'
import { EXCESS_FRAMES_MAX, FRAMES_BURST } from './limits.ts'
import { newFrameRate } from './rate.ts'

const NOW_MS = 1_000_000

function createWorld() {
  const sent: string[] = []
  const calls: string[] = []
  let pauses = 0
  // As much of a connection as a dispatch looks at.
  const connection = {
    codec: jsonCodec,
    isJson: true,
    isOpen: true,
    rate: newFrameRate(NOW_MS),
    send: ({ frame }: { frame: { $case: string } }) => void sent.push(frame.$case),
    sendError: (id: string) => void sent.push(`error ${id}`),
  } as unknown as Connection
  const parts = {
    calls: { call: (_connection: Connection, { id }: { id: string }) => void calls.push(id) },
    events: createEvents(createMetrics('test')),
    pauseReads: () => {
      pauses += 1
    },
  } as unknown as DispatchParts
  const dispatch = createDispatch(parts)
  return {
    sent,
    calls,
    pauses: () => pauses,
    take: (frame: object) => dispatch(connection, Buffer.from(JSON.stringify(frame)), false, NOW_MS),
  }
}

describe('a frame', () => {
  it('past the rate is refused by its id, and a socket that goes on is not read for a while', () => {
    const { take, sent, pauses } = createWorld()
    for (let index = 0; index < FRAMES_BURST + EXCESS_FRAMES_MAX; index += 1)
      take({ id: `${index}`, ping: {} })
    expect(sent.slice(0, FRAMES_BURST)).toEqual(Array.from({ length: FRAMES_BURST }, () => 'pong'))
    expect(sent.slice(FRAMES_BURST)).toEqual(
      Array.from({ length: EXCESS_FRAMES_MAX }, (_, index) => `error ${FRAMES_BURST + index}`),
    )
    expect(pauses()).toBe(0)
    take({ id: 'last', ping: {} })
    expect(pauses()).toBe(1)
  })

  it('past the rate without an id is told of once', () => {
    const { take, sent } = createWorld()
    for (let index = 0; index < FRAMES_BURST + 10; index += 1) take({ ping: {} })
    expect(sent.filter((kind) => kind === 'error ')).toHaveLength(1)
  })

  it('that raises an alert is taken at any rate, where other calls are refused', () => {
    const { take, calls, sent } = createWorld()
    for (let index = 0; index < FRAMES_BURST; index += 1) take({ ping: {} })
    take({ id: 'sos', call: { method: 'hushryd.sos.v1.SosService/TriggerSos', request: { alertId: 'a' } } })
    take({ id: 'other', call: { method: 'hushryd.location.v1.LocationService/GetTrail', request: {} } })
    expect(calls).toEqual(['sos'])
    expect(sent.at(-1)).toBe('error other')
  })
})
