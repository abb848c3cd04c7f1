import { DomainError, ErrorReason } from '@hushryd/kernel/error.ts'
import { errorOf } from '@hushryd/kernel/error-table.ts'
import { expect, test } from 'vitest'
import { problemOf } from './problem.ts'

test.each(Object.values(ErrorReason).map((reason) => [errorOf(reason).name, reason] as const))(
  '%s has its status, code and type',
  (name, reason) => {
    const { status, headers, body } = problemOf(new DomainError(reason, 'Why.'), 'req-1')
    const { code, http } = errorOf(reason)
    expect(status).toBe(http)
    expect(headers['content-type']).toBe('application/problem+json')
    expect(headers['x-request-id']).toBe('req-1')
    expect(JSON.parse(body)).toEqual({
      type: `urn:hushryd:error:${name}`,
      title: expect.stringMatching(/^[A-Z][a-z ]+$/),
      status: http,
      code,
      reason: name,
      detail: 'Why.',
      requestId: 'req-1',
    })
  },
)

test('violations and the time to wait are told, the time in whole seconds that are long enough', () => {
  const violations = [{ field: 'contacts[1].phone', description: 'is empty' }]
  const error = new DomainError(ErrorReason.ERROR_REASON_RATE_LIMITED, 'Slower.', {
    retryAfterMs: 1001,
    violations,
  })
  const { headers, body } = problemOf(error, 'req-1')
  expect(headers['retry-after']).toBe('2')
  expect(JSON.parse(body)).toMatchObject({ violations, retryAfterMs: 1001 })
})
