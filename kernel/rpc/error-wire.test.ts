import fc from 'fast-check'
import { ClientError, Status } from 'nice-grpc-common'
import { expect, test } from 'vitest'
import { DomainError, ErrorReason } from '../error.ts'
import { ERROR_TABLE, findReason } from '../error-table.ts'
import { decodeErrorDetails, encodeErrorDetails } from './error-details.ts'
import { toDomainError, toServerError } from './error-wire.ts'

test('each row of the table bears the name of its reason', () => {
  for (const [name, reason] of Object.entries(ErrorReason)) {
    expect(`ERROR_REASON_${ERROR_TABLE[reason].name}`).toBe(name)
    expect(Status[ERROR_TABLE[reason].status]).toBe(ERROR_TABLE[reason].code)
    expect(findReason(ERROR_TABLE[reason].name)).toBe(reason)
  }
})

test('details survive their encoding, whatever they hold', () => {
  const details = fc.record({
    code: fc.integer({ min: 0, max: 16 }),
    message: fc.string({ unit: 'grapheme' }),
    reason: fc.constantFrom('TRIP_NOT_FOUND', 'X'),
    metadata: fc.dictionary(
      fc.string().filter((key) => key !== '__proto__'),
      fc.string({ unit: 'grapheme' }),
    ),
    retryAfterMs: fc.nat({ max: 10_000_000 }),
    violations: fc.array(fc.record({ field: fc.string(), description: fc.string() })),
  })
  fc.assert(
    fc.property(details, (given) => {
      const read = decodeErrorDetails(encodeErrorDetails(given))
      expect(read).toEqual({
        ...given,
        metadata: { ...given.metadata },
        retryAfterMs: expect.closeTo(given.retryAfterMs, 5),
      })
    }),
  )
})

test('bytes that are no status never throw', () => {
  fc.assert(fc.property(fc.uint8Array(), (bytes) => void decodeErrorDetails(bytes)))
})

test('a status without our details gets the reason nearest to it', () => {
  const away = toDomainError(new ClientError('/a/b', Status.UNAVAILABLE, 'no connection'))
  expect(away).toMatchObject({ reason: ErrorReason.ERROR_REASON_UNAVAILABLE, message: 'no connection' })
  const unknown = toDomainError(new ClientError('/a/b', Status.UNIMPLEMENTED, 'what?'))
  expect(unknown.reason).toBe(ErrorReason.ERROR_REASON_UNKNOWN_METHOD)
})

test('an error of grpc-js is read with the details in its metadata', () => {
  const wire = toServerError(
    new DomainError(ErrorReason.ERROR_REASON_TRIP_ENDED, 'over', { metadata: { a: 'b' } }),
  )
  const error = Object.assign(new Error('9 FAILED_PRECONDITION: over'), {
    code: wire.code,
    details: wire.details,
    metadata: { get: () => [Buffer.from(wire.detailsBin)] },
  })
  expect(toDomainError(error)).toMatchObject({
    reason: ErrorReason.ERROR_REASON_TRIP_ENDED,
    metadata: { a: 'b' },
  })
})

test('anything else is INTERNAL and shows nothing of itself', () => {
  const cause = new Error('postgres://user:pass@host')
  const wire = toServerError(cause)
  expect(wire).toMatchObject({ code: Status.INTERNAL, reason: ErrorReason.ERROR_REASON_INTERNAL })
  expect(wire.details).not.toContain('pass')
  expect(toDomainError(cause).cause).toBe(cause)
})
