import fc from 'fast-check'
import { expect, test } from 'vitest'
import { isSecretName, maskPhone } from './log.ts'
import { createMemoryLog } from './testing/memory-log.ts'

const SECRET_FIELDS = [
  'phone',
  'phoneNumber',
  'driver_phone',
  'whatsapp',
  'email',
  'userEmail',
  'push_tokens',
  'token',
  'ticket',
  'authorization',
  'x-hushryd-peer-key',
  'apiKey',
  'key',
  'secret',
  'password',
  'contacts',
  'emergencyContacts',
  'lat',
  'lng',
  'location',
  'position',
  'positions',
  'coordinates',
  'Cookie',
]

test('names that hide are hidden in every spelling, and their neighbours are not', () => {
  for (const name of SECRET_FIELDS) expect(isSecretName(name), name).toBe(true)
  for (const name of [
    'latencyMs',
    'tripId',
    'method',
    'reason',
    'requestId',
    'service',
    'positionsTotal',
    'keyboard',
    'platform',
  ]) {
    expect(isSecretName(name), name).toBe(false)
  }
})

test('a phone number anywhere under a hidden name never reaches the sink', () => {
  const phone = fc.stringMatching(/^[1-9]\d{9,13}$/)
  const wrap = (value: fc.Arbitrary<unknown>) =>
    fc.oneof(
      value,
      value.map((inner) => [inner]),
      value.map((inner) => ({ deep: { er: inner } })),
      value.map((inner) => new Map([['m', inner]])),
      value.map((inner) => Object.assign(new Error('failed'), { detail: inner })),
    )
  const record = phone.chain((number) =>
    fc
      .record({
        name: fc.constantFrom(...SECRET_FIELDS),
        inner: wrap(fc.constantFrom<unknown>(number, `+${number}`, Number(number), [number], { number })),
        depth: fc.nat({ max: 4 }),
      })
      .map(({ name, inner, depth }) => {
        let value: unknown = { [name]: inner }
        for (let level = 0; level < depth; level += 1) value = level % 2 === 0 ? { level: value } : [value]
        return { number, fields: { data: value } }
      }),
  )
  fc.assert(
    fc.property(record, ({ number, fields }) => {
      const { log, lines } = createMemoryLog()
      log.info(fields, 'record')
      log.child(fields).child({ more: fields }).warn('child of a child')
      log.error({ err: Object.assign(new Error('x', { cause: fields }), fields) }, 'error')
      log.info('%j and %o', fields, fields)
      expect(lines).toHaveLength(4)
      expect(lines.join('\n')).not.toContain(number)
    }),
  )
})

test('an E.164 number is masked even where nobody expects it', () => {
  const { log, lines } = createMemoryLog()
  const number = '+919876543210'
  log.info({ note: `call ${number}`, list: [number], [number]: 1 }, `dialled ${number}`)
  log.error(new Error(`no route to +91 98765-43210`))
  log.error({ err: new Error('outer', { cause: new Error(number) }) }, 'x %s', number)
  log.info('%s and %s', 'a', number)
  expect(lines).toHaveLength(4)
  expect(lines.join('\n')).not.toMatch(/9876543210|98765-43210/)
  expect(lines.join('\n')).toContain('+91******3210')
})

test('masking keeps the country code and the last four digits', () => {
  expect(maskPhone('+919876543210')).toBe('+91******3210')
  expect(maskPhone('9876543210')).toBe('******3210')
  expect(maskPhone('+91123')).toBe('******')
})

test('records stay bounded and never throw', () => {
  const { log, records } = createMemoryLog()
  const loop: Record<string, unknown> = {}
  loop.self = loop
  log.info({
    loop,
    bytes: Buffer.alloc(100),
    many: Array.from({ length: 1000 }, () => 'x'),
    big: 1n,
    when: new Date(Number.NaN),
  })
  expect(records()[0]).toMatchObject({ bytes: '[100 bytes]', big: '1', when: '[invalid date]' })
  expect(JSON.stringify(records()[0]).length).toBeLessThan(1000)
})
