import { expect, test } from 'vitest'
import { CALLS } from './generated/tables.ts'
import { methodOf, routeAnswer, routeRequest } from './method.ts'

test('a method’s path, messages and route follow from its row', () => {
  expect(methodOf(CALLS.sos, 'cancelAlert')).toEqual({
    path: 'hushryd.sos.v1.SosService/CancelAlert',
    request: 'sos.CancelAlertRequest',
    response: 'sos.CancelAlertResponse',
    route: { verb: 'POST', path: '/v1/sos/{alertId}:cancel', hasBody: true, answerField: 'alert' },
  })
  expect(methodOf(CALLS.session, 'getSession').route).toBeUndefined()
})

test('a request fills its route: the path, then the body or the query', () => {
  const trail = methodOf(CALLS.location, 'getTrail').route
  const cancel = methodOf(CALLS.sos, 'cancelAlert').route
  if (trail === undefined || cancel === undefined) throw new Error('no route')
  expect(routeRequest(trail, { tripId: 'T:1/x', fromMs: 5, toMs: undefined })).toEqual({
    verb: 'GET',
    path: '/v1/trips/T%3A1%2Fx/trail?fromMs=5',
  })
  expect(routeRequest(cancel, { alertId: 'A', pin: '1234' })).toEqual({
    verb: 'POST',
    path: '/v1/sos/A:cancel',
    body: { pin: '1234' },
  })
  expect(routeRequest(trail, { tripId: 'T', states: ['a', 'b&c'] }).path).toBe(
    '/v1/trips/T/trail?states=a&states=b%26c',
  )
  expect(() => routeRequest(cancel, { pin: '1234' })).toThrow('alertId is missing.')
})

test('an answer that REST gives without its wrapping is wrapped as over a socket', () => {
  const cancel = methodOf(CALLS.sos, 'cancelAlert').route
  const trail = methodOf(CALLS.location, 'getTrail').route
  if (trail === undefined || cancel === undefined) throw new Error('no route')
  expect(routeAnswer(cancel, { alertId: 'A' })).toEqual({ alert: { alertId: 'A' } })
  expect(routeAnswer(trail, { updates: [] })).toEqual({ updates: [] })
})
